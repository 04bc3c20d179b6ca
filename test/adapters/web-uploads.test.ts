/** How a file will look as an attachment: the page shows and paints on what the engine will start from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { chatFor } from './stand-in.ts';

const POSE = JSON.stringify({
  people: [{ pose_keypoints_2d: Array.from({ length: 54 }, (_, i) => (i % 3 === 2 ? 1 : 20 + i)) }],
  canvas_width: 128,
  canvas_height: 96,
});

test('a file is shown as it will be kept; a refusal is a sentence', async (t) => {
  const chat = await chatFor(t);
  const ask = async (...files: readonly (readonly [bytes: Uint8Array | string, name: string])[]) => {
    const body = new FormData();
    for (const [bytes, name] of files) body.append('files[]', new File([bytes as string], name), name);
    const headers = { 'x-darkroom-user': 'ada' };
    return fetch(`${chat.url}/api/uploads`, { method: 'POST', headers, body });
  };
  const turned = sharp({ create: { width: 60, height: 40, channels: 3, background: '#2060a0' } });
  for (const format of ['tiff', 'webp'] as const) {
    const file = await turned.clone().withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
    const answer = await ask([file, `a.${format}`]);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'image/png');
    const { width, height } = await sharp(await answer.arrayBuffer()).metadata();
    assert.deepEqual([width, height], [40, 60], format);
  }
  const pose = await ask([POSE, 'p.json']);
  assert.equal(pose.headers.get('darkroom-control'), 'openpose');
  assert.equal((await sharp(await pose.arrayBuffer()).metadata()).width, 128);

  for (const [files, words] of [
    [[], /one file/],
    [[['x', 'a.png'] as const, ['x', 'b.png'] as const], /one file/],
    [[['{"people": 3}', 'p.json'] as const], /pose file/],
    [[['plain words', 'notes.txt'] as const], /not a picture/],
  ] as const) {
    const answer = await ask(...files);
    assert.equal(answer.status, 400);
    assert.match(((await answer.json()) as { error: { message: string } }).error.message, words);
  }
});

test('a file of keypoints is followed, and shown as its figure', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('ada');
  const file = new File([POSE], 'p.json', { type: 'application/json' });
  const { request } = await ada.post('/imagine a knight --control openpose', { file });
  assert.deepEqual([request.pictures[0]?.width, request.pictures[0]?.height], [128, 96]);
  const [job] = chat.queue.jobs;
  assert.equal(job?.request.controls[0]?.kind, 'openpose');
  const bytes = job!.inputs.get(job!.request.controls[0]!.image)!;
  assert.equal((await sharp(bytes).metadata()).format, 'png');
  const refused = await ada.post('/edit a knight', { file });
  assert.match(JSON.stringify(refused), /--control openpose/);
});

test('a pasted address of this chat stands for its picture; no other one is fetched', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('ada');
  const first = await ada.post('a mug');
  const done = await ada.until(first.message.id, ({ job }) => job?.state === 'done');
  const { id, url } = done.pictures[0]!;
  const asked = async (text: string, user = ada) => {
    const { status, error, message } = await user.post(text);
    const isDone = (one: { job?: { state: string } }) => one.job?.state === 'done';
    const notes = status === 202 ? (await user.until(message.id, isDone)).notes : [];
    return { status, error: error?.message, image: chat.queue.jobs.at(-1)?.request.image, notes };
  };
  for (const address of [`${chat.url}${url}`, `<${chat.url}/#message-${done.id}-1>`]) {
    const { status, image, notes } = await asked(`${address} a blue mug`);
    assert.deepEqual([status, image !== undefined], [202, true], address);
    assert.doesNotMatch(JSON.stringify(notes ?? []), /not fetched/);
  }
  const gone = await asked(`${chat.url}/api/pictures/${'0'.repeat(32)}.png a mug`);
  assert.deepEqual([gone.status, gone.error], [404, 'That picture no longer exists.']);
  // Another host, also one that looks like this one: named, and the words are drawn without it.
  for (const host of ['pictures.example', '127.0.0.1:1', 'user@evil.example']) {
    const { status, image, notes } = await asked(`a mug http://${host}/api/pictures/${id}.png`);
    assert.deepEqual([status, image], [202, undefined], host);
    assert.match(JSON.stringify(notes), /not fetched from/);
  }
  const alone = await asked('http://pictures.example/a.png');
  assert.match(alone.error ?? '', /not fetched from pictures\.example/);
  // What only somebody else can see stays theirs.
  const recipe = await ada.press(done.id, `recipe:${done.job?.id}`);
  const link = `${chat.url}/#message-${recipe.message?.id}`;
  assert.equal((await asked(`${link} a mug`, chat.as('eve'))).status, 404);
});
