/** /rules: admins keep rules about prompts in chat, and every text of a request keeps to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ONLY_MINI } from '../adapters/stand-in.ts';
import { startCommands, TENANT } from './harness.ts';

const admin = { where: { isAdmin: true } };

test('admins add rules and see them; members see only the name of the one that they broke', async () => {
  const chat = startCommands();
  const set = await chat.say('/rules set weapons gun | machine gun', admin);
  assert.equal(
    set.ephemeral[0]!.text,
    'Prompts must not have what the rule weapons lists: gun | machine gun',
  );
  assert.equal(set.ephemeral[0]!.notes?.[0]?.includes('gun'), false);
  assert.equal(chat.changes[0]!.after, 'gun\nmachine gun');
  assert.equal((await chat.say('/rules list', admin)).ephemeral[0]!.fields?.[0]?.value, 'gun | machine gun');
  for (const line of ['/rules list', '/rules set x gun', '/rules remove weapons']) {
    assert.equal((await chat.say(line)).ephemeral[0]!.error?.code, 'forbidden', line);
  }
  const { ephemeral, posted } = await chat.say('/imagine a cat with a g.u.n');
  assert.equal(posted.length, 0);
  assert.equal(
    ephemeral[0]!.text,
    'This request breaks the rule weapons here, so nothing was drawn. Describe something else.',
  );
  const unknown = await chat.say('/rules remove weapon', admin);
  assert.match(unknown.ephemeral[0]!.text, /no rule weapon\. Did you mean weapons/);
});

test('each text of a request keeps to the rules: typed, drawn, of a style, negative, of a LoRA, again and edited', async () => {
  const chat = startCommands({
    models: {
      ...ONLY_MINI,
      findLoras: async (asked) => new Map(asked.map(({ file }) => [file, { weights: new Map() } as never])),
    },
    wildcards: async () => new Map([['thing', async () => ['gun']]]),
  });
  await chat.say('/imagine a boat');
  const [boat] = chat.jobs.keys();
  await chat.say('/rules set weapons gun', admin);
  for (const line of [
    '/imagine a gun',
    '/imagine a {gun|gun}',
    '/imagine a {cat|gun} --seed 1',
    '/imagine a __thing__',
    '/imagine a cat --no gun',
    '/imagine a cat --prompt-2 gun',
    'a g u n',
    '/imagine a cat --lora my-gun',
  ]) {
    const { ephemeral } = await chat.say(line);
    assert.match(ephemeral[0]?.text ?? 'nothing', /rule weapons/, line);
  }
  const edited = await chat.press(`edit:${boat}`, { prompt: 'a boat with a gun', strength: 0.5 });
  assert.match(edited.ephemeral[0]!.text, /rule weapons/);
  assert.equal(chat.jobs.size, 1);
});

test('an admin’s own negative prompt may name it, and a channel or role may be exempt', async () => {
  const chat = startCommands();
  await chat.say('/rules set weapons gun', admin);
  chat.set('default_negative_prompt', 'gun, text');
  await chat.say('/imagine a cat');
  assert.equal(chat.jobs.size, 1);
  await chat.say('/imagine a cat --no gun');
  assert.equal(chat.jobs.size, 1);
  chat.set('prompt_rules', false, 'role', 'discord:4');
  await chat.say('/imagine a gun', { where: { roles: ['discord:4'], tenant: TENANT } });
  assert.equal(chat.jobs.size, 2);
});

test('weights within a word do not hide it, and what an admin leaves out is asked for', async () => {
  const chat = startCommands();
  await chat.say('/rules set weapons gun', admin);
  for (const prompt of ['(g:1.2)(un:1.1)', 'g(u: 0.9)n', 'a mug --no (g:-1)un']) {
    const { ephemeral } = await chat.say(`/imagine ${prompt}`);
    assert.match(ephemeral[0]?.text ?? 'drawn', /breaks the rule weapons/, prompt);
  }
  const answer = async (line: string) => (await chat.say(line, admin)).ephemeral[0]!.text;
  assert.equal(await answer('/ban add'), 'Say which user you mean.');
  assert.match(await answer('/models set mini --licence " "'), /Write the name of the licence/);
  assert.match(
    await answer('/models set mini --licence mit'),
    /an admin states --licence mit\. That changes no picture/,
  );
  assert.match(await answer('/models set mini --steps 6'), /is drawn with/);
});
