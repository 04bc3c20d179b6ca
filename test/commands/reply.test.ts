/** Words in reply to a picture are laid over its own prompt and settings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sayWords } from '../../src/sentences.ts';
import { MINI } from '../adapters/stand-in.ts';
import { startCommands } from './harness.ts';

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

test('a model that edits by instruction is given the words as they stand', async () => {
  const model = { ...MINI, editsByInstruction: true };
  const models = {
    resolve: () => model,
    names: () => ['mini'],
    describeUnread: () => '',
    findLoras: async () => new Map(),
    findUpscalers: async () => new Map(),
    chooseControlnets: async (_: string, controls: readonly never[]) => ({ controls, notes: [] }),
    inpaintingOf: () => [],
  };
  assert.equal((await replied('make it blue', { models })).request.prompt, 'make it blue');
});

test('the form of Edit takes instructions too', async () => {
  const { chat } = await replied('make it blue');
  const [first] = chat.jobs.keys();
  await chat.press(`edit:${first}`, { prompt: 'at night' });
  assert.equal([...chat.jobs.values()].at(-1)!.request.prompt, 'a red mug on a table at night, watercolor');
});
