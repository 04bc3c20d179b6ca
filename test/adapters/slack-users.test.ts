/** Who counts as an admin on Slack: those of the bot's own workspace, however a channel is shared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlackClient } from '../../adapters/slack/client.ts';
import { SlackUsers } from '../../adapters/slack/users.ts';

const whereOf = (user: object) => {
  const client = {
    users: { info: async () => ({ user: { id: 'U1', name: 'ada', ...user } }) },
    usergroups: { list: async () => ({ usergroups: [] }) },
  };
  return new SlackUsers(client as unknown as SlackClient, 'T1').where('U1', 'C1');
};

test('an admin of another workspace is nobody’s admin here', async () => {
  for (const [user, isAdmin] of [
    [{ team_id: 'T1', is_admin: true }, true],
    [{ team_id: 'T1', is_owner: true }, true],
    [{ team_id: 'T1' }, false],
    [{ team_id: 'T2', is_admin: true }, false],
    [{ team_id: 'T1', is_admin: true, is_stranger: true }, false],
    [{ is_admin: true }, false],
  ] as const) {
    assert.equal((await whereOf(user)).isAdmin, isAdmin, JSON.stringify(user));
  }
});

test('a direct message is the workspace’s too', async () => {
  const users = new SlackUsers(
    {
      users: { info: async () => ({ user: { id: 'U1', name: 'ada' } }) },
      usergroups: { list: async () => ({ usergroups: [{ id: 'S1', users: ['U1'] }] }) },
    } as unknown as SlackClient,
    'T1',
  );
  const { tenant, isDirect, roles } = await users.where('U1', 'D1');
  assert.deepEqual([tenant, isDirect, roles], ['slack:T1', true, ['slack:S1']]);
});
