/**
 * int8 on the CPU: one call of SD 1.5's UNet for a picture of 512x512 with guidance, random weights, against diffusers in
 * bfloat16 with as many threads, and against our own float32. The three take turns, a call each, so that a machine that
 * slows down slows all; where others use it, processor time says more than the clock. Prints what each operator took.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuDevice, type Precision } from '../src/engine/device.ts';
import { probe } from '../src/engine/probe.ts';
import { ALLOCATOR } from '../src/engine/process/process.ts';
import { type Figure, median } from './figure.ts';
import { forgeModel } from './forge.ts';
import { type Side, startSide } from './side.ts';

const THREADS = 2;
const ROUNDS = Number(process.env['DARKROOM_BENCH_ROUNDS'] ?? 5);
const INPUTS = { sample: [2, 4, 64, 64], timestep: [1], encoder_hidden_states: [2, 77, 768] };
/** Seconds for opening and one call, on a machine that does other things too. */
const LIMIT = 600;
/** Operators that are printed. */
const SHOWN = 12;

type Seconds = readonly [clock: number, processor: number];

/** DARKROOM_BENCH_FOLDER is where the model is kept. */
export async function precision(): Promise<Figure[]> {
  const python = process.env['DARKROOM_BENCH_PYTHON'];
  if (python === undefined) {
    console.log('precision: skipped; DARKROOM_BENCH_PYTHON names no Python that has torch and diffusers');
    return [];
  }
  const { works, reason } = await probe({ ...cpuDevice({ threads: THREADS }), precision: 'int8' });
  if (!works) {
    console.log(`precision: skipped; int8 gains nothing on this CPU: ${reason}`);
    return [];
  }
  const folder = join(process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench'), 'sd15');
  // model_index.json is written last.
  if (!existsSync(join(folder, 'model_index.json'))) await forgeModel('sd15', folder);
  const profiles = await mkdtemp(join(tmpdir(), 'darkroom-profile-'));
  try {
    return await measure(folder, python, profiles);
  } finally {
    await rm(profiles, { recursive: true, force: true });
  }
}

async function measure(folder: string, python: string, profiles: string): Promise<Figure[]> {
  const given = [String(THREADS), JSON.stringify(INPUTS)];
  const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const ours = (kind: Precision) =>
    startSide(
      process.execPath,
      [script('precision-ours.ts'), folder, ...given, kind, join(profiles, kind)],
      ALLOCATOR,
    );
  const sides = {
    int8: ours('int8'),
    float32: ours('float32'),
    diffusers: startSide(python, [script('precision.py'), join(folder, 'unet'), ...given]),
  };
  try {
    const rounds: Record<keyof typeof sides, Seconds>[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const taken = {
        int8: await call(sides.int8),
        diffusers: await call(sides.diffusers),
        float32: await call(sides.float32),
      };
      // The first round warms them up.
      if (round >= 0) rounds.push(taken);
    }
    const end = (side: Side) => side.ask<{ opened: number; peakBytes: number }>({ end: true }, LIMIT);
    const [narrow] = [await end(sides.int8), await end(sides.float32)];
    for (const kind of ['float32', 'int8'] as const) await printProfile(profiles, kind);
    const of = (side: keyof typeof sides) => median(rounds.map((round) => round[side][0]));
    const against = (side: keyof typeof sides, kind: 0 | 1) =>
      median(rounds.map((round) => round.int8[kind] / round[side][kind]));
    const call512 = `SD 1.5, 512x512 with guidance, ${THREADS} threads: one call`;
    return [
      { name: `${call512} in int8`, value: of('int8'), unit: 's' },
      { name: 'the same in float32', value: of('float32'), unit: 's' },
      { name: 'the same in diffusers, bfloat16', value: of('diffusers'), unit: 's' },
      { name: 'int8 against diffusers in bfloat16', value: against('diffusers', 0), unit: 'x', target: 1 },
      { name: 'the same in processor time', value: against('diffusers', 1), unit: 'x', target: 1 },
      { name: 'int8 against float32', value: against('float32', 0), unit: 'x' },
      { name: 'int8: opened, the first time', value: narrow!.opened, unit: 's' },
      { name: 'int8: most memory', value: narrow!.peakBytes / 1e9, unit: 'GB' },
    ];
  } finally {
    await Promise.all(Object.values(sides).map((side) => side.stop()));
  }
}

const call = async (side: Side) => (await side.ask<{ seconds: Seconds }>({ call: true }, LIMIT)).seconds;

/** One event of a profile that onnxruntime writes. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** What the operators of the last call took. */
async function printProfile(folder: string, kind: Precision): Promise<void> {
  const file = (await readdir(folder)).find((name) => name.startsWith(kind));
  if (file === undefined) throw new Error(`onnxruntime left no profile of ${kind}`);
  const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as readonly ProfileEvent[];
  const last = events.findLast(({ name }) => name === 'model_run')!;
  const kernels = events.filter(
    ({ cat, name, ts }) => cat === 'Node' && name.endsWith('_kernel_time') && ts >= last.ts,
  );
  const rows = [...Map.groupBy(kernels, ({ args }) => args?.op_name ?? '?')].map(([name, of]) => ({
    name,
    count: of.length,
    seconds: of.reduce((sum, { dur }) => sum + dur, 0) / 1e6,
  }));
  console.log(`${kind}: operators of one call, ${(last.dur / 1e6).toFixed(2)} s`);
  for (const { name, count, seconds } of rows.sort((a, b) => b.seconds - a.seconds).slice(0, SHOWN)) {
    const share = (100 * seconds * 1e6) / last.dur;
    console.log(
      `  ${name.padEnd(28)} ${String(count).padStart(4)} ${seconds.toFixed(3)} s ${share.toFixed(1)} %`,
    );
  }
}
