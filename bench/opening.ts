/**
 * Opening a model: from the folder to a pipeline, and to the end of its denoiser's first run, on the CPU in float32, against
 * diffusers on the same folder in the same minutes. Either side maps weights that it reads only as it runs, so opening and
 * first run together are what a user waits for. The first time nothing is kept yet; the second time an idle engine has made
 * what is kept. The two sides take turns, and each finds what it opens in the system's memory: whoever came first would read
 * the disk for the other one. On a busy machine processor time says more than the clock.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR } from '../src/engine/process/process.ts';
import { readAhead } from '../src/engine/read-ahead.ts';
import { type Figure, median } from './figure.ts';
import { type Dtype, forgeModel } from './forge.ts';

const THREADS = 2;
const ROUNDS = Number(process.env['DARKROOM_BENCH_ROUNDS'] ?? 3);
const MODELS = ['sd15', 'sdxl'] as const;
const DTYPES: readonly Dtype[] = ['F16', 'F32'];

interface Turn {
  /** Until everything is open, and the first call; clock and processor time. */
  readonly opened: readonly [number, number];
  readonly called: readonly [number, number];
  readonly peakBytes: number;
}

/** DARKROOM_BENCH_MODELS, such as "sd15-F16,sdxl-F32", chooses; DARKROOM_BENCH_FOLDER is where the models are kept. */
export async function opening(): Promise<Figure[]> {
  const python = process.env['DARKROOM_BENCH_PYTHON'];
  if (python === undefined) {
    console.log('opening: skipped; DARKROOM_BENCH_PYTHON names no Python that has torch and diffusers');
    return [];
  }
  const kept = process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench');
  const asked = process.env['DARKROOM_BENCH_MODELS']?.split(',');
  const figures: Figure[] = [];
  for (const model of MODELS) {
    for (const dtype of DTYPES) {
      const name = `${model}-${dtype}`;
      if (asked !== undefined && !asked.includes(name)) continue;
      const folder = join(kept, name);
      // model_index.json is written last.
      if (!existsSync(join(folder, 'model_index.json'))) await forgeModel(model, folder, dtype);
      figures.push(...(await compare(name, folder, { python })));
      if (model !== 'sd15' || dtype !== 'F16') continue;
      const file = join(kept, `${name}.safetensors`);
      if (!existsSync(file)) execFileSync(python, [script('opening-single.py'), folder, file]);
      figures.push(...(await compare(`${name} as a single file`, file, { python, configs: folder })));
    }
  }
  return figures;
}

/** Brings the files of a folder, or one file, into the system's memory, all of them. */
async function readThrough(path: string): Promise<void> {
  const files = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
    : [path];
  await readAhead(files, () => {}, { fromMemoryMs: 0 });
}

/** @param configs folder from which diffusers takes the configs of a single file */
async function compare(
  name: string,
  path: string,
  { python, configs }: { readonly python: string; readonly configs?: string },
): Promise<Figure[]> {
  const weights = `${path}-weights`;
  const ours = async (read: string, ...task: string[]) => {
    await readThrough(read);
    return turn(process.execPath, 'opening-ours.ts', [path, weights, String(THREADS), ...task]);
  };
  const diffusers = async () => {
    await readThrough(path);
    return turn(python, 'opening.py', [path, String(THREADS), ...(configs === undefined ? [] : [configs])]);
  };
  const rounds: Record<'first' | 'theirs' | 'prepared' | 'second', Turn>[] = [];
  while (rounds.length < ROUNDS) {
    rmSync(weights, { recursive: true, force: true });
    rounds.push({
      first: await ours(path),
      theirs: await diffusers(),
      prepared: await ours(path, 'prepare'),
      second: await ours(weights),
    });
  }
  rmSync(weights, { recursive: true, force: true });
  const waited = ({ opened, called }: Turn, kind: 0 | 1) => opened[kind] + called[kind];
  const opening = ({ opened }: Turn, kind: 0 | 1) => opened[kind];
  const of = (side: 'first' | 'second' | 'theirs' | 'prepared', value: (turn: Turn) => number) =>
    median(rounds.map((round) => value(round[side])));
  const against = (side: 'first' | 'second', seconds: typeof waited, kind: 0 | 1) =>
    median(rounds.map((round) => seconds(round[side], kind) / seconds(round.theirs, kind)));
  const peak = ({ peakBytes }: Turn) => peakBytes / 1e9;
  return [
    { name: `${name}: opened in diffusers`, value: of('theirs', ({ opened }) => opened[0]), unit: 's' },
    { name: `${name}: its first call`, value: of('theirs', ({ called }) => called[0]), unit: 's' },
    {
      name: `${name}: what is kept, made when idle`,
      value: of('prepared', ({ opened }) => opened[0]),
      unit: 's',
    },
    { name: `${name}: its most memory`, value: of('prepared', peak), unit: 'GB' },
    ...(['first', 'second'] as const).flatMap((side) => [
      { name: `${name}: opened, ${side} time`, value: of(side, ({ opened }) => opened[0]), unit: 's' },
      { name: `${name}: the call after it`, value: of(side, ({ called }) => called[0]), unit: 's' },
      ...(
        [
          ['opening against diffusers', opening],
          ['opening and first call against diffusers', waited],
        ] as const
      ).flatMap(([what, seconds]) => [
        { name: `${name}: ${what}`, value: against(side, seconds, 0), unit: 'x', target: 1 },
        {
          name: `${name}: the same in processor time`,
          value: against(side, seconds, 1),
          unit: 'x',
          target: 1,
        },
      ]),
      {
        name: `${name}: most memory, ${side} time`,
        value: of(side, peak),
        unit: 'GB',
        target: of('theirs', peak),
      },
    ]),
  ];
}

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function turn(command: string, name: string, given: string[]): Turn {
  const file = script(name);
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  // Each side as its users run it: ours in an inference process.
  const env = command === process.execPath ? { ...ALLOCATOR, ...process.env } : process.env;
  return JSON.parse(execFileSync(command, [file, ...given], { encoding: 'utf8', stdio, env })) as Turn;
}
