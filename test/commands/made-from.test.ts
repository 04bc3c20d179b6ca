/** What a card says of its picture, what it was made from, and how a deletion and a cancel are taken back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Card, CardForm } from '../../adapters/card.ts';
import { photo, startCommands, TENANT } from './harness.ts';

const FURTHER = [
  ...['Vary (subtle)', 'Vary (strong)', 'Zoom out 1.5x', 'Zoom out 2x'],
  ...['Pan left', 'Pan right', 'Pan up', 'Pan down'],
];
const labels = (actions: Card['actions']) => actions?.map(({ label }) => label);

test('each card says the prompt, who asked, and what the picture was made from; notes are not said twice', async () => {
  const chat = startCommands();
  const { posted } = await chat.say('/imagine a boat __init__');
  assert.deepEqual(posted[0]!.about, { prompt: 'a boat __init__', asker: 'discord:ada' });
  assert.match(posted[0]!.notes!.join(), /Read as plain words/);
  const [first] = chat.jobs.values();
  for (const [verb, text] of [
    ['vary', 'Variation'],
    ['upscale', 'Upscaled'],
    ['reroll', 'Re-roll'],
    ['creative', 'Redrawn larger'],
    ['vary_subtle', 'Subtle variation'],
    ['vary_strong', 'Strong variation'],
    ['zoom_2', 'Zoomed out'],
    ['pan_left', 'Panned'],
  ]) {
    const made = await chat.press(`${verb}:${first!.id}`, {}, { user: 'discord:bo' });
    const card = made.posted.at(-1)!;
    assert.deepEqual(card.about?.origin, { text, job: first!.id });
    assert.deepEqual([card.about?.asker, card.notes], ['discord:bo', []]);
  }
});

test('four likely buttons, the others in More; several pictures have a row for each verb and a way to each', async () => {
  const chat = startCommands();
  const one = (await chat.say('/imagine a boat')).posted.at(-1)!;
  assert.deepEqual(labels(one.actions), ['Vary', 'Edit', 'Upscale', 'Use as']);
  assert.deepEqual(labels(one.more), [
    'Re-roll',
    'Upscale (creative)',
    ...FURTHER,
    'Star',
    'Recipe',
    'Delete',
  ]);
  const [job] = chat.jobs.values();
  const four = { ...job!, pictures: Array.from({ length: 4 }, () => job!.pictures[0]!) };
  chat.jobs.set(job!.id, four);
  const shown = (await chat.press(`show:${job!.id}:3`)).ephemeral[0]!;
  assert.equal(shown.pictures?.length, 1);
  assert.deepEqual(
    shown.actions?.map(({ id }) => id),
    ['vary', 'edit', 'upscale', 'use'].map((verb) => `${verb}:${job!.id}:3`),
  );
});

test('Try again, and Undo of a cancel, ask for the very same request in the same message', async () => {
  const chat = startCommands();
  await chat.say('/imagine a boat --n 2');
  const [job] = chat.jobs.values();
  chat.jobs.set(job!.id, { ...job!, state: 'cancelled', pictures: [] });
  const { taken } = await chat.press(`again:${job!.id}`);
  assert.deepEqual(taken, ['m']);
  assert.deepEqual([...chat.jobs.values()].at(-1)!.request, job!.request);
});

test('a deleted picture is back when that is undone, and nobody uses it meanwhile', async () => {
  const chat = startCommands();
  await chat.say('/imagine a boat');
  const [job] = chat.jobs.values();
  const { posted, taken } = await chat.press(`delete:${job!.id}`);
  assert.deepEqual(
    [posted.at(-1)?.text, labels(posted.at(-1)?.actions), taken],
    ['Deleted.', ['Undo'], ['m']],
  );
  assert.equal((await chat.press(`vary:${job!.id}`)).ephemeral[0]?.error?.code, 'not_found');
  const other = await chat.press(`undelete:${job!.id}`, {}, { user: 'discord:bo' });
  assert.equal(other.ephemeral[0]?.error?.code, 'forbidden');
  const back = await chat.press(`undelete:${job!.id}`);
  assert.equal(back.posted.at(-1)?.pictures?.[0]?.id, job!.pictures[0]!.id);
  assert.equal((await chat.press(`vary:${job!.id}`)).ephemeral.length, 0);
});

test('a reply to several pictures takes the first, says so, and offers the others', async () => {
  const chat = startCommands();
  await chat.say('/imagine a boat');
  const [job] = chat.jobs.values();
  const pictures = ['one', 'two', 'three'].map((id) => ({ ...job!.pictures[0]!, id }));
  for (const { id } of pictures) {
    chat.pictures.set(id, { job: job!.id, kind: 'result', bytes: Uint8Array.of(1) });
  }
  chat.jobs.set(job!.id, { ...job!, pictures });
  // A platform that knows no ids of pictures says which job the message shows.
  const repliedTo = { id: 'm', pictureIds: [], shows: { id: job!.id } };
  const card = (await chat.say('make it blue', { repliedTo })).posted.at(-1)!;
  assert.match(card.notes!.join(), /first of 3 pictures/);
  assert.deepEqual(labels(card.more)?.slice(0, 2), ['Start from picture 2', 'Start from picture 3']);
  const made = [...chat.jobs.values()].at(-1)!;
  assert.deepEqual([made.request.prompt, made.inputs], ['a blue boat', { source: 'one' }]);
  await chat.press(`from:${made.id}:3`);
  const other = [...chat.jobs.values()].at(-1)!;
  assert.deepEqual([other.request, other.inputs], [made.request, { source: 'three' }]);
});

test('files that are no pictures are named; an attached picture is taken before the one replied to', async () => {
  const chat = startCommands();
  const attachments = [photo()];
  const repliedTo = { id: 'm', pictureIds: [], attachments: [photo('other.png')] };
  const { posted } = await chat.say('a tiger', { attachments, repliedTo, otherFiles: ['notes.txt'] });
  assert.match(
    posted.at(-1)!.notes!.join(' '),
    /Not used, as no picture: notes\.txt\..*attached picture was used/s,
  );
  assert.equal(repliedTo.attachments[0]!.reads, 0);
  const several = { id: 'm', pictureIds: [], attachments: [photo(), photo(), photo(), photo()] };
  const card = (await chat.say('a lion', { repliedTo: several })).posted.at(-1)!;
  assert.match(card.notes!.join(), /first of 4 pictures/);
});

const formOf = (chat: ReturnType<typeof startCommands>, action: string, user = 'discord:ada') =>
  chat.commands.formOf({ action, platform: 'discord', user, tenant: TENANT });

test('Use as offers what can be taken, and the pose that a picture was made with', async () => {
  const chat = startCommands();
  const plain = (await chat.say('/imagine a boat')).posted.at(-1)!;
  const choices = (form: CardForm | undefined) =>
    form?.fields.flatMap((field) => (field.kind === 'choice' ? field.choices.map(({ value }) => value) : []));
  const use = ({ actions }: Card) => actions?.find(({ label }) => label === 'Use as');
  assert.deepEqual(choices(use(plain)?.form), ['canny']);
  const posed = (await chat.say('/imagine a dancer --pose dancing@0.8')).posted.at(-1)!;
  assert.deepEqual(choices(use(posed)?.form), ['canny', 'openpose']);
  assert.deepEqual(choices(await formOf(chat, use(posed)!.id)), ['canny', 'openpose']);
  await chat.press(use(posed)!.id, { prompt: 'a robot', control: 'openpose' });
  const { request, inputs } = [...chat.jobs.values()].at(-1)!;
  assert.deepEqual([request.prompt, inputs], ['a robot', {}]);
  assert.deepEqual(
    request.controls.map(({ kind, image, scale }) => [kind, image, scale]),
    [['openpose', 'dancing', 0.8]],
  );
  const none = startCommands({ takenFromPhotos: () => [] });
  assert.equal(use((await none.say('/imagine a boat')).posted.at(-1)!), undefined);
});

test('forms come with the words of their picture, for those who may see it', async () => {
  const chat = startCommands();
  chat.set('result_visibility', 'private');
  await chat.say('/imagine a boat');
  const [job] = chat.jobs.keys();
  const words = (form: CardForm | undefined) =>
    form?.fields[0] && 'value' in form.fields[0] && form.fields[0].value;
  assert.equal(words(await formOf(chat, `edit:${job}`)), 'a boat');
  assert.equal(words(await formOf(chat, `edit:${job}`, 'discord:bo')), false);
  assert.equal(await formOf(chat, 'constructor'), undefined);
  assert.equal(await formOf(chat, `vary:${job}`), undefined);
});

test('a recipe whose command cannot carry everything offers to make the picture again, compared by its pixels', async () => {
  const chat = startCommands();
  await chat.say('a tiger', { attachments: [photo()] });
  const [job] = chat.jobs.values();
  const recipe = (await chat.press(`recipe:${job!.id}`)).ephemeral[0]!;
  assert.deepEqual(labels(recipe.actions), ['Make again']);
  const made = (await chat.press(recipe.actions![0]!.id)).posted.at(-1)!;
  assert.deepEqual([...chat.jobs.values()].at(-1)!.request, job!.request);
  assert.match(made.notes!.join(), /Every pixel is the same/);
  // Of pixels that differ, the recipes in both files say why.
  const recipeOf = (hash: string) => ({
    request: { model: 'mini' },
    model_hash: 'a0',
    embeddings: [{ name: 'wave', hash }, null],
  });
  const texts = ['b1', 'c2', 'b1', 'b1'].map(
    (hash) => new Map([['darkroom', JSON.stringify(recipeOf(hash))]]),
  );
  const apart = startCommands({ arePixelsEqual: async () => false, readPictureText: () => texts.shift()! });
  await apart.say('a tiger', { attachments: [photo()] });
  const [first] = apart.jobs.keys();
  const pressed = async () => (await apart.press(`again:${first}`)).posted.at(-1)!.notes!.join();
  assert.match(await pressed(), /differs from before: .* in the place of wave\./);
  assert.match(await pressed(), /another device, precision or version/);
  await chat.say('/imagine a boat');
  const other = (await chat.press(`recipe:${[...chat.jobs.keys()].at(-1)}`)).ephemeral[0]!;
  assert.equal(other.actions, undefined);
});

test('a ControlNet that is named says what to take from the picture, or asks', async () => {
  const file = { kind: 'controlnet', path: '/x', bytes: 1 };
  const chat = startCommands();
  const { models } = chat.ports;
  const files = [
    { ...file, name: 'sd15_canny', control: 'canny' },
    { ...file, name: 'mine' },
  ];
  const own = startCommands({ models: { ...models, files: () => files } });
  const say = (words: string) => own.say(`/imagine a boat ${words}`, { attachments: [photo()] });
  await say('--controlnet SD15_canny');
  const [job] = own.jobs.values();
  assert.deepEqual(
    job!.request.controls.map(({ kind, controlnet }) => [kind, controlnet]),
    [['canny', 'SD15_canny']],
  );
  const refused = async (words: string) => (await say(words)).ephemeral[0]?.error?.message;
  assert.match((await refused('--controlnet mine'))!, /Nothing tells .* mine .* --control canny, /);
  assert.match((await refused('--controlnet sd15_cany'))!, /no ControlNet sd15_cany.*sd15_canny/);
  assert.match((await refused('--control raw'))!, /--controlnet/);
  await say('--control raw --controlnet mine');
  assert.equal([...own.jobs.values()].at(-1)!.request.controls[0]!.kind, 'raw');
});
