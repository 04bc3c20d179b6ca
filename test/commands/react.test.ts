/** Stars as reactions: only of pictures that the Star button would star too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobRecord } from '../../src/store/jobs.ts';
import { startCommands, TENANT } from './harness.ts';

test('a reaction stars the first picture of what its giver may see, and nothing else', async () => {
  const stars: string[] = [];
  const { gallery } = startCommands().ports;
  const chat = startCommands({
    gallery: {
      ...gallery,
      setStar: async (picture, user, isStarred) => void stars.push(`${isStarred} ${picture} ${user}`),
    },
  });
  await chat.say('/imagine a mug', { user: 'discord:bo' });
  const [record] = [...chat.jobs.values()];
  const pictures = ['p1', 'p2'].map((id) => ({ id, width: 8, height: 8 }));
  const react = async (more: Partial<JobRecord>, by: { user?: string; tenant?: string | undefined } = {}) => {
    const { id } = record!;
    chat.jobs.set(id, { ...record!, state: 'done', pictures, ...more });
    const reaction = { jobs: [id], platform: 'discord', user: 'discord:cy', tenant: TENANT } as const;
    await chat.commands.react({ ...reaction, isAdded: true, ...by });
    return stars.splice(0);
  };
  assert.deepEqual(await react({}), ['true p1 discord:cy']);
  const isPrivate = { frame: { ...record!.frame, isPrivate: true } };
  assert.deepEqual(await react(isPrivate, { user: 'discord:bo' }), ['true p1 discord:bo']);
  const { share: _, ...direct } = record!;
  chat.jobs.clear();
  for (const [more, by] of [
    [isPrivate, {}],
    [{}, { tenant: 'discord:9' }],
    [{}, { tenant: undefined }],
    [{ pictures: [] }, {}],
    [{ frame: { isDeleted: true } }, {}],
    [{ frame: { sweep: { axes: [], cells: [], line: '' } } }, {}],
    [{ ...direct, share: undefined as never }, {}],
  ] as const)
    assert.deepEqual(await react(more, by), [], JSON.stringify(more));
});
