/** Words in reply to a picture are laid over its own prompt and settings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sayWords } from '../../src/sentences.ts';
import { MINI, ONLY_MINI } from '../adapters/stand-in.ts';
import { photo, startCommands } from './harness.ts';

async function replied(words: string, more = {}) {
  const chat = startCommands(more);
  await chat.say('/imagine a red mug on a table, watercolor --no fog --steps 9 --cfg 4');
  const [picture] = [...chat.jobs.values()][0]!.pictures;
  const answer = await chat.say(words, { repliedTo: { id: 'm', pictureIds: [picture!.id] } });
  const { request, notes } = [...chat.jobs.values()].at(-1)!;
  return {
    request,
    notes: notes.map((note) => sayWords('en', note)).join(' '),
    answer,
    chat,
    picture: picture!.id,
  };
}

test('a short instruction changes the prompt, and the card says what it has become', async () => {
  const { request, notes } = await replied('make it blue, without steam --strength 0.5');
  assert.equal(request.prompt, 'a blue mug on a table, watercolor');
  assert.equal(request.negativePrompt, 'fog, steam');
  assert.deepEqual([request.numInferenceSteps, request.guidanceScale, request.strength], [9, 4, 0.5]);
  assert.match(notes, /a blue mug on a table, watercolor/);
});

test('flags alone keep the prompt, a description takes its place', async () => {
  const flags = await replied('--steps 12 --ar 3:2 --no clouds');
  assert.deepEqual(
    [flags.request.prompt, flags.request.numInferenceSteps, flags.request.negativePrompt],
    ['a red mug on a table, watercolor', 12, 'fog, clouds'],
  );
  assert.ok(flags.request.width > flags.request.height);
  assert.equal((await replied('/imagine --steps 12')).request.prompt, 'a red mug on a table, watercolor');
  assert.equal((await replied('a blue boat')).request.prompt, 'a blue boat');
  assert.equal((await replied('/imagine make it blue')).request.prompt, 'make it blue');
});

const EDITOR = {
  ...MINI,
  editsByInstruction: true,
  defaults: { ...MINI.defaults, editsByInstruction: true },
};
const editing = { models: { ...ONLY_MINI, resolve: () => EDITOR } };

test('a model that edits by instruction is given the words as they stand, and sees the picture', async () => {
  for (const words of ['make it blue', '/edit make it blue']) {
    const { request, answer, chat } = await replied(words, editing);
    assert.equal(request.prompt, 'make it blue');
    assert.deepEqual(
      [request.referenceImages, request.image, request.strength],
      [['source'], undefined, undefined],
    );
    assert.equal(answer.posted.at(-1)!.about?.origin?.text, 'Edited by instruction');
    const [, first] = chat.jobs.keys();
    await chat.press(`again:${first}`);
    const [, edited, again] = chat.jobs.values();
    assert.deepEqual([again!.inputs, again!.request], [edited!.inputs, edited!.request]);
    await chat.press(`vary:${first}`);
    assert.deepEqual([...chat.jobs.values()].at(-1)!.request.referenceImages, ['source']);
  }
  const { notes } = await replied('/edit make it blue --strength 0.4', editing);
  assert.match(notes, /Strength 0.4 has no effect/);
});

test('elsewhere the card says how much was redrawn', async () => {
  const { answer } = await replied('/edit a blue mug --strength 0.6');
  assert.equal(answer.posted.at(-1)!.about?.origin?.text, 'Redrawn, strength 0.6');
});

test('several pictures are several references, in their order, up to a limit', async () => {
  const chat = startCommands(editing);
  const say = (count: number, more = {}) =>
    chat.say('/edit put them together', {
      attachments: Array.from({ length: count }, () => photo()),
      ...more,
    });
  await say(3);
  const job = [...chat.jobs.values()].at(-1)!;
  assert.deepEqual(job.request.referenceImages, ['source', 'reference_2', 'reference_3']);
  assert.deepEqual(Object.keys(job.inputs).toSorted(), ['reference_2', 'reference_3', 'source']);
  const [shown] = job.pictures;
  await say(1, { repliedTo: { id: 'm', pictureIds: [shown!.id] } });
  const beside = [...chat.jobs.values()].at(-1)!;
  assert.equal(beside.inputs['source'], shown!.id, 'the one that was replied to comes first');
  assert.deepEqual(beside.request.referenceImages, ['source', 'reference_2']);
  const { ephemeral } = await say(5);
  assert.match(sayWords('en', ephemeral[0]!.text), /You attached 5 pictures; 4 can be used/);
});

test('the form of Edit takes instructions too', async () => {
  const { chat } = await replied('make it blue');
  const [first] = chat.jobs.keys();
  await chat.press(`edit:${first}`, { prompt: 'at night' });
  assert.equal([...chat.jobs.values()].at(-1)!.request.prompt, 'a red mug on a table at night, watercolor');
});

test('so many more of a picture, and one of a grid', async () => {
  const chat = startCommands();
  await chat.say('/imagine a red mug on a table --n 4 --seed 7');
  const [drawn] = chat.jobs.values();
  const shown = ['p1', 'p2', 'p3', 'p4'].map((id) => ({ id, width: 64, height: 64 }));
  for (const { id } of shown)
    chat.pictures.set(id, { job: drawn!.id, kind: 'result', bytes: Uint8Array.of(1) });
  chat.jobs.set(drawn!.id, { ...drawn!, pictures: shown });
  const [grid] = chat.jobs.values();
  const reply = (words: string) =>
    chat.say(words, { repliedTo: { id: 'm', pictureIds: grid!.pictures.map(({ id }) => id) } });
  const last = () => [...chat.jobs.values()].at(-1)!;
  await reply('make the second one blue');
  assert.equal(last().request.prompt, 'a blue mug on a table');
  assert.equal(last().inputs['source'], grid!.pictures[1]!.id);
  await reply('3 more');
  assert.deepEqual(
    [last().request.numImages, last().request.prompt, last().request.image],
    [3, 'a red mug on a table', undefined],
  );
  await reply('make it blue, 2 of them');
  assert.deepEqual([last().request.numImages, last().request.prompt], [2, 'a blue mug on a table']);
  await reply('2 variations of the last one');
  assert.deepEqual([last().request.numImages, last().inputs['source']], [2, grid!.pictures[3]!.id]);
  const jobs = chat.jobs.size;
  assert.match(
    (await reply('the second one')).ephemeral[0]!.pictures![0]!.id,
    new RegExp(grid!.pictures[1]!.id),
  );
  assert.match((await reply('u7')).ephemeral[0]!.text, /That message has 4 pictures/);
  assert.match((await reply('50 more')).ephemeral[0]!.text, /50 is outside 1 to 8/);
  assert.equal(chat.jobs.size, jobs);
  await reply('draw a dog');
  assert.equal(last().request.prompt, 'a dog');
});
