/** Sweeps: how their axes are read, and what is offered, started and drawn of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imagine } from '../../commands/imagine.ts';
import { cellValues, countCells, takeAxes } from '../../commands/sweep-axes.ts';
import { DarkroomError, describeError } from '../../src/errors.ts';
import { type Harness, startCommands } from './harness.ts';

const axesOf = (line: string) =>
  Object.fromEntries(takeAxes(line, imagine).axes.map(({ option, values }) => [option, values.join(' ')]));
const refusalOf = (work: () => unknown) => {
  try {
    return JSON.stringify(work());
  } catch (error) {
    return describeError(error).message;
  }
};

test('values are lists and ranges, of fields by their flags, aliases and names', () => {
  for (const [line, expected] of [
    ['a mug steps=10,20,30', { steps: '10 20 30' }],
    ['cfg=3..9+2 a mug', { cfg: '3 5 7 9' }],
    ['strength=1..0-0.2', { strength: '1 0.8 0.6 0.4 0.2 0' }],
    ['cfg=3..5', { cfg: '3 4 5' }],
    ['cfg=5..3', { cfg: '5 4 3' }],
    ['cfg=2\u20264+0.5', { cfg: '2 2.5 3 3.5 4' }],
    ['guidance_scale=3, 5 , 7 seed=1..3', { cfg: '3 5 7', seed: '1 2 3' }],
    ['sampler="DPM++ 2M Karras,Euler a",ddim', { sampler: 'DPM++ 2M Karras,Euler a ddim' }],
    ['lora=ink:0.2..0.6+0.2,none,oil', { lora: 'ink:0.2 ink:0.4 ink:0.6 none oil' }],
    ['size=256x256,384x256', { size: '256x256 384x256' }],
    ['a sign that says E=mc2 --seed 3', {}],
    ['"a sign: steps=1,2" cfg=1,2', { cfg: '1 2' }],
  ] as const) {
    assert.deepEqual(axesOf(line), expected, line);
  }
  assert.equal(takeAxes('a mug steps=10,20 on a table', imagine).rest, 'a mug on a table');
});

test('what cannot be read is refused with the right spelling, before anything is counted out', () => {
  for (const [line, words] of [
    ['cfg=3..9-2', /cfg=3\.\.9-2 cannot be read.*3\.\.9\+2 is 3, 5, 7, 9/],
    ['cfg=9..3+2', /9\.\.3\+2 cannot be read/],
    ['cfg=3..9+0', /cannot be read/],
    ['cfg=3..', /cannot be read/],
    ['steps=10,,20', /cannot be read/],
    ['steps=10,10', /the value 10 twice/],
    ['steps=1,2 steps=3,4', /given twice/],
    ['stpes=10,20', /no option stpes.*steps/],
    ['n=1,2', /no option n/],
    ['seed=1..1000000000', /would make 1000000000 pictures/],
  ] as const) {
    assert.match(
      refusalOf(() => takeAxes(line, imagine)),
      words,
      line,
    );
  }
  const count = (line: string) => refusalOf(() => countCells(takeAxes(line, imagine).axes));
  assert.match(count('a mug'), /Say which options to vary/);
  assert.match(count('steps=1..10 seed=1..10'), /would make 100 pictures/);
  assert.match(count('steps=1,2 cfg=1,2 seed=1,2 eta=0,1'), /at most 3/);
});

test('the first axis is the columns, the second the rows', () => {
  const { axes } = takeAxes('steps=1,2 cfg=3,4', imagine);
  assert.deepEqual(
    cellValues(axes).map(({ steps, cfg }) => `${steps}/${cfg}`),
    ['1/3', '2/3', '1/4', '2/4'],
  );
});

test('an offer tells the cost and the quota; only its asker starts it, once, or drops it', async () => {
  const chat = startCommands();
  chat.set('quota_gpu_seconds_per_day', 600);
  chat.set('max_sweep', 6);
  const refused = await chat.say('/sweep a mug steps=1..8');
  assert.match(refused.ephemeral[0]!.text, /a sweep of 8 pictures.*6/);
  const bad = await chat.say('/sweep a mug steps=10,2000');
  assert.match(bad.ephemeral[0]!.text, /--steps/);
  const { posted } = await chat.say('/sweep a mug steps=5,10 cfg=2,4 --no text');
  const [offer] = posted;
  assert.match(offer!.text, /4 pictures, .* That is 4 of the 600 GPU-seconds/);
  const start = offer!.actions![0]!.id;
  const stranger = await chat.press(start, {}, { user: 'discord:bo' });
  assert.match(stranger.ephemeral[0]!.text, /Only discord:ada/);
  const seeds = new Set([...chat.jobs.values()].map(({ request }) => request.seed));
  assert.equal(seeds.size, 1);
  const started = await chat.press(start);
  const end = started.posted.at(-1)!;
  assert.deepEqual(
    end.cells!.map(({ label }) => label),
    ['steps 5, cfg 2', 'steps 10, cfg 2', 'steps 5, cfg 4', 'steps 10, cfg 4'],
  );
  assert.match((await chat.press(start)).ephemeral[0]!.text, /started already/);
  const whole = end.actions![0]!.id.split(':')[1]!;
  assert.match((await chat.press(`vary:${whole}`)).ephemeral[0]!.text, /Open one of them first/);
  const other = await chat.say('/sweep a mug seed=1,2');
  const drop = other.posted[0]!.actions![1]!.id;
  assert.deepEqual((await chat.press(drop)).deleted, ['m']);
  assert.match((await chat.press(drop.replace('drop', 'start'))).ephemeral[0]!.text, /no longer exists/);
  assert.deepEqual(chat.errors, []);
});

test('Start asks again for everything that may have changed since the offer', async () => {
  const changes: readonly (readonly [change: (chat: Harness) => unknown, words: RegExp])[] = [
    [(chat) => chat.set('banned', true, 'user', 'discord:ada'), /banned/],
    [(chat) => chat.set('paused', true), /paused/],
    [(chat) => chat.set('max_sweep', 1), /a sweep of 2 pictures/],
    [(chat) => chat.set('max_steps', 6), /10 steps/],
    [(chat) => chat.set('allowed_models', ['other']), /mini/],
    [(chat) => chat.set('commercial_only', true), /The model mini/],
    [(chat) => chat.say('/rules set mugs mug', { where: { isAdmin: true } }), /breaks the rule mugs/],
    [
      (chat) => {
        chat.refusals.room = new DarkroomError('too_many', 'no room');
      },
      /no room/,
    ],
  ];
  for (const [change, words] of changes) {
    const chat = startCommands();
    const { posted } = await chat.say('/sweep a mug steps=5,10');
    await change(chat);
    const { ephemeral, taken } = await chat.press(posted[0]!.actions![0]!.id);
    assert.match(ephemeral[0]!.text, words);
    assert.deepEqual([chat.jobs.size, taken], [1, []]);
  }
  // Pictures are checked as they would be now.
  const chat = startCommands();
  const { posted } = await chat.say('/sweep a mug steps=5,10');
  chat.set('moderation', 'spoiler');
  await chat.press(posted[0]!.actions![0]!.id);
  assert.deepEqual(
    [...chat.jobs.values()].map(({ frame }) => frame?.moderation),
    ['spoiler', 'spoiler', 'spoiler'],
  );
});
