import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../config/settings.ts';
import { DarkroomError } from '../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'darkroom-settings-'));
const settingsFile = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
const empty = settingsFile('empty.json', '{}');

test('with nothing set, the chat is on loopback and every value is a default', () => {
  const { settings, table } = loadSettings({}, empty);
  assert.equal(settings.DARKROOM_HOST, '127.0.0.1');
  assert.equal(settings.DARKROOM_PORT, 3000);
  assert.deepEqual(settings.DARKROOM_MODELS, []);
  assert.ok(table.every(({ origin }) => origin === 'default'));
});

test('the environment wins over the file, and both say so', () => {
  const file = settingsFile('both.json', '{"DARKROOM_PORT": 4000, "DARKROOM_DATA": "/srv/pictures"}');
  const { settings, table } = loadSettings({ DARKROOM_PORT: '0', DARKROOM_MODELS: '/a:/b' }, file);
  assert.equal(settings.DARKROOM_PORT, 0);
  assert.equal(settings.DARKROOM_DATA, '/srv/pictures');
  assert.deepEqual(settings.DARKROOM_MODELS, ['/a', '/b']);
  const origin = (name: string) => table.find((row) => row.name === name)?.origin;
  assert.equal(origin('DARKROOM_PORT'), 'environment');
  assert.equal(origin('DARKROOM_DATA'), 'file');
  assert.equal(origin('DARKROOM_LOG'), 'default');
});

test('an empty variable is an unset one', () => {
  assert.equal(loadSettings({ DISCORD_TOKEN: '' }, empty).settings.DISCORD_TOKEN, undefined);
});

test('no secret is shown, neither in the table nor in a refusal', () => {
  const env = {
    DARKROOM_WEB_TOKEN: 'hush',
    DATABASE_URL: 'postgres://me:hush@db/x',
    SLACK_SIGNING_SECRET: 'hush',
  };
  assert.ok(!JSON.stringify(loadSettings(env, empty).table).includes('hush'));
});

test('a refusal names the variable, the value and what is allowed', () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ DARKROOM_PORT: '70000' }, /DARKROOM_PORT "70000".*0 to 65535/],
    [{ DARKROOM_MEMORY: '0' }, /DARKROOM_MEMORY "0".*above 0/],
    [{ DARKROOM_MEMORY: 'cuda:0=8,cpu=0' }, /DARKROOM_MEMORY.*above 0/],
    [{ DARKROOM_LOG: 'loud' }, /DARKROOM_LOG "loud".*info/],
    [{ DISCORD_API_URL: 'nowhere' }, /DISCORD_API_URL "nowhere"/],
  ];
  for (const [env, message] of cases) {
    assert.throws(() => loadSettings(env, empty), { code: 'misconfigured', message });
  }
});

test('a settings file that cannot be used is refused by name', () => {
  const load = (file: string) => () => loadSettings({}, file);
  assert.throws(load(join(folder, 'missing.json')), /missing\.json cannot be read/);
  assert.throws(load(settingsFile('broken.json', '{')), /broken\.json is not JSON/);
  assert.throws(load(settingsFile('list.json', '[]')), /one object/);
  assert.throws(load(settingsFile('stray.json', '{"DARKROOM_PROT": 1}')), /DARKROOM_PROT.*DARKROOM_PORT/);
  assert.throws(load(settingsFile('broken.json', '{')), DarkroomError);
});
