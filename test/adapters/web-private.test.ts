/** Private answers: kept up to date, dismissed, and gone after an hour; values that the menu completes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatFor } from './stand-in.ts';

test('the queue is brought up to date in the answer that shows it', async (t) => {
  const chat = await chatFor(t);
  chat.queue.held = true;
  const [ada, eve] = [chat.as('Ada'), chat.as('Eve')];
  const { message: card } = await ada.post('/queue');
  assert.equal(card.text, 'You have no queued or running jobs.');
  await ada.post('a mug');
  const count = (await ada.messages()).length;
  const { status, message } = await ada.press(card.id, card.refresh!);
  assert.deepEqual([status, message.id, message.text], [202, card.id, 'One job:']);
  assert.deepEqual(
    message.fields?.map(({ name }) => name),
    ['1. a mug'],
  );
  const after = await ada.messages();
  assert.equal(after.length, count);
  assert.equal(after.find(({ id }) => id === card.id)?.text, 'One job:');
  assert.equal((await eve.press(card.id, card.refresh!)).status, 404);
  assert.equal((await ada.press(after.at(-1)!.id, 'queue')).status, 400);
  // It is dismissed with the words that asked for it.
  const dismissed = await fetch(`${chat.url}/api/messages/${card.id}`, {
    method: 'DELETE',
    headers: ada.headers,
  });
  assert.equal(dismissed.status, 200);
  assert.equal(
    (await ada.messages()).some((one) => one.private),
    false,
  );
});

test('private answers without a job go after an hour, with the words that asked for them', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  await ada.post('/config set result_visibility private');
  await chat.as('ada').post('/config set result_visibility private');
  const picture = await chat.as('Eve').draw('a mug');
  await ada.post('/help');
  const { length } = await ada.messages();
  assert.ok(length > 0);
  assert.equal((await chat.store.messages.removePrivate(Date.now() - 60_000)).length, 0);
  const removed = await chat.store.messages.removePrivate(Date.now() + 1000);
  assert.ok(removed.length >= 2);
  assert.deepEqual(await ada.messages(), []);
  // A private result stays, and so do the words that asked for it.
  const kept = await chat.as('Eve').messages();
  assert.deepEqual(kept.map(({ id }) => id).includes(picture.id), true);
  assert.equal(kept.length, 2);
});

test('the menu completes styles of this chat, samplers and models, with a word on each', async (t) => {
  const chat = await chatFor(t);
  await chat.as('ada').post('/style add noir template: {prompt}, film noir');
  const ask = async (option: string, typed: string) => {
    const query = new URLSearchParams({ command: 'imagine', option, typed });
    return (await fetch(`${chat.url}/api/suggest?${query}`)).json();
  };
  assert.deepEqual(await ask('style', 'wat'), [{ value: 'watercolor', note: '\u2026, watercolor painting' }]);
  const [first] = (await ask('sampler', 'dpmpp_2m')) as { value: string; note: string }[];
  assert.deepEqual([first?.value, first?.note], ['dpmpp_2m', 'a good first choice, 20 to 30 steps']);
  assert.deepEqual(await ask('model', ''), [{ value: 'mini' }]);
  assert.deepEqual(await ask('constructor', ''), []);
});
