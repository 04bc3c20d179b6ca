/**
 * A LoRA that joins: at full size (random weights), the seconds until the first step with it, what a step then costs beside
 * one without, and memory. Both sessions have their weights mapped, as after a first opening, so that they share them.
 * Each figure is printed as soon as it is there. `DARKROOM_BENCH_LORA=sd15,sdxl` chooses models, `DARKROOM_BENCH_RANKS=16,128`
 * ranks, `DARKROOM_BENCH_ROUNDS=3` steps of each kind; `DARKROOM_BENCH_FOLDER` keeps the forged folders.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuDevice, targetOf } from '../src/engine/device.ts';
import { AdaptedModels, readLoras } from '../src/engine/lora/loras.ts';
import { openSession, type Session } from '../src/engine/session.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { Inventory } from '../src/models/inventory/inventory.ts';
import type { ModelSpec } from '../src/models/spec.ts';
import { freezeRequest } from '../src/request.ts';
import { type Figure, median } from './figure.ts';
import { type FullSize, forgeModel } from './forge.ts';

const SIZES: Readonly<Record<string, { readonly size: FullSize; readonly pixels: number }>> = {
  sd15: { size: 'sd15', pixels: 512 },
  sdxl: { size: 'sdxl', pixels: 1024 },
};
const RANKS = (process.env['DARKROOM_BENCH_RANKS'] ?? '16,32,128').split(',').map(Number);
const ROUNDS = Number(process.env['DARKROOM_BENCH_ROUNDS'] ?? 2);

export async function lora(say: (figure: Figure) => void): Promise<Figure[]> {
  const asked = (process.env['DARKROOM_BENCH_LORA'] ?? 'sd15').split(',');
  const kept = process.env['DARKROOM_BENCH_FOLDER'];
  const root = kept ?? (await mkdtemp(join(tmpdir(), 'darkroom-bench-')));
  const figures: Figure[] = [];
  const add = (figure: Figure) => {
    figures.push(figure);
    say(figure);
  };
  try {
    for (const name of asked) await measure(name, root, add);
    return figures;
  } finally {
    if (kept === undefined) await rm(root, { recursive: true, force: true });
  }
}

async function measure(name: string, root: string, add: (figure: Figure) => void): Promise<void> {
  const { size, pixels } = SIZES[name]!;
  const folder = join(root, `${name}-F16`);
  // model_index.json is written last.
  if (!existsSync(join(folder, 'model_index.json'))) await forgeModel(size, folder);
  const spec = await openModelFolder(folder);
  const weights = join(root, 'lora-weights');
  const device = { ...cpuDevice(), sideFiles: { folder: weights, limit: 1e12 } };
  const models = new AdaptedModels(device);
  const target = targetOf(device);
  const open = (one: ModelSpec) => openSession(one.graph('denoiser', target), device);
  const plain = await timed(() => open(spec));
  add({ name: `${name}: the UNet opens`, value: plain.seconds, unit: 's' });
  const feeds = feedsOf(spec, pixels);
  const step = (session: Session, inputs: Parameters<Session['run']>[0]) =>
    timed(() => session.run(inputs, ['out_sample']));
  add({ name: `${name}: its first step`, value: (await step(plain.result, feeds)).seconds, unit: 's' });
  let branched: Session | undefined;
  for (const rank of RANKS) {
    const adapt = async (which: string) => {
      const file = await forgeLora(spec, root, `${name}-${rank}-${which}`, rank);
      const context = { model: spec.name, defaults: spec.defaults };
      const { request } = freezeRequest({ prompt: 'x', loras: [{ file, weight: 0.8 }] }, context);
      return timed(async () =>
        models.adapt(spec, await readLoras(request, spec, new Inventory([join(root, 'loras')]))),
      );
    };
    const row = `${name}, rank ${rank}`;
    let opened = 0;
    if (branched === undefined) {
      const first = await adapt('one');
      const opening = await timed(() => open(first.result.spec));
      branched = opening.result;
      opened = first.seconds + opening.seconds;
      add({ name: `${row}: the first LoRA is ready`, value: opened, unit: 's' });
    }
    const other = await adapt('two');
    add({ name: `${row}: another LoRA is ready`, value: other.seconds, unit: 's' });
    const factors = other.result.feeds.get('denoiser') ?? {};
    const own = { ...feeds, ...factors };
    const firstStep = (await step(branched, own)).seconds;
    add({ name: `${row}: its first step`, value: firstStep, unit: 's' });
    add({
      name: `${row}: from a job without a LoRA to the end of the first step of one with it`,
      value: (opened === 0 ? other.seconds : opened) + firstStep,
      unit: 's',
    });
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const without = await step(plain.result, feeds);
      ratios.push((await step(branched, own)).seconds / without.seconds);
    }
    add({
      name: `${row}: a step against one without`,
      value: median(ratios),
      unit: 'x',
      ...(rank === 32 && { target: 1.08 }),
    });
    const turns: number[] = [];
    for (let turn = 0; turn < 2 * ROUNDS; turn++)
      turns.push((await adapt(turn % 2 === 0 ? 'one' : 'two')).seconds);
    add({ name: `${row}: two users in turns, each time the other LoRA`, value: median(turns), unit: 's' });
    const bytes = Object.values(factors).reduce((sum, { data }) => sum + data.byteLength, 0);
    add({ name: `${row}: memory of its factors`, value: bytes / 1e6, unit: 'MB' });
  }
  await plain.result.close();
  await branched?.close();
  await models.close();
  await rm(weights, { recursive: true, force: true });
  const peak = process.resourceUsage().maxRSS / 1e6;
  add({ name: `${name}: peak memory, both UNets open`, value: peak, unit: 'GB' });
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const started = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - started) / 1000 };
}

/** Zeros: time does not hang on values. */
function feedsOf(spec: ModelSpec, pixels: number) {
  const { config } = spec.denoiser.component;
  const tensor = (dims: readonly number[]) => ({
    data: new Float32Array(dims.reduce((a, b) => a * b)),
    dims,
  });
  const side = pixels / spec.vaeScaleFactor;
  return {
    sample: tensor([2, spec.latentChannels, side, side]),
    timestep: { data: Float32Array.of(500), dims: [1] },
    encoder_hidden_states: tensor([2, 77, config['cross_attention_dim'] as number]),
    ...(config['addition_embed_type'] === 'text_time' && {
      text_embeds: tensor([2, 1280]),
      time_ids: tensor([2, 6]),
    }),
  };
}

/** A LoRA of the layers that kohya-ss trains by default: all linear layers in the transformers. */
async function forgeLora(spec: ModelSpec, root: string, name: string, rank: number): Promise<string> {
  const header: Record<string, unknown> = {};
  let offset = 0;
  const add = (key: string, shape: readonly number[]) => {
    const bytes = 2 * shape.reduce((a, b) => a * b, 1);
    header[key] = { dtype: 'F16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  };
  for (const [weight, { shape }] of spec.denoiser.component.tensors) {
    if (!weight.includes('attentions.') || !weight.endsWith('.weight') || shape.length < 2) continue;
    const module = `lora_unet_${weight.slice(0, -'.weight'.length).replaceAll('.', '_')}`;
    add(`${module}.lora_down.weight`, [rank, ...shape.slice(1)]);
    add(`${module}.lora_up.weight`, [shape[0]!, rank, ...shape.slice(2)]);
  }
  const path = join(root, 'loras', `${name}.safetensors`);
  if (existsSync(path)) return name;
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const values = new Float16Array(offset / 2);
  const seed = name.length + rank;
  for (let i = 0; i < values.length; i++) values[i] = (((i * 7919 + seed) % 2001) - 1000) / 100_000;
  await mkdir(join(root, 'loras'), { recursive: true });
  await writeFile(path, Buffer.concat([length, json, Buffer.from(values.buffer)]));
  return name;
}
