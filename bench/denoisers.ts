/**
 * One call of a denoiser at full size (SD 1.5 at 512x512, SDXL and SD3.5 medium at 1024x1024), random weights, no
 * guidance, against diffusers in float32 with as many threads: speed, memory, agreement. The two take turns, since
 * they do not fit side by side; where others use the machine, processor time says more than the clock.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Figure, median } from './figure.ts';
import { type FullSize, forgeModel } from './forge.ts';

const THREADS = 2;
/** Of each model: the inputs' shapes, and calls in a turn; the first warms up where there is more than one. */
const MODELS: Readonly<Record<FullSize, { calls: number; inputs: Record<string, readonly number[]> }>> = {
  sd15: {
    calls: 4,
    inputs: { sample: [1, 4, 64, 64], timestep: [1], encoder_hidden_states: [1, 77, 768] },
  },
  sdxl: {
    calls: 2,
    inputs: {
      sample: [1, 4, 128, 128],
      timestep: [1],
      encoder_hidden_states: [1, 77, 2048],
      text_embeds: [1, 1280],
      time_ids: [1, 6],
    },
  },
  'sd35-medium': {
    calls: 1,
    inputs: {
      hidden_states: [1, 16, 128, 128],
      encoder_hidden_states: [1, 333, 4096],
      pooled_projections: [1, 2048],
      timestep: [1],
    },
  },
};

interface Turn {
  readonly opened: number;
  /** On the clock, and of processor time. */
  readonly seconds: readonly (readonly [number, number])[];
  readonly peakBytes: number;
}

/** DARKROOM_BENCH_MODELS, such as "sdxl,sd35-medium", chooses; DARKROOM_BENCH_FOLDER is where the models are kept. */
export async function denoisers(): Promise<Figure[]> {
  const python = process.env['DARKROOM_BENCH_PYTHON'];
  if (python === undefined) {
    console.log('denoisers: skipped; DARKROOM_BENCH_PYTHON names no Python that has torch and diffusers');
    return [];
  }
  const kept = process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench');
  const asked = process.env['DARKROOM_BENCH_MODELS']?.split(',');
  const figures: Figure[] = [];
  for (const [name, { calls, inputs }] of Object.entries(MODELS) as [FullSize, (typeof MODELS)[FullSize]][]) {
    if (asked !== undefined && !asked.includes(name)) continue;
    const folder = join(kept, name);
    // model_index.json is written last.
    if (!existsSync(join(folder, 'model_index.json'))) await forgeModel(name, folder);
    const component = join(folder, existsSync(join(folder, 'unet')) ? 'unet' : 'transformer');
    const output = join(kept, `${name}.npy`);
    const given = [component, String(THREADS), String(calls), JSON.stringify(inputs), output];
    const theirs = run<Turn>(python, 'denoisers.py', given);
    const ours = run<Turn & { error: number }>(process.execPath, 'denoisers-call.ts', given);
    figures.push(...compared(name, ours, theirs));
  }
  return figures;
}

function run<Answer>(command: string, script: string, given: string[]): Answer {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  return JSON.parse(execFileSync(command, [file, ...given], { encoding: 'utf8', stdio })) as Answer;
}

function compared(name: string, ours: Turn & { error: number }, theirs: Turn): Figure[] {
  const taken = ({ seconds }: Turn, kind: 0 | 1) =>
    median(seconds.slice(seconds.length > 1 ? 1 : 0).map((pair) => pair[kind]));
  const gigabytes = ({ peakBytes }: Turn) => peakBytes / 1e9;
  return [
    { name: `${name}: one call, ${THREADS} threads`, value: taken(ours, 0), unit: 's' },
    { name: `${name}: the same in diffusers, float32`, value: taken(theirs, 0), unit: 's' },
    {
      name: `${name}: processor time against diffusers`,
      value: taken(ours, 1) / taken(theirs, 1),
      unit: 'x',
      target: 1,
    },
    { name: `${name}: opened in`, value: ours.opened, unit: 's' },
    { name: `${name}: most memory`, value: gigabytes(ours), unit: 'GB' },
    { name: `${name}: most memory of diffusers`, value: gigabytes(theirs), unit: 'GB' },
    { name: `${name}: largest error of the scale`, value: ours.error * 1e6, unit: 'ppm', target: 100 },
  ];
}
