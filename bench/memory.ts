/** The memory of `serve` on the embedded database, its engine apart, while many jobs pass through it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf, Member } from '../test/chaos/cluster.ts';
import { freePort } from '../test/queue/databases.ts';
import type { Figure } from './figure.ts';

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
    ];
  } finally {
    clearInterval(watch);
    await serve.kill();
    rmSync(folder, { recursive: true, force: true });
  }
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
