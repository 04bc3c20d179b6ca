/** The second pass: the same as enlarging the first picture by hand and drawing over it with the same seed. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { encodePng } from '../../src/image/pixels.ts';
import { resample } from '../../src/image/resample.ts';
import type { FinishedPicture, Job } from '../../src/job.ts';
import { jobOf, MODELS, readPixels } from './goldens.ts';

const DRAFT = {
  model: 'tiny-sd15',
  prompt: 'a red mug on a table',
  width: 64,
  height: 48,
  num_inference_steps: 4,
  guidance_scale: 5,
  seed: 7,
  sampler: 'euler_a',
};
const HIRES = { scale: 1.5, strength: 0.5, num_inference_steps: 6 };

const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
after(() => engine.close());

async function make(job: Job): Promise<readonly FinishedPicture[]> {
  const run = await engine.open(job);
  try {
    while (!(await run.advance(2, () => {})).done);
    return (await run.decode()).pictures;
  } finally {
    await run.close();
  }
}

test('two passes give what two jobs give', async () => {
  const [both] = await make(await jobOf({ ...DRAFT, hires: HIRES }));
  const [first] = await make(await jobOf(DRAFT));
  const small = { data: await readPixels(first!.png), width: 64, height: 48, channels: 3 };
  const large = resample(small, { width: 96, height: 72 });
  const { scale: _scale, ...drawOver } = HIRES;
  const job = await jobOf({ ...DRAFT, ...drawOver, image: 'inputs/hills-96x64.png' });
  const png = await encodePng(large.data, 96, 72);
  const request = { ...job.request, width: 96, height: 72 };
  const [second] = await make({ ...job, request, inputs: new Map([[request.image!, png]]) });
  assert.deepEqual([both!.width, both!.height], [96, 72]);
  assert.deepEqual(await readPixels(both!.png), await readPixels(second!.png));
});

test('steps of both passes are counted, for each picture', async () => {
  const run = await engine.open(await jobOf({ ...DRAFT, hires: HIRES, num_images: 2 }));
  assert.equal(run.steps, 2 * (4 + 3));
  await run.close();
});

test('a count of 2 gives the same files as two jobs, by pixels or by latents', async () => {
  for (const upscaler of ['lanczos', 'latent'] as const) {
    const draft = { ...DRAFT, hires: { ...HIRES, upscaler } };
    const together = await make(await jobOf({ ...draft, num_images: 2 }));
    const alone = [...(await make(await jobOf(draft))), ...(await make(await jobOf({ ...draft, seed: 8 })))];
    assert.deepEqual(together, alone);
  }
});

test('a second pass over latents keeps the composition', async () => {
  const [large] = await make(
    await jobOf({ ...DRAFT, hires: { ...HIRES, upscaler: 'latent', strength: 0.2 } }),
  );
  const [first] = await make(await jobOf(DRAFT));
  const shrink = async ({ png, width, height }: FinishedPicture) =>
    resample({ data: await readPixels(png), width, height, channels: 3 }, { width: 12, height: 9 }).data;
  const [a, b] = [await shrink(large!), await shrink(first!)];
  const off = a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
  assert.ok(off < 40, `${off} levels apart`);
});
