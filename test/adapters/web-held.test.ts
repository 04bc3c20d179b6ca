/** A picture that waits for a reviewer, at its address: for nobody but the admins of the chat. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pixelKey } from '../../src/image/pixel-key.ts';
import { eventually } from '../patience.ts';
import { pngOf, StandInQueue, startChatWith, temporaryFolder } from './stand-in.ts';

test('a stranger who has the address of a picture that waits gets nothing by it', async () => {
  await using folder = await temporaryFolder();
  const queue = new StandInQueue();
  await using chat = await startChatWith(queue, folder.folder, { admins: ['web:ada'] });
  const as = (name: string) => ({ 'x-darkroom-user': name });
  const send = async (name: string, text: string) => {
    const form = new FormData();
    form.set('text', text);
    const response = await fetch(`${chat.url}/api/messages`, {
      method: 'POST',
      headers: as(name),
      body: form,
    });
    return { status: response.status, body: JSON.stringify(await response.json()) };
  };
  const { id: author } = (await (await fetch(`${chat.url}/api/me`, { headers: as('ada') })).json()) as {
    id: string;
  };
  assert.equal(author, 'web:ada');
  await send('ada', '/config set moderation hold');
  await send('bo', '/imagine a boat');
  await eventually('a held picture', async () => (await chat.store.reviews.countHeld('web')) > 0);
  const [held] = await chat.store.reviews.held('web', 1);
  const picture = held!.pictures[0]!.id;
  const address = `${chat.url}/api/pictures/${picture}.png`;
  const statusFor = async (name: string) => (await fetch(address, { headers: as(name) })).status;
  assert.deepEqual([await statusFor('eve'), await statusFor('bo'), await statusFor('ada')], [404, 404, 200]);
  const before = queue.jobs.length;
  for (const line of [`make it blue ${address}`, `/edit make it blue ${address}`, `/recipe ${address}`]) {
    const { status, body } = await send('eve', line);
    assert.deepEqual([status, /deleted|expired|no longer|gone/i.test(body)], [404, true], `${line}: ${body}`);
  }
  assert.equal(queue.jobs.length, before);
  await chat.store.reviews.decide(held!.job, 'approved', { id: 'web:ada', name: 'ada' }, {} as never);
  assert.equal(await statusFor('eve'), 200);
});

test('a copy of a hidden picture, or what came with a reply to one, is hidden in the request; a reply names one of several', async () => {
  await using folder = await temporaryFolder();
  const queue = new StandInQueue();
  await using chat = await startChatWith(queue, folder.folder, { admins: ['web:ada'] });
  const ada = chat.as('ada');
  await ada.post('/config set moderation spoiler');
  const key = pixelKey(pngOf(64, 64))!;
  queue.finding = { isFlagged: true, label: 'concept 3', score: 0.021, key };
  const two = await ada.draw('a mug --n 2 --size 64x64');
  assert.deepEqual(
    two.pictures.map(({ spoiler }) => spoiler),
    [true, true],
  );
  const fileOf = (side: number) =>
    new File([new Uint8Array(pngOf(side, side))], 'my.png', { type: 'image/png' });
  const copied = await ada.post('make it blue', { file: fileOf(64) });
  assert.deepEqual(
    copied.request?.pictures.map(({ spoiler }) => spoiler),
    [true],
  );
  const other = await ada.post('make it blue', { file: fileOf(72) });
  assert.deepEqual(
    other.request?.pictures.map(({ spoiler }) => spoiler),
    [undefined],
  );
  const edited = await ada.post('make it blue', { replyTo: two.id, file: fileOf(72) });
  assert.deepEqual(
    edited.request?.pictures.map(({ spoiler }) => spoiler),
    [true],
  );
  const second = await ada.post('make it blue', { replyTo: `${two.id}-2` });
  const record = await chat.store.jobs.get(second.job!.id);
  assert.deepEqual(Object.values(record!.inputs), [two.pictures[1]!.id]);
  assert.equal(second.message.about?.origin?.picture, 2);
  const none = await ada.post('make it blue', { replyTo: `${two.id}-3` });
  assert.deepEqual([none.status, /2 pictures/.test(none.error!.message)], [400, true]);
});
