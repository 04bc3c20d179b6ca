/** Lines as people type, paste and fill them in, through the door of the commands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sayWords } from '../../src/sentences.ts';
import { startCommands } from './harness.ts';

test('flags in the prompt option of a platform are read; the options beside it win', async () => {
  const chat = startCommands();
  await chat.handle({
    kind: 'command',
    name: 'imagine',
    values: { prompt: 'a red mug --ar 3:2 --seed 5 --eta 0.3', seed: 7 },
  });
  const { request } = [...chat.jobs.values()][0]!;
  assert.deepEqual(
    [request.prompt, request.width, request.height, request.seed, request.eta],
    ['a red mug', 312, 208, 7, 0.3],
  );
});

test('flags in the words of a form are read', async () => {
  const chat = startCommands();
  await chat.say('a boat --seed 3');
  const [job] = chat.jobs.values();
  await chat.press(`edit:${job!.id}`, { prompt: 'a red boat --seed 9 --steps 5' });
  const { request } = [...chat.jobs.values()][1]!;
  assert.deepEqual([request.prompt, request.seed, request.numInferenceSteps], ['a red boat', 9, 5]);
});

test('a bare greeting, help, queue and cancel are answered and not drawn', async () => {
  const chat = startCommands();
  const asked = [
    'help',
    'Hi!',
    'thanks',
    'queue',
    'cancel',
    'Thank you.',
    'cancel all',
    'how long?',
    '언제 끝나요?',
  ];
  for (const words of [
    ...asked,
    '\u{1f44d}\u{1f3fd}',
    '\u2764\ufe0f\u{1f525}',
    'what models do you have?',
    'styles',
  ]) {
    const { ephemeral } = await chat.say(words);
    assert.ok(ephemeral.length > 0 && ephemeral[0]?.error === undefined, words);
  }
  // About a picture, where there is none.
  for (const words of ['again', 'bigger', '다시', 'what seed?']) {
    assert.match((await chat.say(words)).ephemeral[0]?.error?.message ?? '', /no picture to edit/, words);
  }
  assert.equal(chat.jobs.size, 0);
  await chat.say('thanks for the mug');
  await chat.say('\u{1f431}');
  await chat.say('models on a catwalk');
  assert.equal(chat.jobs.size, 3);
});

test('what other programs and clients write is read, or said to be words', async () => {
  const chat = startCommands();
  const drawn = async (line: string) => {
    await chat.say(line);
    const { request, notes } = [...chat.jobs.values()].at(-1)!;
    const { prompt, seed, numInferenceSteps: steps, numImages, negativePrompt } = request;
    return {
      prompt,
      seed,
      steps,
      numImages,
      negativePrompt,
      notes: notes.map((note) => sayWords('en', note)),
    };
  };
  const pasted = await drawn('/imagine prompt:a red mug: on a table steps:5 seed:7 no:text, blur');
  assert.deepEqual(
    { ...pasted, numImages: undefined, notes: undefined },
    {
      ...{ prompt: 'a red mug: on a table', steps: 5, seed: 7, negativePrompt: 'text, blur' },
      ...{ numImages: undefined, notes: undefined },
    },
  );
  assert.deepEqual((await drawn('/imagine: a boat --steps = 6 --batch 2')).prompt, 'a boat');
  assert.equal((await drawn('a boat --neg text')).negativePrompt, 'text');
  assert.equal((await drawn('Can I get uhh a boat please')).prompt, 'a boat');
  const first = await drawn('/imagine a boat --seed 5 /imagine a cat');
  assert.deepEqual([first.prompt, first.seed], ['a boat', 5]);
  assert.match(first.notes.join(), /Only the first of 2 commands/);
  for (const [line, words] of [
    ['a boat (seed: 42)', 'seed: 42'],
    ['a boat, seed 42', 'seed 42'],
    ['a boat -n 2', '-n 2'],
    ['a boat 512x512', '512x512'],
    ['a boat in 16:9', '16:9'],
  ] as const) {
    const { prompt, notes } = await drawn(line);
    assert.equal(prompt, line);
    assert.ok(notes.join().includes(`Read as plain words: ${words}. Settings are written as flags`), line);
  }
  for (const line of [
    'a boat at 4:30',
    'a 4x4 truck',
    'x-ray of a hand',
    'seeds of a sunflower',
    '3 steps up',
  ])
    assert.deepEqual((await drawn(line)).notes.join(), '', line);
  const { ephemeral } = await chat.say('a mug --v 6 --stylize 200 --ar 1:1 --tile');
  assert.match(ephemeral[0]!.error!.message, /--v is.*--stylize is.*--tile is/);
});

test('help is asked for in many ways', async () => {
  const chat = startCommands();
  const answer = async (line: string) => (await chat.say(line)).ephemeral[0]!;
  assert.match((await answer('/help --seed')).text, /^--seed: The same seed/);
  assert.match((await answer('/help seed')).text, /^--seed: /);
  assert.match((await answer('/help flags')).text, /\/imagine/);
  assert.match((await answer('/imagine --help')).text, /\/imagine/);
  assert.match((await answer('/edit a mug --help')).text, /\/edit/);
});

test('what was read otherwise than typed is said on the card', async () => {
  const chat = startCommands();
  await chat.say('/imagine a mug --seed 3 --seed 4\r\n/imagine a cat');
  const [job] = chat.jobs.values();
  assert.equal(job!.request.prompt, 'a mug');
  assert.match(
    job!.notes.map((note) => sayWords('en', note)).join(' '),
    /Only the first of 2 commands.*given more than once; the last one, 4/,
  );
});

test('control characters are dropped', async () => {
  const chat = startCommands();
  await chat.say('a red\u0000 mug\u0007 --no te\u0000xt');
  const { request } = [...chat.jobs.values()][0]!;
  assert.deepEqual([request.prompt, request.negativePrompt], ['a red mug', 'text']);
});

test('words are asked for only where nothing else says what to draw', async () => {
  const chat = startCommands();
  const { ephemeral } = await chat.say('/imagine');
  assert.match(ephemeral[0]!.text, /Say what to draw, for example/);
  await chat.say('/imagine --pose dancing');
  await chat.say('/imagine --style watercolor --pose dancing');
  const prompts = [...chat.jobs.values()].map(({ request }) => request.prompt);
  assert.deepEqual(prompts, ['', 'watercolor painting']);
});

test('what is read as words though it looks like syntax is said on the card', async () => {
  const chat = startCommands();
  const notes = async (line: string) => {
    chat.jobs.clear();
    await chat.say(line);
    return [...chat.jobs.values()][0]!.notes.map((note) => sayWords('en', note)).join(' ');
  };
  assert.match(await notes('a __init__ mug <hypernet:x:0.8>'), /plain words: <hypernet:x:0.8>, __init__/);
  assert.match(await notes(`a mug for ${'$'}{5}`), /plain words: \$\{5\}\. /);
  // A variable of dynamic prompts.
  assert.doesNotMatch(await notes(`a mug in ${'$'}{season=!winter}`), /plain words/);
  assert.match(await notes('a [red:blue:0.5] mug AND a cat'), /plain words: \[red:blue:0.5\], AND/);
  assert.doesNotMatch(await notes('A RED MUG AND A [CAT] (B:1.2)'), /plain words/);
});

test("a recipe of another program's picture is a command as far as it goes", async () => {
  const texts = new Map([
    ['parameters', 'a mug\nSteps: 9, Sampler: Euler a, Seed: 3, Size: 128x64, Model: theirs'],
  ]);
  const chat = startCommands({ readPictureText: () => texts });
  await chat.say('a boat');
  const [job] = chat.jobs.values();
  const picture = job!.pictures[0]!.id;
  chat.jobs.clear();
  const { ephemeral } = await chat.say('/recipe', { repliedTo: { id: 'm', pictureIds: [picture] } });
  const command = ephemeral[0]!.fields!.find(({ name }) => name === 'Command')!.value;
  assert.equal(command, '/imagine a mug --steps 9 --sampler euler_a --seed 3 --size 128x64');
  assert.match(ephemeral[0]!.notes!.join(), /made with theirs/);
});

test('a recipe sent again under a default style and negative prompt makes the same request', async () => {
  const chat = startCommands();
  chat.set('default_style', 'watercolor');
  chat.set('default_negative_prompt', 'text');
  await chat.say('a boat --no frame --seed 3');
  const [job] = chat.jobs.values();
  const { ephemeral } = await chat.press(`recipe:${job!.id}`);
  const command = ephemeral[0]!.fields!.find(({ name }) => name === 'Command')!.value;
  await chat.say(command);
  const [first, again] = [...chat.jobs.values()].map(({ request }) => request);
  assert.equal(first!.prompt, 'a boat, watercolor painting');
  assert.deepEqual(again, first);
});

test('mentions and custom emoji in a prompt become names', async () => {
  const chat = startCommands();
  await chat.say('/imagine <@bo> in <#2> with <:party_parrot:123>, (red:1.3), <@&99> <@404>');
  const [job] = chat.jobs.values();
  assert.equal(job!.request.prompt, 'Bo in general with party parrot, (red:1.3), somebody somebody');
});

test('an address that the chat does not fetch from is no part of the prompt, and that is said', async () => {
  const chat = startCommands();
  const { posted } = await chat.say('/imagine https://pictures.example.com/a.png a tiger');
  const [job] = chat.jobs.values();
  assert.equal(job!.request.prompt, 'a tiger');
  assert.match(posted[0]!.notes!.join(), /not fetched from pictures\.example\.com/);
});

test('what is said to somebody who draws is no part of the prompt', async () => {
  for (const [words, prompt] of [
    ['make me a picture of a cat plz', 'a cat'],
    ['can u draw a dog', 'a dog'],
    ['draw a red mug', 'a red mug'],
    ['고양이 그려줘', '고양이'],
    ['/ imagine a boat', 'a boat'],
    ['a drawing of a boat', 'a drawing of a boat'],
    ['/imagine draw a boat', 'draw a boat'],
  ] as const) {
    const chat = startCommands();
    await chat.say(words);
    assert.equal([...chat.jobs.values()][0]?.request.prompt, prompt);
  }
  for (const words of ['nice!', 'help me', 'what can you do?', '고마워', 'cancel']) {
    const chat = startCommands();
    assert.equal((await chat.say(words)).ephemeral.length, 1, words);
    assert.equal(chat.jobs.size, 0);
  }
});

test('words in reply to a picture that name what its buttons do, do it', async () => {
  const chat = startCommands();
  await chat.say('/imagine a boat');
  const [job] = chat.jobs.values();
  const reply = (words: string) =>
    chat.say(words, { repliedTo: { id: 'm', pictureIds: [job!.pictures[0]!.id] } });
  const last = () => [...chat.jobs.values()].at(-1)!.request;
  await reply('upscale it please');
  assert.equal(last().upscaleImage?.width, 128);
  await reply('more like this');
  assert.equal(last().image, 'source');
  await reply('again!');
  assert.deepEqual([last().image, last().prompt], [undefined, 'a boat']);
  assert.match((await reply('recipe')).ephemeral[0]!.text, /What made this picture/);
  assert.equal(chat.jobs.size, 4);
});

test('a command without its slash, or without its verb, is asked about or hinted at; no words are lost', async () => {
  const chat = startCommands();
  const said = async (line: string) =>
    (await chat.say(line, { where: { isAdmin: true } })).ephemeral[0]?.text ?? 'drawn';
  const meant = async (line: string, words: RegExp) => assert.match(await said(line), words, line);
  await meant('config set max_steps 5', /command: \/config set max_steps 5\. .*write \/imagine config set/);
  await meant('sweep a boat steps=5,10', /command: \/sweep a boat steps=5,10\./);
  await meant('list', /command: \/style list or \/wildcard list\. .*write \/imagine list$/);
  await meant('설정', /command: \/config\./);
  await meant('settings', /command: \/config\./);
  await meant('notify on', /command: \/notify on\./);
  await meant('help config', /^See and change/);
  await meant('draw', /^Say what to draw/);
  await meant('show me the models', /models/i);
  await meant('/seed 5', /no \/seed.*--seed 5$/);
  await meant('/dream a boat', /Did you mean \/imagine a boat\?/);
  for (const [line, offered] of [
    ['/config max_steps 5', '/config set max_steps 5'],
    ['/config max_steps', '/config why max_steps'],
    ['/rules weapons gun|bomb', '/rules set weapons gun|bomb'],
    ['/wildcard colour red|blue', '/wildcard set colour red|blue'],
    ['/style oil {prompt}, oil', '/style add oil {prompt}, oil'],
    ['/models mini', '/models show mini'],
    ['/ban @ada', '/ban add @ada'],
    ['/config sett max_steps 5', 'set'],
  ] as const)
    assert.ok((await said(line)).endsWith(`Did you mean ${offered}?`), line);
  assert.equal(chat.jobs.size, 0);
  const drawn = async (line: string) => {
    assert.equal(await said(line), 'drawn', line);
    const { request, notes } = [...chat.jobs.values()].at(-1)!;
    return [request.prompt, ...notes.map((note) => sayWords('en', note))];
  };
  for (const line of ['dream a boat', '!dream a boat']) assert.deepEqual(await drawn(line), ['a boat'], line);
  for (const line of [
    'dream',
    'dream house',
    'models on a catwalk',
    'sweep of the sea',
    'usage of tools',
    'style icon',
  ])
    assert.deepEqual(await drawn(line), [line], line);
  assert.match(
    (await drawn('find a boat on the sea')).join(),
    /begins with a slash: \/find a boat on the sea/,
  );
  for (const [line, words] of [
    ['a boat /seed 5', '/seed 5'],
    ['a boat \uff0fno people', '\uff0fno people'],
    ['a boat, steps 30', 'steps 30'],
    ['a boat, 30 steps', '30 steps'],
  ] as const)
    assert.ok((await drawn(line)).join().includes(`Read as plain words: ${words}. Settings`), line);
  for (const line of ['{a|b mug', 'a|b} mug'])
    assert.match((await drawn(line)).join(), /Read as plain words: /, line);
  for (const line of ['\\{a|b\\} mug', 'a boat, 30 steps up', 'AC/no DC', 'a stair of 30 steps'])
    assert.deepEqual(await drawn(line), [line], line);
});

test('a note that was said of a picture is not said again of what is made from it, also where less of it holds', async () => {
  const chat = startCommands();
  await chat.say('a boat, seed 42 in 16:9');
  const [first] = chat.jobs.values();
  const notesOf = ({ posted }: { posted: readonly { notes?: readonly string[] }[] }) => posted.at(-1)!.notes;
  const told = {
    ...first!,
    notes: [...first!.notes],
    request: { ...first!.request, prompt: 'a boat in 16:9' },
  };
  chat.jobs.set(first!.id, told);
  assert.deepEqual(notesOf(await chat.press(`reroll:${first!.id}`)), []);
  assert.match(
    String(notesOf(await chat.press(`edit:${first!.id}`, { prompt: 'a ship, seed 7' }))),
    /seed 7/,
  );
});
