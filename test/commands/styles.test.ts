/** Styles of one's own: who sees and uses them, and which of two of the same name holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../src/settings/store.ts';
import { startCommands } from './harness.ts';

/** The harness with styles that are kept. */
function startWithStyles() {
  const kept: Change[] = [];
  const chat = startCommands({
    settings: {
      ...startCommands().ports.settings,
      rules: async () => chat.rules,
      apply: async (change) => void kept.push(change),
      styles: async (tenant) => {
        const styles = new Map<string, string>();
        for (const { tenant: of, key, after } of kept) {
          const name = key.slice('style.'.length);
          if (of === tenant) after === undefined ? styles.delete(name) : styles.set(name, String(after));
        }
        return styles;
      },
    },
  });
  return { chat, kept };
}

const bo = { user: 'discord:bo' };
const admin = { where: { isAdmin: true } };
const elsewhere = { where: { tenant: 'discord:other' } };

test("one's own style is one person's, everywhere, before that of everybody", async () => {
  const { chat, kept } = startWithStyles();
  const prompt = async (said: object) => {
    await chat.say('/imagine a mug --style oil', said);
    return [...chat.jobs.values()].at(-1)?.request.prompt;
  };
  const refused = await chat.say('/style add oil {prompt}, in oil');
  assert.match(refused.ephemeral[0]!.text, /Add --mine/);
  const added = await chat.say('/style add oil {prompt}, in my oil --mine');
  assert.match(added.ephemeral[0]!.notes!.join(' '), /nobody else sees it/);
  assert.deepEqual(
    kept.map(({ tenant }) => tenant),
    ['person:discord:ada'],
  );
  assert.equal(await prompt({}), 'a mug, in my oil');
  assert.equal(await prompt(elsewhere), 'a mug, in my oil');
  const stranger = await chat.say('/imagine a mug --style oil', bo);
  assert.match(stranger.ephemeral[0]!.text, /no style oil/);

  await chat.say('/style add oil {prompt}, in their oil', { ...bo, ...admin });
  assert.equal(await prompt(bo), 'a mug, in their oil');
  assert.equal(await prompt({}), 'a mug, in my oil');
  const list = await chat.say('/style list');
  assert.deepEqual(
    list.ephemeral[0]!.fields!.filter(({ name }) => name.startsWith('oil')).map(({ name }) => name),
    ['oil (yours)', 'oil (for you, your own style of that name is used)'],
  );
  const shown = await chat.say('/style show oil');
  assert.match(shown.ephemeral[0]!.notes!.join(' '), /only you see.*your own one is used/i);
  // The admin's default means the admin's style.
  chat.set('default_style', 'oil');
  await chat.say('/imagine a boat');
  assert.equal([...chat.jobs.values()].at(-1)?.request.prompt, 'a boat, in their oil');

  const own = await chat.commands.complete(
    { command: 'imagine', option: 'style', typed: 'oi', tenant: 'discord:other', user: 'discord:ada' },
    'en',
  );
  assert.deepEqual(
    own.map(({ value }) => value),
    ['oil'],
  );
  const removed = await chat.say('/style remove oil');
  assert.match(removed.ephemeral[0]!.notes!.join(' '), /now means the other style/);
  assert.equal(await prompt({}), 'a mug, in their oil');
  const gone = await chat.say('/style remove oil --mine');
  assert.match(gone.ephemeral[0]!.text, /no style oil/i);
  assert.deepEqual(chat.errors, []);
});

test('a person has up to 25 styles of their own, and can change them when they are full', async () => {
  const { chat } = startWithStyles();
  for (let i = 1; i <= 25; i++) await chat.say(`/style add s${i} {prompt}, ${i} --mine`);
  const full = await chat.say('/style add s26 {prompt}, 26 --mine');
  assert.match(full.ephemeral[0]!.text, /25 styles of your own/);
  const changed = await chat.say('/style add s25 {prompt}, other --mine');
  assert.match(changed.ephemeral[0]!.notes![0]!, /was changed/);
});
