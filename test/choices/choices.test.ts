// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of prompts are written so.
/** Prompts with choices: which words a seed draws, what is refused, and what stays words. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asTyped, drawWords, type ListSource, wildcardFolder } from '../../src/choices/choices.ts';
import { freezeRequest, ofPicture, type RequestDraft, requestToJson } from '../../src/request.ts';
import { sayWords } from '../../src/sentences.ts';

const lists =
  (of: Readonly<Record<string, readonly string[]>> = {}): ListSource =>
  async () =>
    new Map(Object.entries(of).map(([name, lines]) => [name, async () => lines] as const));
const drawn = (prompt: string, more: Partial<RequestDraft> = {}, of = lists()) =>
  drawWords({ prompt, seed: 1, ...more }, of);
const draw = async (...args: Parameters<typeof drawn>) => (await drawn(...args)).draft;
const seen = async (prompt: string, of = lists(), seeds = 60) => {
  const all = await Promise.all(
    Array.from({ length: seeds }, async (_, seed) => (await draw(prompt, { seed }, of)).prompt),
  );
  return all;
};
const CONTEXT = {
  model: 'mini',
  defaults: {
    ...({ numInferenceSteps: 20, guidanceScale: 5, sampler: 'ddim', schedule: 'normal' } as const),
    ...{ width: 256, height: 256, strength: 0.8, maxSize: 512 },
  },
};

test('a seed draws the same words each time, every option is drawn, and weights count', async () => {
  const one = await draw('a {red|blue|green} mug on {a table|the beach}', { seed: 7 });
  assert.deepEqual(one, await draw('a {red|blue|green} mug on {a table|the beach}', { seed: 7 }));
  assert.match(one.prompt, /^a (red|blue|green) mug on (a table|the beach)$/);
  assert.equal(one.templates?.prompt, 'a {red|blue|green} mug on {a table|the beach}');
  assert.deepEqual(new Set(await seen('{red|blue|green}')), new Set(['red', 'blue', 'green']));
  const weighed = await seen('{9::red|1::blue}', lists(), 200);
  const reds = weighed.filter((word) => word === 'red').length;
  assert.ok(reds > 150 && reds < 200, `${reds} of 200`);
});

test('several without repetition, with a joiner, nested, and an empty option', async () => {
  for (const words of await seen('{2$$ and $$red|blue|green}')) {
    assert.match(words, /^(red|blue|green) and (?!\1)(red|blue|green)$/);
  }
  assert.deepEqual(
    new Set((await seen('{1-2$$a|b}')).map((words) => words.split(', ').length)),
    new Set([1, 2]),
  );
  assert.deepEqual(
    new Set(await seen('a {very {old|new}|small} {shiny |}car')),
    new Set(['very old', 'very new', 'small'].flatMap((first) => [`a ${first} car`, `a ${first} shiny car`])),
  );
  const colours = lists({ colour: ['red', 'blue', 'green'] });
  for (const words of await seen('{2$$__colour__}', colours)) {
    assert.match(words, /^(red|blue|green), (?!\1)(red|blue|green)$/);
  }
});

test('a variable has the words of its value: at each place anew, or the same ones', async () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['${c={red|blue}} a ${c} mug', ['a red mug', 'a blue mug']],
    ['${c=!{red|blue}} ${c}, ${c}', ['red, red', 'blue, blue']],
    ['${c={red|blue}}${c}, ${c}', ['red, red', 'red, blue', 'blue, red', 'blue, blue']],
    ['${ c = {red|blue} }${ c } mug', ['red mug', 'blue mug']],
    ['${c=red}${d={${c} mug|${c} cup}}a ${d}', ['a red mug', 'a red cup']],
    ['a ${c:green} mug', ['a green mug']],
    ['${c=}a ${c:green} mug', ['a mug']],
    ['{${c=red}|${c=blue}}a ${c} mug', ['a red mug', 'a blue mug']],
    ['${c=red}${c=blue}${c}', ['blue']],
    ['${색=!{빨간|파란}} ${색} 컵', ['빨간 컵', '파란 컵']],
    // What no variable is stays words, and `$$` is the end of a count.
    ['a mug for $5 {and|or} ${5}', ['a mug for $5 and ${5}', 'a mug for $5 or ${5}']],
    ['{2$${red}|blue}', ['{red}, blue', 'blue, {red}']],
    ['{a|b} $\\{c}', ['a $\\{c}', 'b $\\{c}']],
  ];
  for (const [prompt, expected] of rows) {
    assert.deepEqual(new Set(await seen(prompt)), new Set(expected), prompt);
  }
  const colours = lists({ colour: ['red', 'blue'] });
  assert.deepEqual(
    new Set(await seen('${c=!__colour__}${c} ${c}', colours)),
    new Set(['red red', 'blue blue']),
  );
});

test('a variable without a value, with its own value, and too many of them are refused', async () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    [
      'a ${c} mug',
      /^The variable \$\{c\} has no value yet\. Write one before it, as in \$\{c=\{red\|blue\}\}; --syntax plain draws it as words\.$/,
    ],
    ['a ${c} mug ${c=red}', /has no value yet/],
    [
      '${colour=red} a ${color} mug',
      /^The variable \$\{color\} has no value yet\. Did you mean \$\{colour\}\?$/,
    ],
    ['a ${constructor} mug', /has no value yet/],
    ['${c=a ${c}}${c}', /^The value of \$\{c\} uses \$\{c\} itself\./],
    ['${a=${b}}${b=${a}}${a}', /uses \$\{a\} itself/],
    [
      `\${v0=}${Array.from({ length: 40 }, (_, i) => `\${v${i + 1}=\${v${i}}\${v${i}}}`).join('')}\${v40}`,
      /more than 5000 choices/,
    ],
    [
      `\${v0=word }${Array.from({ length: 11 }, (_, i) => `\${v${i + 1}=\${v${i}}\${v${i}}}`).join('')}\${v11}`,
      /longer than/,
    ],
  ];
  for (const [prompt, message] of rows) {
    await assert.rejects(draw(prompt), { code: 'bad_request', message }, prompt);
  }
});

test('signs of other ways through the options are said', async () => {
  const notes = async (prompt: string, of = lists()) =>
    (await drawn(prompt, {}, of)).notes.map((note) => sayWords('en', note));
  assert.deepEqual(new Set(await seen('{~a|b}')), new Set(['a', 'b']));
  assert.deepEqual(await notes('{~a|b}'), []);
  assert.deepEqual(new Set(await seen('{@a|b}')), new Set(['a', 'b']));
  assert.deepEqual(await notes('{@a|b}'), ['The @ in {@a|b} has no effect: the seed draws what is taken.']);
  assert.deepEqual(await notes('{!2$$a|b}'), [
    'The ! in {!2$$a|b} has no effect: the seed draws what is taken.',
  ]);
  assert.deepEqual(new Set(await seen('__@c__', lists({ c: ['x', 'y'] }))), new Set(['x', 'y']));
});

test('a range may be open on either side, and spaces do not count', async () => {
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ['{-2$$a|b|c}', [1, 2]],
    ['{2-$$a|b|c}', [2, 3]],
    ['{ 1 - 2 $$a|b|c}', [1, 2]],
    ['{2-1$$a|b|c}', [1, 2]],
    ['{2 $$ + $$a|b|c}', [2]],
  ];
  for (const [prompt, counts] of rows) {
    const taken = (await seen(prompt)).map((words) => words.split(/, | \+ /).length);
    assert.deepEqual([...new Set(taken)].toSorted(), counts, prompt);
  }
});

test('where more are asked for than there are, all are taken, and that is said', async () => {
  const colours = lists({ colour: ['red', 'blue'] });
  const rows: readonly (readonly [string, readonly number[], readonly string[]])[] = [
    ['{3$$a|b}', [2], ['{3$$a|b} has 2 choices to take from, not 3.']],
    // As often two as three: the end of the range is three.
    ['{2-9$$a|b|c}', [2, 3], ['{2-9$$a|b|c} has 3 choices to take from, not 9.']],
    ['{4-$$a|b}', [2], ['{4-$$a|b} has 2 choices to take from, not 4.']],
    ['{2$$a|0::b}', [1], ['{2$$a|0::b} has 1 choice to take from, not 2.']],
    ['{3$$__colour__}', [2], ['{3$$__colour__} has 2 choices to take from, not 3.']],
    ['{0$$a|b}', [0], ['{0$$a|b} takes none of its choices.']],
    ['{2$$a|b}', [2], []],
    ['{0-1$$a|b}', [0, 1], []],
    ['{1-$$a|b}', [1, 2], []],
  ];
  for (const [prompt, counts, expected] of rows) {
    const all = await Promise.all(
      Array.from({ length: 60 }, (_, seed) => drawn(prompt, { seed, num_images: 3 }, colours)),
    );
    const taken = all.map(({ draft }) => (draft.prompt === '' ? 0 : draft.prompt.split(', ').length));
    assert.deepEqual([...new Set(taken)].toSorted(), counts, prompt);
    for (const { notes } of all) {
      assert.deepEqual(
        notes.map((note) => sayWords('en', note)),
        expected,
        prompt,
      );
    }
    if (prompt.startsWith('{2-9')) {
      const three = taken.filter((count) => count === 3).length;
      assert.ok(three > 15 && three < 45, `${three} of 60`);
    }
  }
  const { notes } = await drawn('a mug', { negative_prompt: `{3$$${'word '.repeat(20)}|b}` });
  assert.match(sayWords('en', notes[0]!), /^\{3\$\$word .{1,40}… has 2 choices/);
});

test('wildcards: lines of lists, lists within lists, names with a star', async () => {
  const of = lists({
    thing: ['a __colour__ mug', '{tall|small} tree'],
    colour: ['red', 'blue'],
    'x/hair': ['long'],
  });
  assert.deepEqual(
    new Set(await seen('__thing__', of)),
    new Set(['a red mug', 'a blue mug', 'tall tree', 'small tree']),
  );
  assert.equal((await draw('__x/*__ hair', {}, of)).prompt, 'long hair');
});

test('what is no choice stays words: single braces, open braces, unknown names, plain syntax', async () => {
  const escaped = ['\\{a|b\\}', '{a\\|b}', '\\{a|b}', '{$$}', 'a::b {word::x}'];
  for (const prompt of ['{red}', 'a { b', 'a } b', '{a|b', '__init__', '{{{{'.repeat(5000), ...escaped]) {
    assert.equal((await draw(prompt)).prompt, prompt, prompt.slice(0, 20));
  }
  assert.equal((await draw('{a|b}', { prompt_syntax: 'plain' })).prompt, '{a|b}');
});

test('a weight of 0 is never drawn, also where several are', async () => {
  assert.deepEqual([...new Set(await seen('{2$$a|0::b|c}'))].toSorted(), ['a, c', 'c, a']);
});

test('what cannot be drawn is refused with a sentence', async () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string[]>>, RegExp])[] = [
    ['__a__', { a: ['x __b__'], b: ['__a__', 'y'] }, /a calls itself: a → b → a/],
    ['__colur__', { colour: ['red'] }, /no wildcard colur. Did you mean __colour__/],
    ['__none__', { none: [] }, /none has no lines/],
    ['{-1::a|b}', {}, /\{3::red\|blue\}; -1:: is none/],
    ['{x|1e9::b}', {}, /1e9:: is none/],
    ['__a__', { a: ['x', '-2::y'] }, /-2:: is none/],
    ['{--1$$a|b}', {}, /\{2\$\$red\|blue\|green\}; --1\$\$ is none/],
    ['{1--2$$a|b}', {}, /1--2\$\$ is none/],
    ['{1-2.5$$a|b}', {}, /1-2\.5\$\$ is none/],
    ['{1-2-3$$a|b}', {}, /1-2-3\$\$ is none/],
    ['{1,2$$a|b}', {}, /1,2\$\$ is none/],
    ['{+1$$a|b}', {}, /\+1\$\$ is none/],
    ['{1e3$$a|b}', {}, /1e3\$\$ is none/],
    ['{1.5$$a|b}', {}, /1\.5\$\$ is none/],
    ['{99999999999$$a|b}', {}, /99999999999\$\$ is none/],
    ['{0::a|0::b}', {}, /weight 0/],
    ['{0-2$$0::a|0::b}', {}, /weight 0/],
    ['__a__', { a: ['0::x', '0::y'] }, /weight 0/],
    [`${'{a|'.repeat(30)}b${'}'.repeat(30)}`, {}, /more than 20 deep/],
    ['__a__', { a: ['__b__ '.repeat(100)], b: ['word '.repeat(300)] }, /longer than 10000/],
    ['__a__', { a: ['__b__'.repeat(300)], b: ['__c__'.repeat(300)], c: ['x'] }, /more than 5000 choices/],
  ];
  for (const [prompt, of, sentence] of rows) {
    await assert.rejects(draw(prompt, {}, lists(of)), { code: 'bad_request', message: sentence });
  }
});

test('each picture of several has the words of its own seed, and its recipe makes it again', async () => {
  const typed: RequestDraft = { prompt: 'a {red|blue|green|white} mug', seed: 3, num_images: 4 };
  const words = async (draft: RequestDraft) => (await drawWords(draft, lists())).draft;
  const { request } = freezeRequest(await words(typed), CONTEXT);
  for (let i = 0; i < 4; i++) {
    const single = await words({ ...typed, seed: 3 + i, num_images: 1 });
    const own = ofPicture(request, i);
    assert.equal(own.prompt, single.prompt);
    const again = freezeRequest(await words(requestToJson(own)), CONTEXT).request;
    assert.deepEqual(again, own);
  }
  assert.deepEqual(await words(requestToJson(request)), requestToJson(request));
  const { prompt, num_images, templates } = asTyped(requestToJson(request));
  assert.deepEqual(
    { prompt, num_images, templates },
    { ...{ prompt: typed.prompt, num_images: 4 }, templates: undefined },
  );
});

test('a LoRA may be a choice of one picture, and not another one for each of several', async () => {
  const prompt = '{<lora:ink:1> ink|<lora:oil:0.5> oil} mug';
  const one = freezeRequest(await draw(prompt, { seed: 2 }), CONTEXT).request;
  assert.match(one.prompt, /^(ink|oil) mug$/);
  assert.equal(one.loras?.length, 1);
  const four = await draw(prompt, { num_images: 8 });
  assert.throws(() => freezeRequest(four, CONTEXT), /another LoRA for each picture/);
  // Typed again, the LoRA that was drawn does not stay.
  assert.equal(asTyped(requestToJson(one)).loras, undefined);
});

test("the operator's folder: names are paths, and never leave it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'wildcards-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'x', 'lists'), { recursive: true });
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await writeFile(join(folder, 'x', 'lists', 'colour.txt'), '# colours\nred\r\n\nblue\n');
  const source = wildcardFolder(join(folder, 'x'));
  const found = await source();
  assert.deepEqual([...found.keys()], ['lists/colour']);
  assert.deepEqual(await found.get('lists/colour')!(), ['red', 'blue']);
  assert.equal(found.get('../secret'), undefined);
  await assert.rejects(wildcardFolder(join(folder, 'none'))(), { code: 'misconfigured' });
});
