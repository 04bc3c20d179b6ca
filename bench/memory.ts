/**
 * The memory of `serve` on the embedded database, its engine apart, while many jobs pass through it; and what one picture of
 * full size takes beside what was planned for it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR } from '../src/engine/process/process.ts';
import { addressOf, Member } from '../test/chaos/cluster.ts';
import { freePort } from '../test/queue/databases.ts';
import type { Figure } from './figure.ts';
import { type Dtype, type FullSize, forgeModel } from './forge.ts';

const JOBS = 600;
const USERS = 30;

export async function memory(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const port = await freePort();
  const serve = new Member('serve', { DARKROOM_DATA: folder, DARKROOM_PORT: `${port}` });
  await serve.start();
  const url = `http://127.0.0.1:${port}`;
  const samples: number[] = [];
  const watch = setInterval(() => samples.push(residentOf(serve.pid)), 500);
  try {
    await sleep(2000);
    const idle = residentOf(serve.pid);
    await Promise.all(
      Array.from({ length: USERS }, async (_, user) => {
        for (let i = 0; i < JOBS / USERS; i++) await draw(url, `u${user}`, user * JOBS + i);
      }),
    );
    return [
      { name: 'memory of serve without its engine, idle', value: idle, unit: 'MiB' },
      {
        name: `the same, peak over ${JOBS} jobs`,
        value: Math.max(...samples),
        unit: 'MiB',
        target: 450,
      },
      { name: 'the same, at their end', value: residentOf(serve.pid), unit: 'MiB' },
      ...(await plans()),
    ];
  } finally {
    clearInterval(watch);
    await serve.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Planned {
  readonly model: FullSize;
  readonly dtype: Dtype;
  /** Sides of the pictures that are drawn with it. */
  readonly sides: readonly number[];
}

const PLANNED: readonly Planned[] = [
  { model: 'sd15', dtype: 'F16', sides: [512, 1024] },
  { model: 'sd15', dtype: 'F32', sides: [512, 1024] },
  { model: 'sdxl', dtype: 'F16', sides: [1024] },
  { model: 'sd35-medium', dtype: 'F16', sides: [1024] },
];

/**
 * DARKROOM_BENCH_FOLDER keeps the models, which are made where they are missing; DARKROOM_BENCH_MODELS, such as
 * "sd15-F16,sdxl-F16", chooses.
 */
async function plans(): Promise<Figure[]> {
  const kept = process.env['DARKROOM_BENCH_FOLDER'];
  if (kept === undefined) {
    console.log(
      'memory: plans of full-size models skipped; DARKROOM_BENCH_FOLDER names no folder for them (23 GB)',
    );
    return [];
  }
  const asked = process.env['DARKROOM_BENCH_MODELS']?.split(',');
  const figures: Figure[] = [];
  for (const { model, dtype, sides } of PLANNED) {
    const name = `${model}-${dtype}`;
    if (asked !== undefined && !asked.includes(name)) continue;
    const folder = join(kept, name);
    // model_index.json is written last.
    if (!existsSync(join(folder, 'model_index.json'))) await forgeModel(model, folder, dtype);
    figures.push(...plansOf(name, folder, sides));
  }
  return figures;
}

function plansOf(name: string, folder: string, sides: readonly number[]): Figure[] {
  const data = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const child = fileURLToPath(new URL('plan-child.ts', import.meta.url));
  const run = (side: number, ...task: string[]) =>
    execFileSync(process.execPath, [child, folder, `${side}`, data, ...task], {
      encoding: 'utf8',
      env: { ...ALLOCATOR, ...process.env },
    });
  const drawn = (how: string) => sides.flatMap((side) => figuresOf(`${name} at ${side}, ${how}`, run(side)));
  try {
    const mapped = drawn('weights mapped');
    run(sides[0]!, 'prepare');
    return [...mapped, ...drawn('graphs kept')];
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

function figuresOf(what: string, answer: string): Figure[] {
  const { planned, measured } = JSON.parse(answer) as { planned: number; measured: number };
  return [
    { name: `${what}: planned`, value: planned / 2 ** 30, unit: 'GB' },
    { name: `${what}: taken at most`, value: measured / 2 ** 30, unit: 'GB' },
    { name: `${what}: taken beside planned`, value: measured / planned, unit: 'x', target: 1.15 },
  ];
}

async function draw(url: string, user: string, seed: number): Promise<void> {
  const headers = { 'x-darkroom-user': user, origin: url, 'x-forwarded-for': addressOf(user) };
  const body = new FormData();
  body.set('text', `/imagine ms=2 --steps 4 --seed ${seed}`);
  const answer = await fetch(`${url}/api/messages`, { method: 'POST', body, headers });
  if (answer.status !== 202) throw new Error(await answer.text());
  await answer.body?.cancel();
}

/** MiB, shared pages counted in part (PSS). */
function residentOf(pid: number | undefined): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}
