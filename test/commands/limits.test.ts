/** An admin's limits hold for everything, and refuse only what somebody asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCommands } from './harness.ts';

const requestOf = (chat: ReturnType<typeof startCommands>) => [...chat.jobs.values()].at(-1)!.request;

test('a default beyond a limit is lowered to it; the same value typed is refused', async () => {
  const chat = startCommands();
  chat.set('max_steps', 10);
  chat.set('max_size', 200);
  await chat.say('a boat');
  const { width, height, numInferenceSteps } = requestOf(chat);
  assert.deepEqual([width, height, numInferenceSteps], [200, 200, 10]);

  chat.set('default_steps', 30);
  chat.set('default_size', '384x256');
  await chat.say('a ship');
  const lowered = requestOf(chat);
  assert.deepEqual([lowered.width, lowered.height, lowered.numInferenceSteps], [200, 128, 10]);

  const steps = await chat.say('a boat --steps 20');
  assert.equal(
    steps.ephemeral[0]?.error?.message,
    "You asked for 20 steps; this server's limit is 10 (max_steps). Try 10.",
  );
  const size = await chat.say('a boat --size 256x256');
  assert.match(
    size.ephemeral[0]?.error?.message ?? '',
    /^You asked for 256x256; .* \(max_size\)\. Try 200\.$/,
  );
});

test('the size limit holds for a second pass and for Upscale', async () => {
  const chat = startCommands({ sizeOf: () => ({ width: 200, height: 200 }) });
  await chat.say('a boat --size 128x128');
  const [job] = chat.jobs.values();
  chat.set('max_size', 200);
  const typed = await chat.say('a boat --size 128x128 --upscale 2');
  assert.match(typed.ephemeral[0]?.error?.message ?? '', /256x256; .*max_size/);
  const pressed = await chat.press(`upscale:${job!.id}`);
  assert.match(JSON.stringify(pressed.ephemeral), /at most 200/);
  assert.equal(chat.jobs.size, 1);
});
