/**
 * What the check of a finished picture adds: a safety checker of SD 1.5's size (ViT-L/14, 304 million parameters) with
 * random weights over pictures of 512x512, on two cores, in a process as the engine's. A picture's file is made without and
 * with the check, in turn; the two work at once, as in a job. Printed beside it: the check by itself, the same in float32, and
 * the largest difference between their cosines.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuDevice } from '../src/engine/device.ts';
import { probe } from '../src/engine/probe.ts';
import { ALLOCATOR } from '../src/engine/process/process.ts';
import { type Figure, median } from './figure.ts';
import { forgeSafetyChecker } from './forge.ts';
import { startSide } from './side.ts';

const THREADS = 2;
const ROUNDS = Number(process.env['DARKROOM_BENCH_ROUNDS'] ?? 9);

interface Answer {
  /** Milliseconds. */
  readonly check: number;
  readonly without: number;
  readonly together: number;
  readonly cosines: readonly number[];
  /** Seconds. */
  readonly opened: number;
}

/** DARKROOM_BENCH_FOLDER is where the checker is kept. */
export async function moderation(): Promise<Figure[]> {
  const folder = join(process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench'), 'safety');
  if (!existsSync(join(folder, 'feature_extractor/preprocessor_config.json')))
    await forgeSafetyChecker(folder);
  const { works } = await probe({ ...cpuDevice({ threads: THREADS }), precision: 'int8' });
  const figures: Figure[] = [];
  const seen: (readonly number[])[][] = [];
  for (const precision of works ? ['int8', 'float32'] : ['float32']) {
    const all = await answers(folder, precision);
    seen.push(all.map(({ cosines }) => cosines));
    // The first one warms it up.
    const rounds = all.slice(1);
    figures.push(
      {
        name: `moderation: a picture takes longer, ${precision}`,
        value: median(rounds.map(({ together, without }) => together - without)),
        unit: 'ms',
        ...(precision === 'int8' && { target: 150 }),
      },
      {
        name: `moderation: the check by itself, ${precision}`,
        value: median(rounds.map(({ check }) => check)),
        unit: 'ms',
      },
      { name: `moderation: opening, ${precision}`, value: all[0]!.opened, unit: 's' },
    );
  }
  const [narrow, wide] = seen;
  if (narrow !== undefined && wide !== undefined) {
    const off = narrow.flatMap((one, i) => one.map((value, j) => Math.abs(value - wide[i]![j]!)));
    figures.push({ name: 'moderation: cosines, int8 against float32', value: Math.max(...off), unit: '' });
  }
  return figures;
}

async function answers(folder: string, precision: string): Promise<readonly Answer[]> {
  const script = fileURLToPath(new URL('moderation-ours.ts', import.meta.url));
  const side = startSide(process.execPath, [script, folder, String(THREADS), precision], ALLOCATOR);
  try {
    const all: Answer[] = [];
    for (let seed = 1; seed <= ROUNDS + 1; seed++) all.push(await side.ask<Answer>({ seed }));
    return all;
  } finally {
    await side.stop();
  }
}
