/**
 * What one picture of full size takes in memory beside what was planned for it: each in a process of its own, first with the
 * weights mapped as they are stored, as a model's first pictures are drawn, then with the optimised graphs that are kept.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR } from '../src/engine/process/process.ts';
import type { Figure } from './figure.ts';
import { type Dtype, type FullSize, forgeModel } from './forge.ts';
import type { Picture } from './plan-child.ts';

interface Planned {
  readonly model: FullSize;
  readonly dtype: Dtype;
  /** What is drawn with it. */
  readonly pictures: readonly Picture[];
}

const GUIDED_1024: Picture = { side: 1024, guidance: 5 };
const UNGUIDED_1024: Picture = { side: 1024, guidance: 1 };
const SD15: readonly Picture[] = [{ side: 512, guidance: 7.5 }, GUIDED_1024];

const PLANNED: readonly Planned[] = [
  { model: 'sd15', dtype: 'F16', pictures: SD15 },
  { model: 'sd15', dtype: 'F32', pictures: SD15 },
  { model: 'sdxl', dtype: 'F16', pictures: [GUIDED_1024, UNGUIDED_1024] },
  { model: 'sd35-medium', dtype: 'F16', pictures: [GUIDED_1024] },
];

/**
 * DARKROOM_BENCH_FOLDER keeps the models, which are made where they are missing (23 GB for all); DARKROOM_BENCH_MODELS, such
 * as "sd15-F16,sdxl-F16", chooses.
 */
export async function plans(say: (figure: Figure) => void): Promise<Figure[]> {
  const kept = process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench');
  const asked = process.env['DARKROOM_BENCH_MODELS']?.split(',');
  const figures: Figure[] = [];
  for (const { model, dtype, pictures } of PLANNED) {
    const name = `${model}-${dtype}`;
    if (asked !== undefined && !asked.includes(name)) continue;
    const folder = join(kept, name);
    // model_index.json is written last.
    if (!existsSync(join(folder, 'model_index.json'))) await forgeModel(model, folder, dtype);
    for (const figure of plansOf(name, folder, pictures)) {
      say(figure);
      figures.push(figure);
    }
  }
  return figures;
}

function* plansOf(name: string, folder: string, pictures: readonly Picture[]): Generator<Figure> {
  const data = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const child = fileURLToPath(new URL('plan-child.ts', import.meta.url));
  const run = (...task: string[]) =>
    execFileSync(process.execPath, [child, folder, data, ...task], {
      encoding: 'utf8',
      env: { ...ALLOCATOR, ...process.env },
    });
  function* drawn(how: string): Generator<Figure> {
    for (const picture of pictures) {
      const { side, guidance } = picture;
      const what = `${name} at ${side}, ${guidance > 1 ? 'with' : 'without'} guidance, ${how}`;
      yield* figuresOf(what, run(JSON.stringify(picture)));
    }
  }
  try {
    yield* drawn('weights mapped');
    run('prepare');
    yield* drawn('graphs kept');
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

function figuresOf(what: string, answer: string): Figure[] {
  const { planned, measured, savers } = JSON.parse(answer) as {
    planned: number;
    measured: number;
    savers: readonly string[];
  };
  const whole = savers.length === 0 ? what : `${what} (${savers.join(', ')})`;
  return [
    { name: `${whole}: planned`, value: planned / 2 ** 30, unit: 'GB' },
    { name: `${whole}: taken at most`, value: measured / 2 ** 30, unit: 'GB' },
    {
      name: `${whole}: the plan is off by`,
      value: 100 * Math.abs(planned / measured - 1),
      unit: '%',
      target: 15,
    },
  ];
}
