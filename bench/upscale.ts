/**
 * A picture of 512x512 enlarged to 2048x2048 on the CPU, by networks of full size with random weights, against spandrel
 * with torch in float32 and as many threads: speed, memory, agreement. The two take turns, since they do not fit side by
 * side; where others use the machine, processor time says more than the clock.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR } from '../src/engine/process/process.ts';
import { type Figure, median } from './figure.ts';

const THREADS = 2;
const SIDE = 512;
const ROUNDS = Number(process.env['DARKROOM_BENCH_ROUNDS'] ?? 1);

type Shapes = Record<string, readonly number[]>;
const NETWORKS: Readonly<Record<string, () => Shapes>> = {
  // realesr-general-x4v3
  compact: () => compactShapes(64, 32, 4),
  // RealESRGAN_x4plus
  esrgan: () => esrganShapes(64, 23, 32),
};

interface Turn {
  /** On the clock, and of processor time. */
  readonly seconds: readonly [number, number];
  readonly peakBytes: number;
}

/** DARKROOM_BENCH_MODELS, such as "compact", chooses; DARKROOM_BENCH_FOLDER is where the networks are kept. */
export async function upscale(): Promise<Figure[]> {
  const python = process.env['DARKROOM_BENCH_PYTHON'];
  if (python === undefined) {
    console.log('upscale: skipped; DARKROOM_BENCH_PYTHON names no Python that has torch and spandrel');
    return [];
  }
  const kept = process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench');
  await mkdir(kept, { recursive: true });
  const asked = process.env['DARKROOM_BENCH_MODELS']?.split(',');
  const figures: Figure[] = [];
  for (const [name, shapes] of Object.entries(NETWORKS)) {
    if (asked !== undefined && !asked.includes(name)) continue;
    const file = join(kept, `upscaler-${name}.safetensors`);
    if (!existsSync(file)) await writeFile(file, safetensors(shapes()));
    const given = [file, String(THREADS), String(SIDE), join(kept, `upscaler-${name}.bin`)];
    const rounds = Array.from({ length: ROUNDS }, () => ({
      theirs: run<Turn>(python, 'upscale.py', given),
      ours: run<Turn & { psnr: number }>(process.execPath, 'upscale-call.ts', given),
    }));
    figures.push(...compared(name, rounds));
  }
  return figures;
}

function run<Answer>(command: string, script: string, given: string[]): Answer {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const env = { ...ALLOCATOR, ...process.env };
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  return JSON.parse(execFileSync(command, [file, ...given], { encoding: 'utf8', stdio, env })) as Answer;
}

function compared(
  name: string,
  rounds: readonly { ours: Turn & { psnr: number }; theirs: Turn }[],
): Figure[] {
  const of = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick));
  return [
    {
      name: `${name}: ${SIDE} -> ${4 * SIDE}, ${THREADS} threads`,
      value: of(({ ours }) => ours.seconds[0]),
      unit: 's',
    },
    { name: `${name}: the same in spandrel`, value: of(({ theirs }) => theirs.seconds[0]), unit: 's' },
    {
      name: `${name}: processor time against spandrel`,
      value: of(({ ours, theirs }) => ours.seconds[1] / theirs.seconds[1]),
      unit: 'x',
      target: 1,
    },
    { name: `${name}: most memory`, value: of(({ ours }) => ours.peakBytes / 1e9), unit: 'GB' },
    {
      name: `${name}: most memory of spandrel`,
      value: of(({ theirs }) => theirs.peakBytes / 1e9),
      unit: 'GB',
    },
    { name: `${name}: agreement`, value: of(({ ours }) => ours.psnr), unit: 'dB', target: 60, least: true },
  ];
}

function compactShapes(features: number, layers: number, scale: number): Shapes {
  const shapes: Shapes = {};
  for (let i = 0; i <= layers + 1; i++) {
    const [inputs, outputs] = [i === 0 ? 3 : features, i > layers ? 3 * scale ** 2 : features];
    shapes[`body.${2 * i}.weight`] = [outputs, inputs, 3, 3];
    shapes[`body.${2 * i}.bias`] = [outputs];
    if (i <= layers) shapes[`body.${2 * i + 1}.weight`] = [features];
  }
  return shapes;
}

function esrganShapes(features: number, blocks: number, growth: number): Shapes {
  const shapes: Shapes = {};
  const conv = (name: string, inputs: number, outputs: number) => {
    shapes[`${name}.weight`] = [outputs, inputs, 3, 3];
    shapes[`${name}.bias`] = [outputs];
  };
  conv('conv_first', 3, features);
  for (let block = 0; block < blocks; block++) {
    for (const dense of [1, 2, 3]) {
      for (const i of [1, 2, 3, 4, 5]) {
        const outputs = i === 5 ? features : growth;
        conv(`body.${block}.rdb${dense}.conv${i}`, features + (i - 1) * growth, outputs);
      }
    }
  }
  for (const name of ['conv_body', 'conv_up1', 'conv_up2', 'conv_hr']) conv(name, features, features);
  conv('conv_last', features, 3);
  return shapes;
}

/** With numbers that keep a picture's scale from layer to layer. */
function safetensors(shapes: Shapes): Buffer {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let at = 0;
  let seed = 1;
  for (const [name, shape] of Object.entries(shapes)) {
    const count = shape.reduce((a, b) => a * b, 1);
    const gain = shape.length === 1 ? 0.1 : Math.sqrt(3 / (count / shape[0]!));
    const values = Float32Array.from({ length: count }, () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return (seed / 2 ** 31 - 1) * gain;
    });
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + 4 * count] };
    at += 4 * count;
    parts.push(Buffer.from(values.buffer));
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}
