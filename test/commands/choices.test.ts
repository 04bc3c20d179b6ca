/** Choices in prompts as members use them in chat, and the lists that admins keep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sayWords } from '../../src/sentences.ts';
import { startCommands } from './harness.ts';

const admin = { where: { isAdmin: true } };

test('a prompt with choices draws words; the recipe has them, and a re-roll draws others', async () => {
  const chat = startCommands({
    wildcards: async () => new Map([['colour', async () => ['red', 'blue', 'green', 'white', 'black']]]),
  });
  const { posted } = await chat.say('/imagine a __colour__ {mug|cup} --seed 5 --n 4');
  const [first] = chat.jobs.values();
  assert.equal(first!.request.pictureWords?.length, 4);
  assert.equal(posted[0]!.about?.prompt, 'a __colour__ {mug|cup}');
  for (const { prompt } of first!.request.pictureWords!) assert.match(prompt!, /^a [a-z]+ (mug|cup)$/);
  const recipe = await chat.press(`recipe:${first!.id}:2`);
  const shown = recipe.ephemeral[0]!.fields!.find(({ name }) => name === 'Prompt')!.value;
  assert.equal(shown, first!.request.pictureWords![1]!.prompt);
  await chat.press(`reroll:${first!.id}`);
  assert.equal([...chat.jobs.values()][1]!.request.templates?.prompt, 'a __colour__ {mug|cup}');
  await chat.press(`vary:${first!.id}:1`);
  assert.equal([...chat.jobs.values()][2]!.request.prompt, first!.request.pictureWords![0]!.prompt);
  assert.equal([...chat.jobs.values()][2]!.request.templates, undefined);
});

test('choices that ask for more than there are, or for none, are drawn and said with the picture', async () => {
  const chat = startCommands();
  await chat.say(
    '/imagine a {3$$ and $$red|blue} mug {0$$on a table|on the beach} in {-2$$oil|ink} --seed 5',
  );
  const [job] = chat.jobs.values();
  assert.match(job!.request.prompt, /^a (red and blue|blue and red) mug in (oil|ink)(, (oil|ink))?$/);
  assert.deepEqual(
    job!.notes!.map((note) => sayWords('en', note)),
    [
      '{3$$ and $$red|blue} has 2 choices to take from, not 3.',
      '{0$$on a table|on the beach} takes none of its choices.',
    ],
  );
});

test('admins keep lists in chat; members may not', async () => {
  const chat = startCommands();
  const { ephemeral } = await chat.say('/wildcard set colour red | dark blue | green', admin);
  assert.equal(ephemeral[0]!.text, 'Wildcard colour: red | dark blue | green');
  assert.equal(chat.changes[0]!.after, 'red\ndark blue\ngreen');
  const member = await chat.say('/wildcard set colour red');
  assert.equal(member.ephemeral[0]!.error?.code, 'forbidden');
  for (const [line, sentence] of [
    ['/wildcard set a__b red', /not a valid name/],
    ['/wildcard set colour ,', /no words/],
    ['/wildcard remove sky', /no wildcard sky/],
  ] as const) {
    const answer = await chat.say(line, admin);
    assert.match(answer.ephemeral[0]!.text, sentence, line);
  }
  assert.match((await chat.say('/wildcard')).ephemeral[0]!.text, /no wildcards yet/);
});
