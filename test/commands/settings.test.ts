/** Settings as admins type and read them: names become ids, ids become names, changes are sentences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { MINI, ONLY_MINI } from '../adapters/stand-in.ts';
import { startCommands } from './harness.ts';

const admin = { where: { isAdmin: true } };

test('channels and roles are taken as people write them, stored as ids and shown as names', async () => {
  for (const [typed, id] of [
    ['#general', 'discord:2'],
    ['general', 'discord:2'],
    ['<#2>', 'discord:2'],
    ['2', 'discord:2'],
  ] as const) {
    const chat = startCommands();
    const { ephemeral } = await chat.say(`/config set channels ${typed}`, admin);
    assert.deepEqual(chat.changes[0]?.after, [id], typed);
    assert.equal(ephemeral[0]?.text, 'Pictures are allowed only in #general.');
    assert.deepEqual(ephemeral[0]?.notes, ['channels: not set -> #general']);
  }
  const chat = startCommands();
  await chat.say('/config set admin_roles <@&4>', admin);
  assert.deepEqual(chat.changes[0]?.after, ['discord:4']);
  await chat.say('/config set max_steps 5 --role @artists', admin);
  assert.equal(chat.changes[1]?.target, 'discord:4');
});

test('what cannot be found is refused: no rule locks a channel that nobody meant', async () => {
  const chat = startCommands();
  for (const line of [
    'channels #nowhere',
    'channels <@4>',
    'log_channel #elsewhere',
    'admin_roles @nobody',
    'max_steps 5 --role @nobody',
    'max_steps 5 --channel #nowhere',
  ]) {
    const { ephemeral } = await chat.say(`/config set ${line}`, admin);
    assert.match(ephemeral[0]?.error?.message ?? '', /has no|not a/, line);
  }
  const ban = await chat.say('/ban add @nobody', admin);
  assert.match(ban.ephemeral[0]?.error?.message ?? '', /has no user @nobody/);
  assert.equal(chat.changes.length, 0);
});

test('a setting that a platform cannot carry out is refused by name', async () => {
  const chat = startCommands();
  const slack = { ...admin, platform: 'slack', user: 'slack:ada' } as const;
  const { ephemeral } = await chat.say('/config set age_restricted on', slack);
  assert.match(ephemeral[0]?.error?.message ?? '', /^Slack has no age-restricted channels/);
  const web = { ...admin, platform: 'web', user: 'web:ada' } as const;
  const roles = await chat.say('/config set roles @artists', web);
  assert.match(roles.ephemeral[0]?.error?.message ?? '', /has no roles/);
});

test('a change is a sentence; a style and a ban are no JSON', async () => {
  const chat = startCommands();
  const style = await chat.say('/style add oil {prompt}, oil painting --no photo', admin);
  assert.equal(style.ephemeral[0]?.text, 'Style oil: {prompt}, oil painting; without photo');
  assert.deepEqual(style.ephemeral[0]?.notes, ['style.oil: added']);
  const ban = await chat.say('/ban add @Bo', admin);
  assert.equal(ban.ephemeral[0]?.text, 'For @Bo: Banned from requesting pictures.');
  const idle = await chat.say('/pause off', admin);
  assert.equal(idle.ephemeral[0]?.error?.message, 'Nothing to change: paused is not set.');
  const pause = await chat.say('/pause on', admin);
  assert.equal(pause.ephemeral[0]?.text, 'Paused: no new pictures are accepted.');
  const one = await chat.say('/config set quota_waiting 1', admin);
  assert.equal(one.ephemeral[0]?.text, 'Each user can have 1 picture waiting.');
  const history = await chat.say('/config history', admin);
  assert.match(history.ephemeral[0]?.fields?.[0]?.name ?? '', /^\u{E000}\d+\u{E001}, /u);
});

test('a command of commands shows when it stands on its own', async () => {
  const chat = startCommands();
  chat.set('max_steps', 12);
  chat.set('banned', true, 'user', 'discord:bo');
  const config = await chat.say('/config', admin);
  assert.equal(config.ephemeral[0]?.text, 'Settings of this server:');
  const names = config.ephemeral[0]?.fields?.map(({ name }) => name);
  assert.deepEqual(names, ['max_steps', 'banned']);
  assert.match(
    config.ephemeral[0]?.fields?.[0]?.value ?? '',
    /^A picture takes at most 12 steps\. \(ada, \u{E000}\d+\u{E001}\)$/u,
  );
  const bans = await chat.say('/ban', admin);
  assert.equal(bans.ephemeral[0]?.fields?.[0]?.name, '@Bo');
  for (const line of ['/style', '/models']) {
    const { ephemeral } = await chat.say(line, admin);
    assert.equal(ephemeral[0]?.error, undefined, line);
  }
});

test('one model folder that cannot be read leaves the others in the list', async () => {
  const chat = startCommands({
    models: {
      ...ONLY_MINI,
      names: () => ['broken', 'mini'],
      resolve(name) {
        if (name === 'broken') throw new DarkroomError('bad_model', 'broken/unet has no config.json.');
        return MINI;
      },
    },
  });
  const { ephemeral } = await chat.say('/models list', admin);
  const values = ephemeral[0]?.fields?.map(({ name, value }) => `${name}: ${value}`);
  assert.deepEqual(values, [
    'broken: allowed here; cannot be used: broken/unet has no config.json.',
    'mini: allowed here; licence: not known',
  ]);
});

test('the help offers members what members may do', async () => {
  const chat = startCommands();
  const names = async (said = {}) => {
    const { ephemeral } = await chat.say('/help', said);
    return ephemeral[0]?.fields?.map(({ name }) => name) ?? [];
  };
  assert.ok(!(await names()).includes('/config'));
  assert.ok((await names(admin)).includes('/config'));
});

test('commands whose options a platform has parsed do what their lines do', async () => {
  const chat = startCommands();
  const use = (name: string, values = {}) => chat.handle({ kind: 'command', name, values }, admin);
  await use('config set', { setting: 'max_steps', value: '12' });
  await use('ban add', { user: 'bo' });
  await use('pause', { state: 'on' });
  assert.deepEqual(
    chat.changes.map(({ key, after }) => [key, after]),
    [
      ['max_steps', 12],
      ['banned', true],
      ['paused', true],
    ],
  );
  for (const name of ['config show', 'config history', 'queue', 'style list', 'models list', 'help']) {
    const { ephemeral } = await use(name);
    assert.equal(ephemeral[0]?.error, undefined, name);
  }
});

test('a model whose folder cannot be opened does not become the default', async () => {
  const chat = startCommands({
    models: {
      ...ONLY_MINI,
      resolve(name) {
        if (name !== 'broken') return MINI;
        throw new DarkroomError('bad_model', 'broken/unet/config.json is not JSON. Download it again.');
      },
      names: () => ['mini', 'broken'],
    },
  });
  const { ephemeral } = await chat.say('/config set default_model broken', admin);
  assert.match(ephemeral[0]?.error?.message ?? '', /config\.json is not JSON/);
  assert.equal(chat.changes.length, 0);
  await chat.say('/config set default_model Mini.safetensors', admin);
  await chat.say('/config set allowed_models MINI, broken.ckpt', admin);
  await chat.say('/config set default_style Watercolor', admin);
  assert.deepEqual(
    chat.changes.map(({ key, after }) => [key, after]),
    [
      ['default_model', 'mini'],
      ['allowed_models', ['mini', 'broken']],
      ['default_style', 'watercolor'],
    ],
    'by their own names',
  );
});
