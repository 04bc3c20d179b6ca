/** Whatever stands in a field of a call, the answer is a sentence: never an internal error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COMMANDS } from '../../commands/router.ts';
import { photo, startCommands } from './harness.ts';

const HOSTILE = [
  '\0',
  'a\0b',
  '__proto__',
  'constructor',
  'toString',
  '\ud800',
  '\u202e',
  '',
  ' ',
  '"',
  '\\',
  '<@1>',
  '<@&1>',
  '-0',
  '1e309',
  'NaN',
  '{}',
  '[]',
  '{"a":1}',
  '../..',
  '@everyone',
  'x'.repeat(30_000),
];
const VALUES = [
  ...HOSTILE,
  0,
  -1,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  null,
  {},
  [],
  undefined,
];

const all = COMMANDS.flatMap((command) => [command, ...(command.subcommands ?? [])]);
const admin = { where: { isAdmin: true } };

test('every option of every command takes or refuses every value', async () => {
  for (const { name, options } of all) {
    for (const option of [...Object.keys(options), '__proto__', 'constructor', 'a\0']) {
      const chat = startCommands();
      for (const value of VALUES) {
        const values = Object.fromEntries([[option, value]]);
        const { ephemeral } = await chat.handle({ kind: 'command', name, values }, admin);
        assert.notEqual(ephemeral[0]?.error?.code, 'internal', `${name} ${option} ${String(value)}`);
      }
      assert.deepEqual(chat.errors, [], `${name} ${option}`);
    }
  }
});

test('every button with every argument and every value of its form', async () => {
  const verbs = [
    'reroll',
    'vary',
    'edit',
    'upscale',
    'use',
    'recipe',
    'delete',
    'cancel',
    'undo',
    'again',
    'show',
    'notes',
    'creative',
    'remove',
    'undelete',
  ];
  for (const verb of [...verbs, '__proto__', 'constructor', '', '\0']) {
    const chat = startCommands();
    await chat.say('a boat');
    const [id] = chat.jobs.keys();
    for (const action of [
      `${verb}:${id}`,
      `${verb}:${id}:99`,
      `${verb}:${id}:__proto__`,
      `${verb}:\0`,
      verb,
    ]) {
      for (const value of VALUES) {
        for (const key of ['prompt', 'strength', 'region', 'control', 'mask', '__proto__']) {
          const values = Object.fromEntries([
            ['prompt', 'x'],
            [key, value],
          ]);
          const { ephemeral } = await chat.press(action, values);
          assert.notEqual(ephemeral[0]?.error?.code, 'internal', `${action} ${key} ${String(value)}`);
        }
      }
    }
    assert.deepEqual(chat.errors, [], verb);
  }
});

test('ids, names and files', async () => {
  const chat = startCommands();
  for (const text of HOSTILE) {
    for (const said of [
      { user: text },
      { repliedTo: { id: text, pictureIds: [text] } },
      { attachments: [photo(text)] },
      { attachments: [{ ...photo(), option: text }] },
      { where: { channel: text, tenant: text, roles: [text] } },
    ]) {
      await chat.say('a boat', said);
      await chat.say('/recipe', said);
    }
  }
  assert.deepEqual(chat.errors, []);
});

test('any line at all', async () => {
  const chat = startCommands();
  const names = all.map(({ name }) => `/${name} `);
  const flags = all.flatMap(({ options }) => Object.values(options).flatMap(({ flag }) => flag ?? []));
  const word = fc.oneof(
    fc.constantFrom(...names, ...flags, ...HOSTILE.slice(0, -1)),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (words) => {
      const { ephemeral } = await chat.say(words.join(' '), admin);
      assert.notEqual(ephemeral[0]?.error?.code, 'internal');
      assert.deepEqual(chat.errors, []);
    }),
    { numRuns: 2000 },
  );
});
