/** People's own photos: read only for those who may request a picture, kept only with the job that they were for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { eventually } from '../patience.ts';
import { photo, startCommands } from './harness.ts';

const full = new DarkroomError('too_many', 'You have 3 pictures waiting; the limit is 3.');

test('a photo of somebody who is refused is neither fetched nor stored', async () => {
  for (const refuse of [
    (chat: ReturnType<typeof startCommands>) => chat.set('banned', true, 'user', 'discord:ada'),
    (chat: ReturnType<typeof startCommands>) => chat.set('paused', true),
    (chat: ReturnType<typeof startCommands>) => chat.set('channels', ['discord:9']),
    (chat: ReturnType<typeof startCommands>) => {
      chat.refusals.room = full;
    },
  ]) {
    const chat = startCommands();
    refuse(chat);
    const upload = photo();
    const { ephemeral, posted } = await chat.say('a tiger', { attachments: [upload] });
    assert.ok(ephemeral[0]?.error, 'it is refused');
    assert.deepEqual([posted.length, upload.reads, chat.pictures.size, chat.jobs.size], [0, 0, 0, 0]);
  }
});

test('a photo whose job is refused at the last moment is removed again', async () => {
  const chat = startCommands();
  chat.refusals.submit = full;
  const upload = photo();
  const { ephemeral } = await chat.say('a tiger', { attachments: [upload] });
  assert.equal(ephemeral[0]?.error?.code, 'too_many');
  assert.deepEqual([upload.reads, chat.pictures.size], [1, 0]);
});

test('a photo belongs to its job and goes with it; a picture of another job stays', async () => {
  const chat = startCommands({ undoMs: 0 });
  await chat.say('a tiger', { attachments: [photo()] });
  const [first] = chat.jobs.values();
  assert.deepEqual(
    [...chat.pictures.values()].map(({ job, kind }) => [job, kind]),
    [
      [first!.id, 'input'],
      [first!.id, 'result'],
    ],
  );
  await chat.press(`vary:${first!.id}`);
  const second = [...chat.jobs.values()][1]!;
  assert.equal(second.inputs['source'], first!.pictures[0]!.id, 'the picture is borrowed, not copied');

  await chat.press(`delete:${second.id}`);
  await eventually('the second job is removed', () => chat.jobs.size === 1);
  assert.ok(chat.pictures.has(first!.pictures[0]!.id));
  const { deleted } = await chat.press(`delete:${first!.id}`);
  await eventually('the first job is removed', () => chat.jobs.size === 0);
  assert.deepEqual([deleted, chat.pictures.size, chat.jobs.size], [['m'], 0, 0]);
});
