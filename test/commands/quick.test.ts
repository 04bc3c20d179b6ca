/** Drafts: the fast form of a model first, then the same picture in full. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MINI, ONLY_MINI } from '../adapters/stand-in.ts';
import { startCommands } from './harness.ts';

const fast = { num_inference_steps: 4, guidance_scale: 2.5, loras: [{ file: 'lcm', weight: 0.9 }] };
const models = {
  ...ONLY_MINI,
  resolve: () => ({ ...MINI, defaults: { ...MINI.defaults, draft: fast } }),
  findLoras: async (asked: readonly { readonly file: string }[]) =>
    new Map(asked.map(({ file }) => [file, { name: file, hash: '0123456789' }])),
};

test('a draft says so, and Finish draws the same request and seed in full', async () => {
  const chat = startCommands({ models });
  const { posted } = await chat.say('/imagine a mug --draft --steps 30 --lora ink:0.5 --n 2 --seed 7');
  const [draft] = [...chat.jobs.values()];
  const { request } = draft!;
  assert.deepEqual([request.numInferenceSteps, request.guidanceScale], [4, 2.5]);
  assert.deepEqual(
    request.loras?.map(({ file }) => file),
    ['ink', 'lcm'],
  );
  const print = posted.at(-1)!;
  assert.match(print.footer!, /^draft · mini/);
  assert.match(print.notes!.join(' '), /draft in 4 steps\. Finish .* 30 steps; it counts towards your quota/);
  assert.deepEqual(
    print.actions!.slice(0, 2).map(({ label }) => label),
    ['Finish', 'Vary'],
  );
  await chat.press(`finish:${draft!.id}:2`);
  const full = [...chat.jobs.values()].at(-1)!;
  assert.deepEqual(
    [full.request.numInferenceSteps, full.request.guidanceScale, full.request.seed, full.request.numImages],
    [30, MINI.defaults.guidanceScale, 8, 1],
  );
  assert.deepEqual(
    full.request.loras?.map(({ file, weight }) => [file, weight]),
    [['ink', 0.5]],
  );
  assert.equal(full.frame?.finish, undefined);
  const again = await chat.press(`finish:${full.id}`);
  assert.match(again.ephemeral[0]!.text, /not a draft/);
  assert.deepEqual(chat.errors, []);
});

test('a model without a fast form refuses a draft, and a sweep draws none', async () => {
  const plain = await startCommands().say('/imagine a mug --draft');
  assert.match(plain.ephemeral[0]!.text, /mini has no fast form/);
  const sweep = await startCommands({ models }).say('/sweep a mug seed=1,2 --draft');
  assert.match(sweep.ephemeral[0]!.text, /draws no drafts/);
});
