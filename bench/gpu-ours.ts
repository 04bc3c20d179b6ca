/**
 * Our side of bench/gpu.ts, in a process of its own so that its memory on the card is its own and a crash ends it
 * alone: one JSON request a line on stdin, one answer a line on stdout.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { parseDevice, targetOf } from '../src/engine/device.ts';
import { createEngine, type Pipeline } from '../src/engine/pipeline.ts';
import { openSession, type Session } from '../src/engine/session.ts';
import type { Target } from '../src/graph/target.ts';
import { unetGraph } from '../src/graph/unet.ts';
import { vaeDecoderGraph } from '../src/graph/vae.ts';
import { ModelFiles } from '../src/models/files.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { freezeRequest } from '../src/request.ts';
import type { Feeds } from '../src/tensor.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

export interface PictureOrder {
  readonly prompt: string;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
}

type Request =
  /** Opens a component alone. `change` is laid over the device's target. */
  | { readonly open: 'unet' | 'vae'; readonly folder: string; readonly change?: Partial<Target> }
  /** Calls of what was opened; `exact` is a float32 result to hold the first one against. */
  | { readonly run: Shapes; readonly output: string; readonly calls: number; readonly exact?: string }
  | { readonly engine: string }
  | { readonly picture: PictureOrder; readonly png?: boolean };

const device = parseDevice(process.argv[2]!);
let session: Session | undefined;
let engine: { readonly pipeline: Pipeline; readonly folder: string } | undefined;

async function answer(request: Request): Promise<object> {
  if ('open' in request) return open(request);
  if ('run' in request) return run(request);
  if ('engine' in request) {
    engine = { pipeline: await createEngine({ models: [request.engine], device }), folder: request.engine };
    const started = performance.now();
    await engine.pipeline.warm(basename(request.engine));
    return { seconds: (performance.now() - started) / 1000 };
  }
  return draw(request.picture, request.png ?? false);
}

async function open({ open: part, folder, change }: Extract<Request, { open: string }>): Promise<object> {
  await session?.close();
  const files = await ModelFiles.at(folder);
  const component = await files.component(part, 'diffusion_pytorch_model');
  const target = { ...targetOf(device), ...change };
  const started = performance.now();
  session = await openSession(
    part === 'unet' ? unetGraph(component, [], target) : vaeDecoderGraph(component, target),
    device,
  );
  return { seconds: (performance.now() - started) / 1000 };
}

async function run({
  run: shapes,
  output,
  calls,
  exact,
}: Extract<Request, { run: Shapes }>): Promise<object> {
  const feeds: Feeds = Object.fromEntries(
    Object.entries(shapes).map(([name, dims]) => [name, field(name, dims)]),
  );
  const seconds: number[] = [];
  let data = new Float32Array();
  for (let i = 0; i < calls; i++) {
    const started = performance.now();
    data = Float32Array.from((await session!.run(feeds, [output]))[output]!.data);
    seconds.push((performance.now() - started) / 1000);
  }
  return { seconds, ...(exact !== undefined && { error: errorOf(data, exact) }) };
}

/** The same numbers in gpu.py. */
function field(name: string, dims: readonly number[]) {
  const count = dims.reduce((a, b) => a * b);
  const data = Float32Array.from({ length: count }, (_, i) =>
    name === 'timestep' ? 500 : (i % 101) / 50 - 1,
  );
  return { data, dims };
}

/** |ours - exact| / |exact|, over all values. @param npy version 1, float32 */
function errorOf(ours: Float32Array, npy: string): number {
  const bytes = readFileSync(npy);
  const exact = new Float32Array(Uint8Array.from(bytes.subarray(10 + bytes.readUInt16LE(8))).buffer);
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const error = norm(exact.map((v, i) => v - ours[i]!)) / norm(exact);
  // JSON would turn it into null.
  if (!Number.isFinite(error)) throw new Error('the result holds numbers that are not finite');
  return error;
}

async function draw(order: PictureOrder, png: boolean): Promise<object> {
  const { pipeline, folder } = engine!;
  const spec = await openModelFolder(folder, basename(folder));
  const { request } = freezeRequest(
    {
      ...{ prompt: order.prompt, num_inference_steps: order.steps, guidance_scale: order.guidance },
      ...{ width: order.width, height: order.height, seed: order.seed, sampler: 'euler' },
    },
    { model: spec.name, defaults: spec.defaults },
  );
  const started = performance.now();
  const drawing = await pipeline.open({ id: 'bench', user: 'bench', request, inputs: new Map() });
  while (!(await drawing.advance(8, () => {})).done);
  const { pictures, seconds: stages } = await drawing.decode();
  const seconds = (performance.now() - started) / 1000;
  await drawing.close();
  return { seconds, stages, ...(png && { png: Buffer.from(pictures[0]!.png).toString('base64') }) };
}

for await (const line of createInterface({ input: process.stdin })) {
  let told: object;
  try {
    told = await answer(JSON.parse(line) as Request);
  } catch (error) {
    const { message, cause } = error as Error;
    told = { failed: `${message} ${cause instanceof Error ? cause.message : ''}`.slice(0, 2000) };
  }
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
