import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createRandom } from '../../src/diffusion/random.ts';
import { cpuDevice, parseDevice } from '../../src/engine/device.ts';
import { freeMemory } from '../../src/engine/free-memory.ts';
import { AdaptedModels, readLoras } from '../../src/engine/lora/loras.ts';
import { footprintOf } from '../../src/engine/memory/outlines.ts';
import { type MemoryPlan, planMemory, planWith } from '../../src/engine/memory/plan.ts';
import { requireFit } from '../../src/engine/memory/refuse.ts';
import { Components } from '../../src/engine/model/components.ts';
import { ModelCache } from '../../src/engine/model/model-cache.ts';
import { decodeLatents, encodePicture } from '../../src/engine/picture/pictures.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { prepareSession } from '../../src/engine/session.ts';
import { SLICES } from '../../src/graph/attention.ts';
import { CUDA, PORTABLE, type Target, WEBGPU } from '../../src/graph/target.ts';
import { decodeFitted } from '../../src/image/pixels.ts';
import { modelFolders } from '../../src/installed-models.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { sideFilesSettled } from '../../src/models/side-files.ts';
import type { ComponentName, ModelSpec } from '../../src/models/spec.ts';
import { freezeRequest } from '../../src/request.ts';
import { temporaryFolder } from '../models/forge.ts';

const keptIn = async (folder: string) =>
  (await readdir(join(folder, 'weights'))).filter((name) => name.endsWith('.weights'));
const [MINI] = modelFolders([]) as [string];
const MODELS = join(import.meta.dirname, '../golden/fixtures/models');
const catalogue = new Catalogue([MODELS, MINI]);
const mini = await catalogue.open('mini');
const cpu = cpuDevice({ threads: 2 });
const GB = 2 ** 30;

const requestOf = (spec: ModelSpec, draft: object = {}) =>
  freezeRequest({ prompt: 'a red mug', seed: 1, ...draft }, { model: spec.name, defaults: spec.defaults })
    .request;
/** Of a size that the model was not trained for; its plan is that of any other. */
const largeRequest = (width: number, height: number) => ({
  ...requestOf(mini, { guidance_scale: 5 }),
  width,
  height,
});
const partsOf = (spec: ModelSpec): ComponentName[] => [
  ...spec.textEncoders.map(({ name }) => name),
  'denoiser',
  'vaeEncoder',
  'vaeDecoder',
  'vaeEncoderFirst',
  'vaeDecoderLast',
  ...(spec.upscaler === undefined ? [] : (['upscaler'] as const)),
];

test('each operator of each graph has a rule for its shapes, on every target', async () => {
  const targets: Target[] = [PORTABLE, WEBGPU, CUDA];
  for (const name of [
    'tiny-sd15',
    'tiny-sdxl',
    'tiny-sd3',
    'tiny-flux-dev',
    'tiny-z-image',
    'tiny-klein',
    'mini',
  ]) {
    const spec = await catalogue.open(name);
    for (const target of targets) {
      for (const part of partsOf(spec)) {
        assert.deepEqual(footprintOf(spec, part, target).outline.unknown, [], `${name} ${part}`);
      }
    }
  }
});

const free = { device: cpu, nets: [], budget: undefined };
const stageOf = ({ stages }: MemoryPlan, wanted: string) => stages.find(({ name }) => name === wanted)!;

test('a plan counts weights as the device holds them, and grows with the size and with guidance', async () => {
  const planOf = (draft: object) => planMemory(mini, requestOf(mini, draft), free);
  const bytes = mini.denoiser.component.tensors
    .values()
    .reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  const share = stageOf(await planOf({}), 'denoiser').weights / bytes;
  assert.ok(share > 0.99 && share <= 1, `${share}`);
  assert.ok(
    (await planOf({ width: 512, height: 512 })).bytes > (await planOf({ width: 256, height: 256 })).bytes,
  );
  const [both, one] = [await planOf({ guidance_scale: 5 }), await planOf({ guidance_scale: 1 })];
  assert.ok(stageOf(both, 'denoiser').activations > 1.8 * stageOf(one, 'denoiser').activations);
});

test('the fewest savers that fit are chosen, and each of them needs less memory', async () => {
  const request = largeRequest(1024, 1024);
  const planFor = (budget: number) => planMemory(mini, request, { ...free, budget });
  const none = await planWith(mini, request, free, []);
  assert.deepEqual((await planFor(none.bytes)).savers, []);
  assert.deepEqual((await planFor(none.bytes - 1)).savers, ['tiles']);
  const least = await planWith(mini, request, free, ['guidance', 'tiles', 'mapped', 'turns']);
  assert.ok(least.bytes < 0.6 * none.bytes);
  assert.equal((await planFor(least.bytes)).fits, true);
  assert.equal((await planFor(least.bytes - 1)).fits, false);
});

test('what cannot fit is refused with what it needs, what there is, and the largest size that fits', async () => {
  const request = largeRequest(1024, 512);
  const refuse = async (budget: number): Promise<never> => {
    const how = { ...free, budget };
    await requireFit(mini, request, how, await planMemory(mini, request, how));
    throw new Error('accepted');
  };
  const { message } = await refuse(0.25 * GB).catch((error: Error) => error);
  const found = /^1024x512 on mini needs [\d.]+ GB; cpu has 0\.2 GB\. (\d+)x(\d+) fits\.$/.exec(message);
  assert.ok(found !== null, message);
  const [width, height] = found.slice(1).map(Number) as [number, number];
  assert.equal(width, 2 * height);
  const fits = async (wide: number, tall: number) =>
    (await planMemory(mini, largeRequest(wide, tall), { ...free, budget: 0.25 * GB })).fits;
  assert.deepEqual([await fits(width, height), await fits(width + 128, height + 64)], [true, false]);
  await assert.rejects(refuse(1), {
    code: 'too_large',
    message: /cpu has 0 GB\. No size of it fits: choose a smaller model/,
  });
});

test('a card of 2 GB, part of which the desktop has, is named with what fits into it', async () => {
  const request = largeRequest(2048, 2048);
  const how = { device: parseDevice('cuda:0'), nets: [], budget: 2 * GB };
  const small = { ...how, budget: 1.3 * GB };
  await assert.rejects(requireFit(mini, request, small, await planMemory(mini, request, small)), {
    code: 'too_large',
    message: /^2048x2048 on mini needs [\d.]+ GB; cuda:0 has 1\.3 GB\. (\d+)x\1 fits\.$/,
  });
  assert.equal((await planMemory(mini, requestOf(mini), how)).fits, true);
});

test('two devices are each held to their own memory', async () => {
  const request = largeRequest(1024, 1024);
  const fits = async (index: number, budget: number) =>
    (await planMemory(mini, request, { device: parseDevice(`cuda:${index}`), nets: [], budget })).fits;
  assert.deepEqual([await fits(0, 0.5 * GB), await fits(1, 8 * GB)], [false, true]);
});

async function draw(limit: number | undefined, draft: object, inputs = new Map<string, Uint8Array>()) {
  const device = limit === undefined ? cpu : { ...cpu, limit };
  const engine = await createEngine({ models: [MINI], device });
  try {
    const run = await engine.open({ id: 'job', user: 'ada', request: requestOf(mini, draft), inputs });
    while (!(await run.advance(8, () => {})).done);
    const [picture] = (await run.decode()).pictures;
    await run.close();
    return { memory: run.memory!, latents: run.latents()[0]!.data, picture: picture! };
  } finally {
    await engine.close();
  }
}

function decibels(a: Float32Array, b: Float32Array, peak: number): number {
  const squares = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return 10 * Math.log10(peak ** 2 / Math.max(squares / a.length, 1e-12));
}

const DRAFT = { width: 512, height: 448, num_inference_steps: 2, guidance_scale: 5, enlarge: false };
const usual = await draw(undefined, DRAFT);

test('components loaded in turn give the same latents', async () => {
  assert.deepEqual(usual.memory.savers, []);
  const { bytes } = await planWith(mini, requestOf(mini, DRAFT), free, ['turns']);
  const saving = await draw(bytes, DRAFT);
  assert.deepEqual(saving.memory, { bytes, savers: ['turns'] });
  assert.deepEqual(saving.latents, usual.latents);
});

test('what a large picture leaves with an open denoiser is planned for, and given back where the next job needs it', async (t) => {
  const folder = await temporaryFolder(t);
  const sideFiles = { folder: join(folder, 'weights'), limit: 1e9, least: 20e6, leastMapped: 20e6 };
  const how = { ...free, device: { ...cpu, sideFiles } };
  const size = { width: 512, height: 512, enlarge: false };
  const large = requestOf(mini, { ...size, guidance_scale: 5 });
  // Smaller, but for its encoder.
  const next = requestOf(mini, { ...size, guidance_scale: 1, image: 'picture.png' });
  const [first, afresh] = [await planWith(mini, large, how, []), await planWith(mini, next, how, [])];
  const left = ['weights', 'activations'] as const;
  const denoiserOf = (plan: MemoryPlan) =>
    left.reduce((sum, which) => sum + stageOf(plan, 'denoiser')[which], 0);
  const beside = afresh.bytes + denoiserOf(first) - denoiserOf(afresh);
  const openBoth = async (limit: number) => {
    const engine = await createEngine({ models: [MINI], device: { ...how.device, limit } });
    const open = async (request: typeof large) => {
      const inputs = new Map([['picture.png', usual.picture.png]]);
      const run = await engine.open({ id: 'job', user: 'ada', request, inputs });
      await run.close();
      assert.deepEqual(run.memory!.savers, []);
      return run.memory!.bytes;
    };
    try {
      return [await open(large), await open(next)];
    } finally {
      await engine.close();
    }
  };
  const tight = await openBoth(first.bytes);
  assert.ok(beside > first.bytes && afresh.bytes < first.bytes);
  assert.deepEqual(tight, [first.bytes, afresh.bytes], 'closed, and opened again');
  assert.deepEqual(await openBoth(4 * GB), [first.bytes, beside]);

  const cache = new ModelCache(cpu);
  t.after(() => cache.close());
  const room = {
    kept: { parts: new Map([['denoiser', 9]] as const), own: 0 },
    ...{ bytes: 9, budget: 10, spare: 1, asStored: false },
  };
  const components = async (isReopened: boolean) => {
    const lease = await cache.lease(mini, { ...room, isReopened });
    await lease.release();
    return lease.components;
  };
  const opened = await components(false);
  assert.equal(await components(false), opened);
  assert.notEqual(await components(true), opened);
});

test('weights that stay as they are stored take less, and give the same latents but for rounding', async () => {
  const small = { ...DRAFT, width: 64, height: 64, guidance_scale: 1 };
  const whole = await draw(undefined, small);
  const { bytes, stages } = await planWith(mini, requestOf(mini, small), free, ['mapped']);
  const stored = mini.denoiser.component.tensors.values().reduce((sum, { length }) => sum + length, 0);
  const { weights } = stages.find(({ name }) => name === 'denoiser')!;
  assert.ok(weights > 0.99 * stored && weights <= stored, `${weights} of ${stored}`);
  const saving = await draw(bytes, small);
  assert.deepEqual(saving.memory, { bytes, savers: ['mapped'] });
  assert.ok(saving.latents.every((value, i) => Math.abs(value - whole.latents[i]!) < 1e-3));
});

test('without a kernel of their own, long attentions have the scores of a part of their queries in memory', async () => {
  const positions = 64 ** 2;
  for (const [name, part, heads, side] of [
    ['tiny-sd15', 'denoiser', 2, 64],
    ['tiny-sd3', 'denoiser', 2, 128],
    ['tiny-sd15', 'vaeDecoder', 1, 64],
  ] as const) {
    const spec = await catalogue.open(name);
    const { activations, outline } = footprintOf(spec, part, WEBGPU);
    const sides = { batch: 2, height: side, width: side, latent_height: side, latent_width: side };
    assert.deepEqual(outline.unknown, []);
    const all = 4 * 2 * heads * positions ** 2;
    const share = activations({ ...sides, sequence: 77 }) / all;
    assert.ok(share > 1 / SLICES && share < 0.5, `${name} ${part}: ${share}`);
  }
});

test('a weight of which rows are looked up is not in memory as a whole, and is never cast', async () => {
  const spec = await catalogue.open('tiny-sd35-medium');
  const { outline } = footprintOf(spec, 'denoiser', PORTABLE);
  const { shape, length } = spec.denoiser.component.tensors.get('pos_embed.pos_embed')!;
  assert.equal(outline.lookedUp, length);
  const elements = (of: readonly number[]) => of.reduce((a, b) => a * b, 1);
  const others = [...spec.denoiser.component.tensors.values()].filter((one) => one.shape !== shape);
  assert.ok(outline.largest <= 4 * Math.max(...others.map((one) => elements(one.shape))));
  const plan = await planMemory(spec, requestOf(spec), free);
  assert.ok(stageOf(plan, 'denoiser').weights <= outline.weights - length);
});

test('a plan counts an optimised graph that is kept as what of it is read, and what LoRAs add once', async (t) => {
  const folder = await temporaryFolder(t);
  const device = {
    ...cpu,
    sideFiles: { folder: join(folder, 'weights'), limit: 1e9, least: 0, leastMapped: 0 },
  };
  const weightsNow = async () =>
    stageOf(await planMemory(mini, requestOf(mini), { ...free, device }), 'denoiser').weights;
  const mapped = await weightsNow();
  await prepareSession(mini.graph('denoiser', PORTABLE), device);
  await sideFilesSettled();
  const kept = await weightsNow();
  const file = (await stat(join(folder, 'weights', (await keptIn(folder))[0]!))).size;
  const wide = stageOf(await planMemory(mini, requestOf(mini), free), 'denoiser').weights;
  assert.equal(kept, Math.min(file, wide));
  assert.ok(kept > 1.5 * mapped);

  const [small, large] = await Promise.all(
    [128, 256].map((side) =>
      planMemory(mini, requestOf(mini, { width: side, height: side }), { ...free, device }),
    ),
  );
  const growth = large!.stages.map(({ activations }, i) => activations - small!.stages[i]!.activations);
  const together = growth.reduce((sum, bytes) => sum + bytes, 0);
  assert.equal(large!.bytes - small!.bytes, together, 'each large graph keeps what its run took');
  assert.ok(together > Math.max(...growth));

  const sd15 = await catalogue.open('tiny-sd15');
  const models = new AdaptedModels(cpu);
  t.after(() => models.close());
  const loras = { loras: [{ file: 'sd15-kohya', weight: 1 }] };
  const request = requestOf(sd15, loras);
  const { spec, feeds, bytes } = await models.adapt(
    sd15,
    await readLoras(request, sd15, new Inventory([join(MODELS, '../loras')])),
  );
  const [without, beside] = [
    await planMemory(spec, request, free),
    await planMemory(spec, request, { ...free, factors: feeds }),
  ];
  assert.ok(bytes > 0 && beside.bytes >= without.bytes + 0.9 * bytes, `${beside.bytes - without.bytes}`);
  assert.ok(beside.bytes < without.bytes + 2 * bytes);
});

test('what earlier jobs have left open is closed where the next one has no room beside it', async (t) => {
  const components = new Components(mini, cpu);
  t.after(() => components.close());
  const encoder = await components.session('vaeEncoder');
  const opened = components.secondsToOpen;
  await components.openAll({ isTiled: false, spare: GB });
  await components.openAll({ isTiled: false, isEncoding: true, spare: 0 });
  const before = components.secondsToOpen;
  assert.ok(before > opened);
  const picture = { sample: { data: new Float32Array(3 * 64 * 64), dims: [1, 3, 64, 64] } };
  await encoder.run(picture, encoder.outputNames);
  assert.equal(components.secondsToOpen, before, 'it was needed, or had room');
  await components.openAll({ isTiled: false, spare: 0 });
  await encoder.run(picture, encoder.outputNames);
  assert.ok(components.secondsToOpen > before, 'it was closed, and opened again');
});

test('guidance in two calls gives the predictions that it gives in one', async (t) => {
  const components = new Components(mini, cpu);
  t.after(() => components.close());
  const random = createRandom('torch', 1);
  const tensor = (...dims: number[]) => ({ data: random.randn(dims.reduce((a, b) => a * b)), dims });
  const feeds = {
    sample: tensor(2, mini.latentChannels, 32, 24),
    encoder_hidden_states: tensor(2, 77, 192),
    timestep: { data: Float32Array.of(300), dims: [1] },
  };
  const call = { feeds, controlFeeds: {}, isControlled: false };
  const [whole, halves] = [
    await components.denoise({ ...call, isHalved: false }, []),
    await components.denoise({ ...call, isHalved: true }, []),
  ];
  assert.equal(halves.length, whole.length);
  const error = whole.reduce((most, v, i) => Math.max(most, Math.abs(v - halves[i]!)), 0);
  assert.ok(error < 1e-5, `${error}`);
});

test('in tiles the VAE gives the picture and the latents that it gives without', async (t) => {
  const components = new Components(mini, cpu);
  t.after(() => components.close());
  const [width, height] = [640, 448];
  const dims = [1, 3, height, width];
  const picture = { data: await decodeFitted(usual.picture.png, width, height), dims };
  const whole = await encodePicture(await components.vaeEncoder(false), picture);
  const tiled = await encodePicture(await components.vaeEncoder(true), picture);
  const spread = Math.max(...whole.mean.data) - Math.min(...whole.mean.data);
  assert.ok(decibels(whole.mean.data, tiled.mean.data, spread) >= 40);

  const scale = mini.latentScales(false).decode;
  const [a, b] = [
    await decodeLatents(await components.vaeDecoder(false), whole.mean, scale),
    await decodeLatents(await components.vaeDecoder(true), whole.mean, scale),
  ];
  const db = decibels(Float32Array.from(a.data), Float32Array.from(b.data), 255);
  assert.ok(db >= 45, `${db} dB`);
  // A seam would show as a column whose pixels differ more than the others'.
  const worst = a.data.reduce((most, v, i) => Math.max(most, Math.abs(v - b.data[i]!)), 0);
  assert.ok(worst <= 12, `${worst} levels`);
});

test('the memory of a container is its limit less what it uses, files that were read not counted', async () => {
  const root = await mkdtemp(join(tmpdir(), 'darkroom-memory-'));
  const put = async (file: string, text: string) => {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  };
  await put('proc/meminfo', 'MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\n');
  assert.equal(await freeMemory(root), 16 * GB);
  await put('proc/self/cgroup', '0::/app/worker\n');
  await put('sys/fs/cgroup/app/worker/memory.max', 'max\n');
  await put('sys/fs/cgroup/app/memory.max', `${8 * GB}\n`);
  await put('sys/fs/cgroup/app/memory.current', `${5 * GB}\n`);
  await put('sys/fs/cgroup/app/memory.stat', `anon ${GB}\nactive_file ${GB}\ninactive_file ${3 * GB}\n`);
  assert.equal(await freeMemory(root), 7 * GB);
  await put('proc/self/cgroup', '4:memory:/job\n');
  await put('sys/fs/cgroup/memory/job/memory.limit_in_bytes', `${2 * GB}\n`);
  await put('sys/fs/cgroup/memory/job/memory.usage_in_bytes', `${GB}\n`);
  assert.equal(await freeMemory(root), GB);
});
