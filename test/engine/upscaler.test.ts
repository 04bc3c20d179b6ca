/** Upscalers in files of their own: a stored picture and the first of two passes are enlarged by them. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { openSession } from '../../src/engine/session.ts';
import { enlarge } from '../../src/engine/upscaler/upscalers.ts';
import { PORTABLE } from '../../src/graph/target.ts';
import { type Raster, resample } from '../../src/image/resample.ts';
import type { FinishedPicture, Job } from '../../src/job.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { findUpscalers } from '../../src/models/upscaler/known.ts';
import { openUpscaler } from '../../src/models/upscaler/network.ts';
import { freezeRequest } from '../../src/request.ts';
import { uniform, weight } from '../graph/forge.ts';
import { writeSafetensors } from '../models/forge-checkpoint.ts';
import { dict, pickle, tensor, torchZip } from '../models/forge-pickle.ts';
import { jobOf, MODELS, readPixels } from './goldens.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;
const read = async (name: string) =>
  JSON.parse(await readFile(new URL(`../graph/${name}.golden.json`, import.meta.url), 'utf8'));
const odd: {
  tensors: Shapes;
  picture: [number, number, number];
  enlarged: { dims: number[]; data: string };
} = await read('rrdb-picture');
const compact: { tensors: Shapes } = (await read('rrdb')).find(
  ({ name }: { name: string }) => name === 'Compact 4x',
);

const forged = (shapes: Shapes) =>
  new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { dtype: 'F32', shape, bytes: new Uint8Array(weight(name, shape).buffer) },
    ]),
  );
const models = await mkdtemp(join(tmpdir(), 'darkroom-upscaler-'));
await cp(`${MODELS}/tiny-sd15`, join(models, 'tiny'), { recursive: true });
// As Real-ESRGAN's training saves it.
const parts = [...forged(odd.tensors)];
const state = dict(parts.map(([name, of], i) => [name, tensor(`${i}`, of)]));
const storages = Object.fromEntries(parts.map(([, { bytes }], i) => [i, bytes]));
await writeFile(join(models, 'x2plus.pth'), torchZip(pickle(dict([['params_ema', state]])), storages));
const sharpFile = join(models, '4xSharp.safetensors');
await writeSafetensors(sharpFile, forged(compact.tensors));
await writeSafetensors(
  join(models, 'Swin.safetensors'),
  forged({ 'layers.0.residual_group.blocks.0.norm1.weight': [4], 'conv_first.weight': [4, 3, 3, 3] }),
);

const engine = await createEngine({ models: [models], device: cpuDevice({ threads: 1 }) });
after(async () => {
  await engine.close();
  await rm(models, { recursive: true });
});

const DRAFT = {
  ...{ model: 'tiny', prompt: 'a red mug', width: 64, height: 48, num_inference_steps: 2, seed: 7 },
  ...{ guidance_scale: 1, sampler: 'euler' },
};

const png = ({ data, width, height }: Raster) =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();

async function make(job: Job): Promise<FinishedPicture & { readonly steps: number }> {
  const run = await engine.open(job);
  try {
    while (!(await run.advance(1, () => {})).done);
    return { ...(await run.decode()).pictures[0]!, steps: run.steps };
  } finally {
    await run.close();
  }
}

const { defaults } = await new Catalogue([models]).open('tiny');

/** A job that enlarges a picture. */
async function upscale(picture: Raster, more: object): Promise<Job> {
  const { width: _w, height: _h, ...draft } = DRAFT;
  const size = { width: 2 * picture.width, height: 2 * picture.height };
  const { request } = freezeRequest(
    { ...draft, image: 'source', upscale_image: size, ...more },
    { model: 'tiny', defaults, imageSize: picture },
  );
  return { id: 'one', user: 'test:one', request, inputs: new Map([['source', await png(picture)]]) };
}

const noise = (width: number, height: number): Raster => ({
  ...{ width, height, channels: 3 },
  data: Uint8Array.from(uniform('levels', width * height * 3), (v) => Math.round(((v + 1) / 2) * 255)),
});

test('a picture of odd sides, enlarged by a .pth file, has the pixels that spandrel gives it', async () => {
  const [height, width] = odd.picture;
  const picture = noise(width, height);
  const made = await make(await upscale(picture, { upscaler: 'x2plus' }));
  const expected = Buffer.from(odd.enlarged.data, 'base64');
  const worst = (await readPixels(made.png)).reduce(
    (most, level, i) => Math.max(most, Math.abs(level - expected[i]!)),
    0,
  );
  assert.deepEqual([made.height, made.width, made.steps], [...odd.enlarged.dims.slice(0, 2), 1]);
  assert.ok(worst <= 1, `${worst} levels`);
});

test('tiles meet without a seam, and what no other tile touches is as without tiles', async () => {
  const { graph, scale, multiple } = await openUpscaler(sharpFile);
  const runner = await openSession(graph(PORTABLE), cpuDevice({ threads: 1 }));
  try {
    const picture = resample(noise(12, 9), { width: 120, height: 90 });
    const network = { runner, scale, multiple };
    for (const size of [
      { width: 480, height: 360 },
      { width: 301, height: 227 },
    ]) {
      const whole = await enlarge({ ...network, tile: 512 }, picture, size);
      const tiled = await enlarge({ ...network, tile: 64 }, picture, size);
      const errors = whole.data.map((level, i) => Math.abs(level - tiled.data[i]!));
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      const same = errors.filter((error) => error <= 1).length / errors.length;
      assert.ok(mean < 0.5 && same > 0.9, `${mean} levels on average, ${same} the same`);
    }
  } finally {
    await runner.close();
  }
});

test('a network for four times makes twice of it, scaled down by Lanczos', async () => {
  const picture = resample(noise(8, 6), { width: 32, height: 24 });
  const by = async (size: object) =>
    readPixels((await make(await upscale(picture, { upscale_image: size, upscaler: '4xsharp' }))).png);
  const full = { data: await by({ width: 128, height: 96 }), width: 128, height: 96, channels: 3 };
  const half = await by({ width: 64, height: 48 });
  assert.deepEqual(Buffer.from(half), Buffer.from(resample(full, { width: 64, height: 48 }).data));
});

test('a second pass draws over what the network has enlarged', async () => {
  const drawn = { scale: 2, strength: 0.5, num_inference_steps: 4 };
  const hires = await jobOf({ ...DRAFT, hires: { ...drawn, upscaler: '4xSharp' } }, { models });
  const both = await make(hires);
  const first = await make(await jobOf(DRAFT, { models }));
  const small = { data: await readPixels(first.png), width: 64, height: 48, channels: 3 };
  const large = await make(await upscale(small, { upscaler: '4xSharp' }));
  const over = await jobOf(
    { ...DRAFT, strength: 0.5, num_inference_steps: 4, image: 'inputs/hills-96x64.png' },
    { models },
  );
  const second = await make({
    ...over,
    request: { ...over.request, width: 128, height: 96 },
    inputs: new Map([[over.request.image!, large.png]]),
  });
  assert.deepEqual(await readPixels(both.png), await readPixels(second.png));
});

test('a name that is wrong, a file of another network, and one that was replaced are said by name', async () => {
  const inventory = new Inventory([models]);
  const found = await findUpscalers(['4xsharp.safetensors'], inventory);
  assert.equal(found.get('4xsharp.safetensors')?.name, '4xSharp');
  await assert.rejects(findUpscalers(['4xShrap'], inventory), /no upscaler 4xShrap\. Did you mean 4xSharp/);
  await assert.rejects(
    findUpscalers(['Swin'], inventory),
    /Swin\.safetensors is an upscaler of the architecture SwinIR, .* It runs ESRGAN and Compact\./,
  );
  const job = await upscale(noise(8, 8), {
    upscale_image: { scale: 2, upscaler: '4xSharp', upscaler_hash: '0123456789' },
  });
  await assert.rejects(engine.open(job), /4xSharp was replaced by another file/);
  await assert.rejects(upscale(noise(8, 8), { upscaler: 'latent' }), /latent is for a second pass/);
  await assert.rejects(jobOf({ ...DRAFT, upscaler: '4xSharp' }, { models }), /nothing to enlarge/);
});
