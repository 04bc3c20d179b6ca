import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AnyCommand, parseValues } from '../../commands/command.ts';
import { draftOf } from '../../commands/draft.ts';
import { imagine } from '../../commands/imagine.ts';
import { readLine, splitCommand } from '../../commands/line.ts';
import { unwrap } from '../../commands/paste.ts';
import { queue } from '../../commands/queue.ts';
import { commandLine } from '../../commands/recipe.ts';
import { DarkroomError } from '../../src/errors.ts';
import { freezeRequest, type ModelDefaults, requestToJson } from '../../src/request.ts';
import { sayWords } from '../../src/sentences.ts';

const parse = (line: string, command: AnyCommand = imagine) =>
  parseValues(command, readLine(command, line).values, 'discord');

const DEFAULTS: ModelDefaults = {
  numInferenceSteps: 20,
  guidanceScale: 5,
  sampler: 'ddim',
  schedule: 'normal',
  width: 256,
  height: 256,
  strength: 0.7,
  maxSize: 512,
};

test('a line becomes typed values', () => {
  assert.deepEqual(splitCommand(' /Imagine a mug'), { name: 'imagine', rest: 'a mug' });
  assert.equal(splitCommand('a mug'), undefined);
  assert.deepEqual(
    parse('a mug --seed 3 --steps=20 --cfg 5.5 --ar 3:2 --n 4 --strength .6 --sampler euler --model mini'),
    {
      prompt: 'a mug',
      seed: 3,
      steps: 20,
      cfg: 5.5,
      ar: '3:2',
      n: 4,
      strength: 0.6,
      sampler: 'euler',
      model: 'mini',
    },
  );
  assert.deepEqual(parse('--seed 3 a mug'), { seed: 3, prompt: 'a mug' });
  for (const unit of ['pictures', 'Images', 'different variations please', '장', '개', 'copies.'])
    for (const line of [`a mug --n 4 ${unit}`, `a mug --n=4 ${unit}`])
      assert.deepEqual(parse(line), { prompt: 'a mug', n: 4 }, line);
  assert.deepEqual(parse('a mug --n 4장 --steps 12 steps --seed 3'), {
    prompt: 'a mug',
    n: 4,
    steps: 12,
    seed: 3,
  });
  assert.deepEqual(parse('--n 4 pictures of a mug'), { n: 4, prompt: 'pictures of a mug' });
  assert.throws(() => parse('a mug --n 4cats'), /number/);
  assert.deepEqual(parse('a mug --no text and frames --seed 3'), {
    prompt: 'a mug',
    no: 'text and frames',
    seed: 3,
  });
  assert.deepEqual(parse('a mug --no "text" on a table'), { prompt: 'a mug on a table', no: 'text' });
  assert.deepEqual(parse('a mug \u2014seed 3'), { prompt: 'a mug', seed: 3 }); // as phones write it
  assert.deepEqual(parse('a sign that says "two words" -- dash -x'), {
    prompt: 'a sign that says "two words" -- dash -x',
  });
  assert.deepEqual(parse('"a mug --seed 3"'), { prompt: 'a mug --seed 3' });
  assert.deepEqual(parse('a mug --sampler DPM++ 2M Karras --seed 3'), {
    prompt: 'a mug',
    sampler: 'DPM++ 2M Karras',
    seed: 3,
  });
  assert.deepEqual(parse('a mug --sampler Euler a red one'), { prompt: 'a mug red one', sampler: 'Euler a' });
});

test('what cannot be read is refused in one sentence', () => {
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['a --sede 3', /^Unknown flag --sede. Did you mean --seed/],
    ['a --seed', /^--seed needs a value, for example --seed 7\.$/],
    ['a --seed --steps 3', /^--seed needs a value/],
    ['a --seed three', /^--seed three is not a whole number from -1 to 4294967295\.$/],
    ['a --seed 1.5', /^--seed 1.5 is not a whole number. Try 2\.$/],
    ['a --n 9', /^--n 9 is outside 1 to 8. Try 8\.$/],
    ['a --cfg NaN', /^--cfg NaN is not a number/],
    ['a --sampler elder', /^elder is not a value of --sampler. Did you mean euler/],
    ['a --constructor 3', /^Unknown flag --constructor/],
  ];
  for (const [line, sentence] of refusals)
    assert.throws(() => parse(line), { code: 'bad_request', message: sentence });
  assert.throws(() => parse('now', queue), { message: '/queue takes no words. Send only /queue.' });
  assert.throws(() => parseValues(imagine, { sed: 3 }, 'web'), { message: /Unknown option sed/ });
});

test('lines are read as phones, locales and other programs write them', () => {
  const rows: readonly (readonly [string, Record<string, unknown>])[] = [
    // Dashes: en, em, minus, full width, and a phone's mix.
    ['a mug –seed 3', { prompt: 'a mug', seed: 3 }],
    ['a mug −−seed 3 －－steps 5', { prompt: 'a mug', seed: 3, steps: 5 }],
    ['a mug —-seed 3', { prompt: 'a mug', seed: 3 }],
    ['a castle —dark and stormy—', { prompt: 'a castle —dark and stormy—' }],
    ['a well-known mug - red', { prompt: 'a well-known mug - red' }],
    // Quotes.
    ['a mug --no “a and b” on a table', { prompt: 'a mug on a table', no: 'a and b' }],
    ['a mug --no="a and b" --seed 3', { prompt: 'a mug', no: 'a and b', seed: 3 }],
    ['a mug --no=「text」', { prompt: 'a mug', no: 'text' }],
    ['“a mug --seed 3”', { prompt: 'a mug --seed 3' }],
    ['a cat’s bowl, don’t move', { prompt: 'a cat’s bowl, don’t move' }],
    // Separators and what is stuck to a flag.
    ['a mug --ar16:9', { prompt: 'a mug', ar: '16:9' }],
    ['a mug --seed:5', { prompt: 'a mug', seed: 5 }],
    ['a mug --seed5', { prompt: 'a mug', seed: 5 }],
    ['a mug --seed：５', { prompt: 'a mug', seed: 5 }],
    ['a mug --ar 16：9', { prompt: 'a mug', ar: '16:9' }],
    ['a mug --ar 16 : 9 red', { prompt: 'a mug red', ar: '16 : 9' }],
    ['a mug --size 256 x 192 red', { prompt: 'a mug red', size: '256 x 192' }],
    ['a mug --size 256×192', { prompt: 'a mug', size: '256×192' }],
    ['a mug --aspect 3:2', { prompt: 'a mug', ar: '3:2' }],
    // Numbers.
    ['a mug --cfg 7,5', { prompt: 'a mug', cfg: 7.5 }],
    ['a mug --strength 60%', { prompt: 'a mug', strength: 0.6 }],
    ['a mug --steps １２', { prompt: 'a mug', steps: 12 }],
    ['a mug --seed -1', { prompt: 'a mug', seed: -1 }],
    ['a mug --seed random', { prompt: 'a mug', seed: -1 }],
    // Names of several words.
    ['a mug --sampler=DPM++ 2M SDE Karras red', { prompt: 'a mug red', sampler: 'DPM++ 2M SDE Karras' }],
    ['a mug --sampler DPM++ 2S a red one', { prompt: 'a mug a red one', sampler: 'DPM++ 2S' }],
    ['a mug --schedule SGM Uniform red', { prompt: 'a mug red', schedule: 'SGM Uniform' }],
    ['a mug --schedule Automatic', { prompt: 'a mug', schedule: 'Automatic' }],
    ['a mug --guess-mode --seed 3', { prompt: 'a mug', 'guess-mode': 'on', seed: 3 }],
    // Twice.
    ['a mug --no text --seed 3 --no frames --seed 4', { prompt: 'a mug', no: 'text, frames', seed: 4 }],
  ];
  for (const [line, values] of rows) assert.deepEqual(parse(line), values, line);
  const { notes } = readLine(imagine, 'a mug --seed 3 --no a --no b --seed 4');
  assert.deepEqual(
    notes.map((note) => sayWords('en', note)),
    ['--seed was given more than once; the last one, 4, is used.'],
  );
});

test('flags of other programs, and names that are none, are refused in a sentence of their own', () => {
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['a --v 6', /^--v is a flag of Midjourney. Choose a model with --model/],
    ['a --q 2', /^--q is a flag of Midjourney. .*--steps/],
    ['a --stylize 100', /^--stylize is a flag of Midjourney/],
    ['a --tile', /^--tile is a flag of Midjourney. It is not available here/],
    ['a --sref x', /Midjourney/],
    ['a --width 512', /^--width is written as --size/],
    ['a --x 1', /^Unknown flag --x. Known: /],
    ['a --sampler DPM++ 2S a Karras', /^DPM\+\+ 2S a Karras is not a value of --sampler/],
    ['a --sampler constructor', /^constructor is not a value of --sampler/],
    ['a --schedule __proto__', /^__proto__ is not a value of --schedule/],
    ['a --seed 12345678901', /^seed 12345678901 has more than 32 bits. Take the lowest 32, 3755744309/],
    ['a --cfg 60%', /^--cfg 60% is not a number/],
  ];
  for (const [line, sentence] of refusals)
    assert.throws(() => parse(line), { code: 'bad_request', message: sentence }, line);
});

test('a line is read in a time that grows with its length', { timeout: 20_000 }, () => {
  const hostile = ['"', '“', '--no=', '--no="', '—', '\\"', '--a', ' "a', '--no="a ', '：'];
  for (const part of hostile) {
    try {
      readLine(imagine, part.repeat(10_000));
    } catch (error) {
      assert.ok(error instanceof DarkroomError, String(error));
    }
  }
});

test('what is pasted is unwrapped', () => {
  const unwrapped = (text: string) => unwrap(text, ['imagine', 'edit', 'queue']);
  assert.equal(unwrapped('```\n/imagine a mug\n```').line, '/imagine a mug');
  assert.equal(unwrapped('`/imagine a mug`').line, '/imagine a mug');
  assert.equal(unwrapped('> /imagine a mug\n> on a table').line, '/imagine a mug\non a table');
  assert.equal(unwrapped('/imagine prompt: a mug --seed 3').line, '/imagine a mug --seed 3');
  assert.equal(unwrapped('a mug and /a/path').line, 'a mug and /a/path');
  const two = unwrapped('/imagine a mug\r\n/imagine a cat\r\n');
  assert.equal(two.line, '/imagine a mug');
  assert.match(two.notes.map((note) => sayWords('en', note)).join(), /Only the first of 2 commands/);
  const theirs = unwrapped(
    'a red mug, (blue:1.2)\nNegative prompt: text\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 5, Size: 512x768, Model hash: abc, Model: other, Clip skip: 2',
  );
  assert.equal(
    theirs.line,
    '/imagine a red mug, (blue:1.2) --no text --steps 20 --sampler dpmpp_2m --schedule karras --cfg 7.5 --seed 5 --size 512x768 --clip-skip 1',
  );
  assert.match(theirs.notes.map((note) => sayWords('en', note)).join(), /parameters of another program/);
});

test('a proportion keeps about the model’s area, in multiples of 8 within its size', () => {
  const size = (ar: string) => {
    const { width, height } = draftOf({ prompt: 'a', ar }, DEFAULTS);
    return [width, height];
  };
  assert.deepEqual(size('1:1'), [256, 256]);
  assert.deepEqual(size('3:2'), [312, 208]);
  assert.deepEqual(size('2:3'), [208, 312]);
  assert.deepEqual(size('4:1'), [512, 128]);
  // As the menus call them.
  assert.deepEqual(size('Landscape'), size('3:2'));
  assert.deepEqual(size('wide'), size('16:9'));
  assert.deepEqual(size('정사각형'), [256, 256]);
  for (const ar of ['0:1', '9:1', '3', 'broad', '3:0']) {
    assert.throws(() => size(ar), { code: 'bad_request', message: /from 1:4 to 4:1/ });
  }
  assert.throws(() => draftOf({ prompt: 'a', ar: '1:1', size: '8x8' }, DEFAULTS), {
    message: /both set the size/,
  });
  assert.throws(() => draftOf({ prompt: 'a', size: 'big' }, DEFAULTS), { message: /Try --size 256x256/ });
  // An upload larger than the model keeps its proportion; a small one its size.
  assert.deepEqual(draftOf({ prompt: 'a' }, DEFAULTS, { width: 3000, height: 2000 }), {
    prompt: 'a',
    width: 312,
    height: 208,
  });
  assert.deepEqual(draftOf({ prompt: 'a' }, DEFAULTS, { width: 300, height: 200 }), { prompt: 'a' });
});

test('the recipe’s command line makes the same request again', () => {
  const words = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((text) => /\S/.test(text));
  const sometimes = fc.constantFrom('', ' --seed 9', '"', ' "', '\\', ' " --n "', ' — ', '  ', '\n', '--no');
  fc.assert(
    fc.property(words, sometimes, words, fc.boolean(), (start, middle, end, hasNegative) => {
      const prompt = `${start}${middle}${end}`.trim();
      const { request } = freezeRequest(
        { prompt, ...(hasNegative && { negative_prompt: end.trim() }) },
        { model: 'mini', defaults: DEFAULTS },
      );
      const line = splitCommand(commandLine(requestToJson(request)))!;
      const { request: again } = freezeRequest(draftOf(parse(line.rest), DEFAULTS), {
        model: 'mini',
        defaults: DEFAULTS,
      });
      assert.deepEqual(again, request);
    }),
    { numRuns: 3000 },
  );
});
