/** Bans, pauses, quotas, channels and age rules hold in direct messages; admins say what those may do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Membership } from '../../adapters/adapter.ts';
import type { SettingKey, SettingValue } from '../../src/settings/schema.ts';
import { startCommands, TENANT } from './harness.ts';

const direct = { where: { tenant: undefined as never, isDirect: true, channel: 'discord:900' } };
const member = (...tenants: string[]) => ({
  tenantsOf: async (): Promise<readonly Membership[]> => tenants.map((tenant) => ({ tenant, roles: [] })),
});

test('a direct message stands under the rules of the tenant, and is charged to it', async () => {
  const chat = startCommands(member(TENANT));
  chat.set('quota_waiting', 3);
  await chat.say('a boat', direct);
  const [job] = chat.jobs.values();
  assert.deepEqual(job!.share, { tenant: TENANT, weight: 1, waiting: 3 });
});

test('what is forbidden in a tenant is forbidden in direct messages', async () => {
  const rules: readonly [SettingKey, SettingValue, RegExp][] = [
    ['banned', true, /banned you/],
    ['paused', true, /paused/],
    ['channels', ['discord:2'], /direct messages/],
    ['age_restricted', true, /direct messages/],
    ['direct_messages', false, /direct messages/],
    ['roles', ['discord:77'], /Only/],
  ];
  for (const [key, value, sentence] of rules) {
    const chat = startCommands(member(TENANT));
    if (key === 'banned') chat.set(key, value, 'user', 'discord:ada');
    else chat.set(key, value);
    const { ephemeral } = await chat.say('a boat', direct);
    assert.match(ephemeral[0]?.error?.message ?? '', sentence, key);
    assert.equal(chat.jobs.size, 0);
  }
});

test('an admin can allow direct messages beside a list of channels', async () => {
  const chat = startCommands(member(TENANT));
  chat.set('channels', ['discord:2']);
  chat.set('direct_messages', true);
  await chat.say('a boat', direct);
  assert.equal(chat.jobs.size, 1);
});

test('a user of several tenants gets the one that allows them pictures, and changes no settings there', async () => {
  const chat = startCommands(member(TENANT, 'discord:5'));
  chat.set('banned', true, 'user', 'discord:ada');
  await chat.say('a boat', direct);
  assert.equal([...chat.jobs.values()][0]!.share?.tenant, 'discord:5');
  const { ephemeral } = await chat.say('/config set paused on', {
    where: { ...direct.where, isAdmin: true },
  });
  assert.equal(ephemeral[0]?.error?.code, 'forbidden');
});

test('whoever shares no tenant with the bot gets no pictures', async () => {
  const chat = startCommands();
  const { ephemeral } = await chat.say('a boat', direct);
  assert.match(ephemeral[0]?.error?.message ?? '', /^I cannot tell which server you belong to/);
});
