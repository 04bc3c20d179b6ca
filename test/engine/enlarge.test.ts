/** A model folder with an upscaler of its own: finished pictures are made larger, and what is kept stays as it was. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { resample } from '../../src/image/resample.ts';
import type { FinishedPicture, Job } from '../../src/job.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { freezeRequest } from '../../src/request.ts';
import { forgeComponent } from '../graph/forge.ts';
import { FIXTURES, jobOf, MODELS, readPixels } from './goldens.ts';

const models = await mkdtemp(join(tmpdir(), 'darkroom-enlarge-'));
const upscaler = join(models, 'tiny', 'upscaler');
await cp(`${MODELS}/tiny-sd15`, join(models, 'tiny'), { recursive: true });
await mkdir(upscaler);
const [golden] = JSON.parse(
  await readFile(new URL('../graph/upscaler.golden.json', import.meta.url), 'utf8'),
) as [{ config: Record<string, unknown>; tensors: Record<string, number[]> }];
await forgeComponent(upscaler, golden.config, golden.tensors);
await rename(join(upscaler, 'weights.safetensors'), join(upscaler, 'model.safetensors'));
await writeFile(join(upscaler, 'config.json'), JSON.stringify(golden.config));

const engine = await createEngine({ models: [models], device: cpuDevice({ threads: 1 }) });
after(async () => {
  await engine.close();
  await rm(models, { recursive: true });
});

const DRAFT = {
  model: 'tiny',
  prompt: 'a red mug on a table',
  width: 64,
  height: 48,
  num_inference_steps: 2,
  guidance_scale: 5,
  seed: 7,
  sampler: 'euler',
};

async function make(job: Job): Promise<FinishedPicture> {
  const run = await engine.open(job);
  try {
    while (!(await run.advance(100, () => {})).done);
    return (await run.decode()).pictures[0]!;
  } finally {
    await run.close();
  }
}

test('the picture is twice as large unless that is turned off, and its recipe says which', async () => {
  const large = await make(await jobOf(DRAFT, { models }));
  const small = await make(await jobOf({ ...DRAFT, enlarge: false }, { models }));
  assert.deepEqual([large.width, large.height, small.width, small.height], [128, 96, 64, 48]);
  const { width, height } = await sharp(large.png).metadata();
  assert.deepEqual([width, height], [128, 96]);
  assert.match(Buffer.from(large.png).toString('latin1'), /"enlarge":true/);
  assert.match(Buffer.from(small.png).toString('latin1'), /"enlarge":false/);
});

test('what is outside the mask comes back as it was in an enlarged picture', async () => {
  const [width, height] = [128, 128];
  const noise = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const half = Uint8Array.from({ length: width * height }, (_, i) => (i % width < width / 2 ? 0 : 255));
  const png = (data: Uint8Array, channels: 1 | 3) =>
    sharp(data, { raw: { width, height, channels } }).png().toBuffer();
  const inputs = { image: 'inputs/hills-64x64.png', mask_image: 'inputs/mask-64x64.png' };
  for (const mask_blur of [0, 4]) {
    const draft = { ...DRAFT, ...inputs, width: 64, height: 64, strength: 1, keep_unmasked: true, mask_blur };
    const job = await jobOf(draft, { models });
    const files = new Map([
      [inputs.image, await png(noise, 3)],
      [inputs.mask_image, await png(half, 1)],
    ]);
    const made = await make({ ...job, inputs: files });
    assert.deepEqual([made.width, made.height], [width, height]);
    const pixels = await readPixels(made.png);
    const changed = { kept: 0, drawn: 0 };
    for (const [i, value] of pixels.entries()) {
      if (value !== noise[i]) changed[half[Math.floor(i / 3)] === 0 ? 'kept' : 'drawn']++;
    }
    assert.equal(changed.kept, 0);
    assert.ok(changed.drawn > 10_000, `${changed.drawn} values were drawn`);
  }
});

const SOURCE = 'inputs/hills-67x51.png';
const upscaled = (more: object) =>
  jobOf(
    { ...DRAFT, width: undefined, height: undefined, num_inference_steps: 20, image: SOURCE, ...more },
    { models },
  );

/** In dB, of a picture scaled down against the picture that it came from. */
async function likeness(large: FinishedPicture): Promise<number> {
  const small = await readPixels(`${FIXTURES}${SOURCE}`);
  const { width, height } = await sharp(`${FIXTURES}${SOURCE}`).metadata();
  const raster = { data: await readPixels(large.png), width: large.width, height: large.height, channels: 3 };
  const { data } = resample(raster, { width, height });
  const sum = data.reduce((total, level, i) => total + (level - small[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (sum / data.length));
}

test('a stored picture is made larger as it is: by filter, by network, and with its detail redrawn in tiles', async () => {
  const { width, height } = await sharp(`${FIXTURES}${SOURCE}`).metadata();
  for (const more of [
    { upscale_image: { scale: 2, upscaler: 'lanczos' } },
    { upscale_image: { width: 3 * width, height: 3 * height } },
    { upscale_image: { scale: 1.5 }, strength: 0.2, width: 32, height: 32 },
  ]) {
    const job = await upscaled(more);
    const large = await make(job);
    const { upscaleImage } = job.request;
    assert.deepEqual([large.width, large.height], [upscaleImage?.width, upscaleImage?.height]);
    assert.ok((await likeness(large)) >= 30, JSON.stringify(more));
    const again = readPngText(large.png).get('darkroom')!;
    const { request } = freezeRequest(JSON.parse(again).request, {
      ...{ model: 'tiny', defaults: (await new Catalogue([models]).open('tiny')).defaults },
      imageSize: { width, height },
    });
    assert.deepEqual(request, job.request);
  }
});

test('what is larger than pictures may be, or would be another picture, is refused', async () => {
  await assert.rejects(upscaled({ upscale_image: { scale: 2 }, strength: 0.5 }), /another picture/);
  await assert.rejects(upscaled({ upscale_image: { width: 4096, height: 4096 } }), /4096/);
  await assert.rejects(upscaled({ upscale_image: { scale: 2 }, hires: { scale: 2 } }), /leave one out/i);
});
