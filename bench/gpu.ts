/**
 * Pictures on an NVIDIA card against diffusers in float16 with SDPA, on the same card in the same run: SD 1.5 at
 * 512x512 and SDXL at 1024x1024 with random weights, what each fused operator gives, batches of several users, memory,
 * WebGPU beside CUDA, the embedded model's picture and every part of every family against the CPU's.
 *
 * DARKROOM_BENCH_PYTHON names a Python with torch and diffusers, DARKROOM_BENCH_FOLDER where the models are kept,
 * DARKROOM_BENCH_MODELS chooses: "sd15,sdxl,klein,z-image"; DARKROOM_BENCH_PARTS: "agreement,diffusers,webgpu,flow,operators,batches".
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeFitted } from '../src/image/pixels.ts';
import { modelFolders } from '../src/installed-models.ts';
import { type Figure, median } from './figure.ts';
import { forgeModel } from './forge.ts';
import { FLOW_NAMES, flow } from './gpu-flow.ts';
import type { PictureOrder } from './gpu-ours.ts';
import { ablation, batches, webgpu } from './gpu-parts.ts';
import { type Side, startSide } from './side.ts';

interface GpuModel {
  readonly kind: string;
  readonly side: number;
  readonly latents: readonly number[];
  /** Of the UNet for so many rows. */
  inputs(rows: number): Record<string, readonly number[]>;
}

export const MODELS = {
  sd15: {
    kind: 'StableDiffusionPipeline',
    side: 512,
    latents: [1, 4, 64, 64],
    inputs: (rows) => ({ sample: [rows, 4, 64, 64], timestep: [1], encoder_hidden_states: [rows, 77, 768] }),
  },
  sdxl: {
    kind: 'StableDiffusionXLPipeline',
    side: 1024,
    latents: [1, 4, 128, 128],
    inputs: (rows) => ({
      sample: [rows, 4, 128, 128],
      timestep: [1],
      encoder_hidden_states: [rows, 77, 2048],
      text_embeds: [rows, 1280],
      time_ids: [rows, 6],
    }),
  },
} as const satisfies Record<string, GpuModel>;
export type ModelName = keyof typeof MODELS;

const STEPS = [20, 30];
const ROUNDS = 3;
const CALLS = 5;
const OURS = fileURLToPath(new URL('gpu-ours.ts', import.meta.url));
const PARTS = fileURLToPath(new URL('../test/engine/device-child.ts', import.meta.url));
const THEIRS = fileURLToPath(new URL('gpu.py', import.meta.url));

/** Seconds of each call. */
export interface Timed {
  readonly seconds: readonly number[];
  readonly error?: number;
}

export async function gpu(): Promise<Figure[]> {
  const why = whyNot();
  if (why !== undefined) {
    console.log(`gpu: skipped; ${why}`);
    return [];
  }
  console.log(`gpu: ${card('name,driver_version,memory.total')}`);
  const kept = process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench');
  const asked = process.env['DARKROOM_BENCH_MODELS']?.split(',');
  const chosen = (Object.keys(MODELS) as ModelName[]).filter((name) => asked?.includes(name) ?? true);
  const folderOf = (name: ModelName) => join(kept, name);
  const exactOf = (name: ModelName) => join(kept, `${name}-gpu.npy`);
  for (const name of chosen) {
    // model_index.json is written last.
    if (!existsSync(join(folderOf(name), 'model_index.json'))) await forgeModel(name, folderOf(name));
  }
  const parts = process.env['DARKROOM_BENCH_PARTS']?.split(',');
  const figures: Figure[] = [];
  const measure = async (part: string, name: string, run: () => Promise<Figure[]>) => {
    if (parts?.includes(part) ?? true) await attempt(figures, name, run);
  };
  await measure('agreement', 'the embedded model against the CPU', agreement);
  await measure('agreement', 'every part of every family against the CPU', families);
  for (const name of chosen) {
    const folder = folderOf(name);
    await measure('diffusers', `${name} against diffusers`, () => against(name, folder, exactOf(name)));
    await measure('webgpu', `${name}: WebGPU`, () => webgpu(name, folder, exactOf(name)));
  }
  for (const name of FLOW_NAMES) {
    if (asked?.includes(name) ?? true) await measure('flow', name, () => flow(join(kept, 'flow'), name));
  }
  for (const name of chosen) {
    const folder = folderOf(name);
    await measure('operators', `${name}: operators`, () => ablation(name, folder, exactOf(name)));
    await measure('batches', `${name}: batches`, () => batches(name, folder));
  }
  return figures;
}

/** One part may fail without the others. Each figure is printed as soon as it is known. */
async function attempt(figures: Figure[], name: string, measure: () => Promise<Figure[]>): Promise<void> {
  const started = performance.now();
  try {
    for (const figure of await measure()) {
      figures.push(figure);
      console.log(`  ${figure.name}: ${figure.value.toPrecision(4)} ${figure.unit}`);
    }
  } catch (error) {
    console.log(`gpu: ${name}: failed: ${error instanceof Error ? error.message : error}`);
  }
  console.log(`gpu: ${name}: took ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

function whyNot(): string | undefined {
  try {
    card('name');
  } catch {
    return 'this machine has no NVIDIA card, or nvidia-smi does not find it';
  }
  if (process.env['DARKROOM_BENCH_PYTHON'] === undefined)
    return 'DARKROOM_BENCH_PYTHON names no Python that has torch and diffusers';
  return undefined;
}

function card(query: string): string {
  const given = [`--query-gpu=${query}`, '--format=csv,noheader,nounits', '--id=0'];
  return execFileSync('nvidia-smi', given, { encoding: 'utf8' }).trim();
}

/** Mebibytes of the card that are taken, by all processes. */
export const taken = () => Number(card('memory.used'));

export const ours = (device = 'cuda:0', env: Readonly<Record<string, string>> = {}) =>
  startSide(process.execPath, [OURS, device], env);

async function against(name: ModelName, folder: string, exact: string): Promise<Figure[]> {
  const { kind, side, latents, inputs } = MODELS[name];
  const before = taken();
  const theirs = startSide(process.env['DARKROOM_BENCH_PYTHON']!, [THEIRS]);
  let mine: Side | undefined;
  try {
    const figures: Figure[] = [];
    const theirOpening = await theirs.ask<{ seconds: number; torch: string; diffusers: string }>({
      open: folder,
      kind,
    });
    console.log(`gpu: torch ${theirOpening.torch}, diffusers ${theirOpening.diffusers}`);
    // Another prompt each time: an engine that keeps encoded prompts must encode it as well.
    let drawn = 0;
    const order = (steps: number): PictureOrder => {
      return {
        prompt: `a red mug, number ${drawn++}`,
        steps,
        guidance: 7.5,
        width: side,
        height: side,
        seed: 1,
      };
    };
    await theirs.ask({ picture: order(2) });
    const withTheirs = taken();
    mine = ours();
    const myOpening = await mine.ask<{ seconds: number }>({ engine: folder });
    await mine.ask({ picture: order(2) });
    const withBoth = taken();
    figures.push(
      { name: `${name}: opened in`, value: myOpening.seconds, unit: 's' },
      { name: `${name}: opened by diffusers in`, value: theirOpening.seconds, unit: 's' },
    );

    for (const steps of STEPS) {
      const mySeconds: number[] = [];
      const theirSeconds: number[] = [];
      const stages: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const asked = { picture: order(steps) };
        const picture = await mine.ask<{ seconds: number; stages: object }>(asked);
        mySeconds.push(picture.seconds);
        stages.push(JSON.stringify(picture.stages));
        theirSeconds.push((await theirs.ask<{ seconds: number }>(asked)).seconds);
      }
      console.log(`gpu: ${name}, ${steps} steps, our stages: ${stages.at(-1)}`);
      figures.push(...compared(`${name}: picture, ${steps} steps`, mySeconds, theirSeconds, 's'));
    }
    figures.push(
      { name: `${name}: most memory`, value: (withBoth - withTheirs) / 1024, unit: 'GiB' },
      { name: `${name}: most memory of diffusers`, value: (withTheirs - before) / 1024, unit: 'GiB' },
    );
    await mine.stop();

    mine = ours();
    await mine.ask({ open: 'vae', folder });
    const vae = await alternate(
      (calls) => mine!.ask<Timed>({ run: { latent_sample: latents }, output: 'sample', calls }),
      (calls) => theirs.ask<Timed>({ vae: latents, calls }),
    );
    figures.push(...compared(`${name}: decode`, vae.ours, vae.theirs, 'ms'));
    await mine.ask({ open: 'unet', folder });
    const shapes = inputs(2);
    const unet = await alternate(
      (calls) => mine!.ask<Timed>({ run: shapes, output: 'out_sample', calls }),
      (calls) => theirs.ask<Timed>({ unet: shapes, calls, save: null }),
    );
    figures.push(...compared(`${name}: UNet call`, unet.ours, unet.theirs, 'ms'));
    const share = median(vae.ours) / (median(vae.ours) + STEPS[0]! * median(unet.ours));
    figures.push({ name: `${name}: decode's share, ${STEPS[0]} steps`, value: 100 * share, unit: '%' });
    const { error } = await theirs.ask<Timed>({ unet: shapes, calls: 1, save: exact });
    figures.push({ name: `${name}: error of diffusers' call`, value: 1000 * error!, unit: '‰' });
    return figures;
  } finally {
    await mine?.stop();
    await theirs.stop();
  }
}

/** Rounds in turn; the first warms both up. */
async function alternate(
  mine: (calls: number) => Promise<Timed>,
  theirs: (calls: number) => Promise<Timed>,
): Promise<{ ours: number[]; theirs: number[] }> {
  const all: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = -1; round < ROUNDS; round++) {
    const [a, b] = [await mine(CALLS), await theirs(CALLS)];
    if (round < 0) continue;
    all.ours.push(...a.seconds);
    all.theirs.push(...b.seconds);
  }
  return all;
}

function compared(
  name: string,
  mine: readonly number[],
  theirs: readonly number[],
  unit: 's' | 'ms',
): Figure[] {
  const factor = unit === 's' ? 1 : 1000;
  return [
    { name, value: factor * median(mine), unit },
    { name: `${name}, diffusers`, value: factor * median(theirs), unit },
    { name: `${name}, against diffusers`, value: median(mine) / median(theirs), unit: 'x', target: 1 },
  ];
}

/** Tiny random models: CUDA's float16 and WebGPU's widest type, in a process each, since a driver may crash. */
async function families(): Promise<Figure[]> {
  return ['cuda:0', 'webgpu'].flatMap((device) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PARTS, device], { encoding: 'utf8' });
    if (stdout === '') {
      console.log(`gpu: ${device}: ended with ${status}: ${stderr.slice(-2000)}`);
      return [];
    }
    const errors = Object.entries(JSON.parse(stdout) as Record<string, number | null>);
    const value = ([, error]: (typeof errors)[number]) => error ?? Number.POSITIVE_INFINITY;
    const worst = errors.toSorted((a, b) => value(b) - value(a));
    for (const one of worst.slice(0, 4)) console.log(`gpu: ${device}: ${one[0]}: ${1000 * value(one)} ‰`);
    const name = `${errors.length} outputs of all families' parts on ${device}: the worst error`;
    return [{ name, value: 1000 * value(worst[0]!), unit: '‰', target: 10 }];
  });
}

/** The embedded model's picture on the card and on the CPU. */
async function agreement(): Promise<Figure[]> {
  const [folder] = modelFolders([]) as [string];
  const pixels: Float32Array[] = [];
  for (const device of ['cpu', 'cuda:0']) {
    const one = ours(device);
    try {
      await one.ask({ engine: folder });
      const order = {
        prompt: 'a red mug on a table',
        steps: 20,
        guidance: 4,
        width: 256,
        height: 256,
        seed: 1,
      };
      const { png, seconds } = await one.ask<{ png: string; seconds: number }>({ picture: order, png: true });
      console.log(`gpu: embedded model on ${device}: ${seconds.toFixed(2)} s`);
      pixels.push(await decodeFitted(Buffer.from(png, 'base64'), order.width, order.height));
    } finally {
      await one.stop();
    }
  }
  const [cpu, cuda] = pixels as [Float32Array, Float32Array];
  // Of values in -1..1, whose peak is 2.
  const squares = cpu.reduce((sum, value, i) => sum + (value - cuda[i]!) ** 2, 0) / cpu.length;
  const psnr = 10 * Math.log10(4 / Math.max(squares, 1e-9));
  return [{ name: 'embedded model: CUDA against the CPU', value: psnr, unit: 'dB', target: 35, least: true }];
}
