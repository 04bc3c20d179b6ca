/** The history in pages, and what is deleted: messages, their answers and their uploads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageJson } from '../../adapters/web/conversation/message.ts';
import { chatFor, pngOf } from './stand-in.ts';

test('a history is read in pages, from its end and from a message, and as a whole', async (t) => {
  const chat = await chatFor(t);
  const author = { id: 'web:ada', name: 'ada', bot: false };
  const ids = Array.from({ length: 1203 }, (_, i) => `m${String(i).padStart(5, '0')}`);
  for (const id of ids) {
    const message = { id, at: '2026-01-01T00:00:00Z', author, text: id, pictures: [], actions: [] };
    await chat.store.messages.put(id === 'm01200' ? { ...message, reader: 'web:eve' } : message);
  }
  const get = async (query: string) => {
    const response = await fetch(`${chat.url}/api/messages${query}`, {
      headers: { 'x-darkroom-user': 'ada' },
    });
    return { status: response.status, ids: ((await response.json()) as MessageJson[]).map?.(({ id }) => id) };
  };
  const visible = ids.filter((id) => id !== 'm01200');
  assert.deepEqual((await get('')).ids, visible);
  assert.deepEqual((await get('?after=m01199')).ids, ['m01201', 'm01202']);
  assert.deepEqual((await get('?limit=3')).ids, ['m01199', 'm01201', 'm01202']);
  assert.deepEqual((await get('?limit=2&before=m01201')).ids, ['m01198', 'm01199']);
  assert.deepEqual((await get('?limit=2&after=m00003')).ids, ['m00004', 'm00005']);
  assert.equal((await get('?before=m01201')).ids.length, 50);
  for (const limit of ['0', '201', 'x', '-1', '1.5', ''])
    assert.equal((await get(`?limit=${limit}`)).status, 400);
  assert.equal((await get('?before=A')).status, 400);
});

test('people delete their own messages, with the answer and the uploads; nobody deletes those of others', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const file = new File([new Uint8Array(pngOf(200, 100))], 'me.png', { type: 'image/png' });
  const { request, message } = await ada.post('a green mug', { file });
  const done = await ada.until(message.id, ({ job }) => job?.state === 'done');
  const upload = request.pictures[0]!.url;
  const remove = async (user: string, id: string) => {
    const headers = { 'x-darkroom-user': user };
    return (await fetch(`${chat.url}/api/messages/${id}`, { method: 'DELETE', headers })).status;
  };
  const status = async (path: string) => (await fetch(`${chat.url}${path}`)).status;
  assert.equal(await status(upload), 200);
  assert.equal(await remove('Eve', request.id), 403);
  assert.equal(await remove('Eve', done.id), 403);
  assert.equal(await remove('Ada', request.id), 200);
  assert.deepEqual(await ada.messages(), []);
  assert.equal(await status(upload), 404);
  assert.equal(await status(done.pictures[0]!.url), 404);
  assert.equal(await chat.store.jobs.get(done.job!.id), undefined);
  assert.equal(await remove('Ada', request.id), 404);

  // A running job is cancelled, and an answer without a job goes as well.
  chat.queue.held = true;
  const running = await ada.post('a boat');
  assert.equal(await remove('Ada', running.request.id), 200);
  assert.equal(await chat.store.jobs.get(running.job!.id), undefined);
  const help = await ada.post('/help');
  assert.equal(await remove('Ada', help.message.id), 200);
  // A private answer goes with the words that asked for it.
  assert.equal(await remove('Ada', help.request.id), 404);
  assert.deepEqual(await ada.messages(), []);
  assert.deepEqual(chat.errors, []);
});

test('a deleted job takes its uploads with it: the message no longer shows them', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const file = new File([new Uint8Array(pngOf(200, 100))], 'me.png', { type: 'image/png' });
  const { request, message } = await ada.post('a green mug', { file });
  const done = await ada.until(message.id, ({ job }) => job?.state === 'done');
  assert.equal((await ada.press(done.id, `delete:${done.job?.id}`)).status, 202);
  // The deletion can no longer be undone.
  const left = await ada.until(request.id, ({ pictures }) => pictures.length === 0);
  assert.deepEqual(await ada.messages(), [left]);
  assert.equal(left?.id, request.id);
  assert.deepEqual(left?.pictures, []);
  assert.equal((await fetch(`${chat.url}${request.pictures[0]?.url}`)).status, 404);
});
