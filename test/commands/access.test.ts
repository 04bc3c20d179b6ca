/** Everything that is looked up by an id is looked up for somebody: of another tenant, nothing is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../patience.ts';
import { startCommands, TENANT } from './harness.ts';

const elsewhere = { user: 'discord:eve', where: { tenant: 'discord:666', isAdmin: true } };

test('jobs, pictures and changes of a tenant are not found from another one', async () => {
  const chat = startCommands();
  await chat.say('a boat');
  const [job] = chat.jobs.values();
  const picture = job!.pictures[0]!.id;
  await chat.say('/config set default_steps 30', { where: { isAdmin: true } });
  const [change] = chat.changes;

  for (const verb of [
    'reroll',
    'vary',
    'edit',
    'upscale',
    'use',
    'recipe',
    'delete',
    'cancel',
    'again',
    'show',
    'notes',
    'creative',
    'remove',
  ]) {
    const { ephemeral, posted, deleted } = await chat.press(
      `${verb}:${job!.id}`,
      { prompt: 'x', control: 'canny' },
      elsewhere,
    );
    assert.equal(ephemeral[0]?.error?.code, 'not_found', verb);
    assert.deepEqual([posted.length, deleted.length], [0, 0], verb);
  }
  const undo = await chat.press(`undo:${change!.id}`, {}, elsewhere);
  assert.equal(undo.ephemeral[0]?.error?.code, 'not_found');
  const recipe = await chat.say('/recipe', { ...elsewhere, repliedTo: { id: 'm', pictureIds: [picture] } });
  assert.ok(!JSON.stringify(recipe).includes('a boat'));
  assert.deepEqual([chat.jobs.size, chat.changes.length], [1, 1]);
});

test('a private job is found by its user, wherever they are, and by nobody else', async () => {
  const chat = startCommands();
  chat.set('result_visibility', 'private');
  await chat.say('a boat');
  const [job] = chat.jobs.values();
  const others = await chat.press(`recipe:${job!.id}`, {}, { user: 'discord:bo' });
  assert.equal(others.ephemeral[0]?.error?.code, 'not_found');
  // Its message may be a direct message.
  const own = await chat.handle(
    { kind: 'action', action: `recipe:${job!.id}`, values: {}, message: 'm' },
    { where: { tenant: undefined as never } },
  );
  assert.equal(own.ephemeral[0]?.error, undefined);
});

test('a user deletes and cancels only their own jobs; an admin of the tenant anybody’s', async () => {
  const chat = startCommands({ undoMs: 0 });
  await chat.say('a boat');
  const [job] = chat.jobs.values();
  const { ephemeral } = await chat.press(`delete:${job!.id}`, {}, { user: 'discord:bo' });
  assert.equal(ephemeral[0]?.error?.code, 'forbidden');
  await chat.press(`delete:${job!.id}`, {}, { user: 'discord:mo', where: { isAdmin: true } });
  await eventually('the job is removed', () => chat.jobs.size === 0);
});

test('what an admin changes is logged in a channel of their own tenant', async () => {
  const chat = startCommands();
  chat.set('log_channel', '#audit');
  await chat.say('/config set default_steps 30', { where: { isAdmin: true } });
  assert.deepEqual(
    chat.posts.map((post) => post.split(' ').slice(0, 3)),
    [['discord', TENANT, '#audit']],
  );
});
