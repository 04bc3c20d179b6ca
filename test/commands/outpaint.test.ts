/** Zoom out and pan: by buttons, by words in a reply, by flags, on pictures made here and on others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sayWords } from '../../src/sentences.ts';
import { MINI, ONLY_MINI } from '../adapters/stand-in.ts';
import { photo, startCommands } from './harness.ts';

const newest = ({ jobs }: ReturnType<typeof startCommands>) => [...jobs.values()].at(-1)!;

test('buttons, words and flags ask for the same, of the very picture that is meant', async () => {
  const chat = startCommands();
  await chat.say('/imagine a boat --n 2');
  const [first] = chat.jobs.values();
  const pictures = [
    { id: 'one', width: 64, height: 64 },
    { id: 'two', width: 64, height: 64 },
  ];
  chat.jobs.set(first!.id, { ...first!, pictures });
  for (const id of ['one', 'two'])
    chat.pictures.set(id, { job: first!.id, kind: 'result', bytes: Uint8Array.of(1) });
  const reply = { repliedTo: { id: 'm', pictureIds: ['two'] } };
  const asked = [
    () => chat.press(`zoom_2:${first!.id}:2`),
    () => chat.say('Zoom out 2x please', reply),
    () => chat.say('2배 줌 아웃', reply),
    () => chat.say('/edit --zoom 2', reply),
  ];
  for (const ask of asked) {
    await ask();
    const { request, inputs, frame } = newest(chat);
    assert.equal(inputs['source'], 'two');
    assert.deepEqual([request.prompt, request.numImages], ['a boat', 1]);
    assert.deepEqual(request.outpaint, {
      ...{ zoom: 2, width: 128, height: 128, left: 32, top: 32, keptWidth: 64, keptHeight: 64 },
    });
    assert.equal(frame?.origin?.verb, 'zoom');
  }
  const { posted } = await chat.say('pan left', reply);
  assert.deepEqual([newest(chat).request.outpaint?.pan, newest(chat).request.outpaint?.left], ['left', 32]);
  assert.equal(posted.at(-1)?.about?.origin?.text, 'Panned');
  // It is carried by the recipe, and by what is made of the picture next.
  const made = newest(chat);
  const recipe = await chat.press(`recipe:${made.id}`);
  assert.match(JSON.stringify(recipe.ephemeral), /--pan left/);
  await chat.press(`again:${made.id}`);
  assert.deepEqual(newest(chat).request, made.request);
  await chat.press(`vary:${made.id}`);
  assert.equal(newest(chat).request.outpaint, undefined);
});

test('a picture that was sent is drawn on as well; a tiny one is refused with a sentence', async () => {
  const chat = startCommands();
  await chat.say('zoom out', { attachments: [photo()] });
  assert.equal(newest(chat).request.outpaint?.zoom, 1.5);
  const tiny = startCommands({
    readUpload: async (bytes) => ({ bytes, width: 1, height: 1, notes: [], texts: new Map() }),
  });
  const { ephemeral } = await tiny.say('zoom out', { attachments: [photo()] });
  assert.match(ephemeral[0]!.text, /The picture is 1x1; at least 32 pixels/);
  const none = await tiny.say('/imagine a boat --zoom 2');
  assert.match(none.ephemeral[0]!.text, /zoom and pan need a picture/);
});

test("an admin's limit makes the picture smaller, which is said", async () => {
  const chat = startCommands();
  chat.set('max_size', 96);
  await chat.say('zoom out 2x', { attachments: [photo()] });
  const { request, notes } = newest(chat);
  assert.deepEqual([request.outpaint?.width, request.outpaint?.keptWidth], [96, 48]);
  assert.match(notes.map((note) => sayWords('en', note)).join(), /made smaller, from 64x64 to 48x48/);
});

test('the inpainting model of the family draws around a picture, where one is installed and allowed', async () => {
  const chat = startCommands({
    models: {
      ...ONLY_MINI,
      resolve: (name) => ({ ...MINI, name: name ?? 'mini' }),
      names: () => ['mini', 'mini-inpainting'],
      inpaintingOf: (name) => (name === 'mini' ? ['mini-inpainting'] : []),
    },
  });
  await chat.say('/imagine a boat --steps 7');
  const [first] = chat.jobs.values();
  const { posted } = await chat.press(`zoom_15:${first!.id}`);
  assert.deepEqual(
    [newest(chat).request.model, newest(chat).request.numInferenceSteps],
    ['mini-inpainting', 7],
  );
  assert.match(posted[0]!.notes!.join(), /Drawn by mini-inpainting, the inpainting model of the same family/);
  chat.set('allowed_models', ['mini']);
  await chat.press(`zoom_15:${first!.id}`);
  assert.equal(newest(chat).request.model, 'mini');
});

test('a variation is subtle or strong', async () => {
  const chat = startCommands();
  await chat.say('/imagine a boat');
  const [first] = chat.jobs.values();
  const strengths: (number | undefined)[] = [];
  for (const verb of ['vary_subtle', 'vary', 'vary_strong']) {
    await chat.press(`${verb}:${first!.id}`);
    strengths.push(newest(chat).request.strength);
  }
  assert.deepEqual(strengths, [0.35, 0.6, 0.8]);
});
