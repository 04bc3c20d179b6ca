/** Pictures that the model's own upscaler made larger: what a button does with them counts in the sizes of drawings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Card } from '../../adapters/card.ts';
import type { ModelsPort } from '../../commands/ports.ts';
import { DarkroomError } from '../../src/errors.ts';
import { MINI, ONLY_MINI } from '../adapters/stand-in.ts';
import { startCommands } from './harness.ts';

const upscaling = { ...MINI, defaults: { ...MINI.defaults, enlarges: 2, maxSize: 768 } };
const MODELS: ModelsPort = { ...ONLY_MINI, resolve: () => upscaling };
const start = () => startCommands({ models: MODELS });

/** The picture of the newest job at the size that the upscaler gives it. */
function enlarge({ jobs }: ReturnType<typeof start>) {
  const job = [...jobs.values()].at(-1)!;
  const scale = job.request.enlarge === true ? 2 : 1;
  const { width, height } = job.request.hires ?? job.request;
  const pictures = job.pictures.map((one) => ({ ...one, width: scale * width, height: scale * height }));
  jobs.set(job.id, { ...job, pictures });
  return job;
}

test('Upscale (creative) draws a second pass before the upscaler, until the model draws no larger', async () => {
  const chat = start();
  await chat.say('/imagine a boat');
  const first = enlarge(chat);
  assert.deepEqual([first.request.width, first.request.enlarge], [256, true]);
  await chat.press(`creative:${first.id}`);
  const large = enlarge(chat);
  assert.notEqual(large.id, first.id);
  assert.deepEqual([large.request.hires?.width, large.request.enlarge], [512, true]);
  await chat.press(`creative:${large.id}`);
  const largest = enlarge(chat);
  assert.deepEqual(
    [largest.request.width, largest.request.image, largest.request.enlarge],
    [768, 'source', true],
  );
  const { ephemeral } = await chat.press(`creative:${largest.id}`);
  assert.match(JSON.stringify(ephemeral), /already 1536x1536; this model draws at most 1536 pixels a side/);
});

test('Upscale takes the stored pixels, as large as pictures may be here, and is not offered beyond that', async () => {
  const sized = (side: number) => ({ sizeOf: () => ({ width: side, height: side / 2 }) });
  const chat = startCommands(sized(256));
  chat.set('max_size', 400);
  const { posted } = await chat.say('/imagine a boat --no fog --steps 7');
  const labels = (card: Card | undefined) => card?.actions?.map(({ label }) => label) ?? [];
  assert.ok(labels(posted.at(-1)).includes('Upscale'));
  const [first] = chat.jobs.values();
  await chat.press(`upscale:${first!.id}`);
  const { request, inputs } = [...chat.jobs.values()].at(-1)!;
  assert.deepEqual(request.upscaleImage, { width: 400, height: 200, upscaler: 'lanczos' });
  assert.deepEqual(
    [request.strength, request.negativePrompt, request.numInferenceSteps, inputs],
    [0, 'fog', 7, { source: first!.pictures[0]!.id }],
  );
  chat.rules.length = 0;
  chat.set('max_size', 256);
  const again = await chat.say('/imagine a boat');
  assert.ok(!labels(again.posted.at(-1)).includes('Upscale'));
  const { ephemeral } = await chat.press(`upscale:${[...chat.jobs.keys()].at(-1)}`);
  assert.match(ephemeral[0]!.text, /already 256x128; pictures have at most 256 pixels a side here/);
});

test('Upscale enlarges with the upscaler that an admin has chosen, and a line may name another one', async () => {
  const file = (name: string) => ({ name, kind: 'upscaler', path: `/models/${name}.pth`, bytes: 1 });
  const chat = startCommands({
    sizeOf: () => ({ width: 256, height: 256 }),
    models: {
      ...MODELS,
      resolve: () => ({ ...MINI, defaults: { ...MINI.defaults, maxSize: 768 } }),
      files: () => [file('4xSharp'), { ...file('Swin'), refusal: 'SwinIR does not run.' }],
      findUpscalers: async (asked) =>
        new Map(
          asked.map((name) => {
            if (name.toLowerCase() === '4xsharp') return [name, { name: '4xSharp', hash: '0123456789' }];
            throw new DarkroomError('not_found', `There is no upscaler ${name}. Did you mean 4xSharp?`);
          }),
        ),
    },
  });
  const admin = { where: { isAdmin: true } };
  const wrong = await chat.say('/config set default_upscaler 4xShrap', admin);
  assert.match(wrong.ephemeral[0]!.text, /Did you mean 4xSharp/);
  await chat.say('/config set default_upscaler 4xSharp', admin);
  chat.set('default_upscaler', '4xSharp');
  await chat.say('/imagine a boat');
  const [first] = chat.jobs.values();
  const newest = () => [...chat.jobs.values()].at(-1)!.request;
  const { posted } = await chat.press(`upscale:${first!.id}`);
  assert.deepEqual(newest().upscaleImage, {
    ...{ width: 512, height: 512, upscaler: '4xSharp', upscalerHash: '0123456789' },
  });
  assert.match(posted.at(-1)!.footer!, /mini \u00b7 4xSharp \u00b7/);
  await chat.say('/imagine a boat --upscale 2 --upscaler 4XSHARP');
  assert.equal(newest().hires?.upscaler, '4xSharp');
  const none = await chat.say('/imagine a boat --upscale 2 --upscaler 4xShrap');
  assert.match(none.ephemeral[0]!.text, /There is no upscaler 4xShrap/);
  const asked = { command: 'imagine', tenant: undefined };
  const offered = async (typed: string) =>
    (await chat.commands.complete({ ...asked, option: 'upscaler', typed }, 'en')).map(({ value }) => value);
  assert.deepEqual(await offered('4'), ['4xSharp']);
  assert.ok(!(await offered('')).includes('Swin'));
});

test('Vary draws at the size of the drawing, not of the enlarged picture', async () => {
  const chat = start();
  await chat.say('/imagine a boat');
  const first = enlarge(chat);
  await chat.press(`vary:${first.id}`);
  const { request } = [...chat.jobs.values()].at(-1)!;
  assert.deepEqual(
    [request.image, request.width, request.height, request.enlarge],
    ['source', 256, 256, true],
  );
});
