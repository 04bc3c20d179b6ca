/** The driver's list of cards: a program that does not answer holds nothing up. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { parseDevice } from '../../src/engine/device.ts';
import { budgetOf } from '../../src/engine/memory/memory.ts';
import { listCards } from '../../src/gpu/cards.ts';

const GIB = 2 ** 30;

test('nvidia-smi that hangs and cannot be ended is given up, and plans of memory go on as without an answer', {
  skip: process.platform === 'win32',
}, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'darkroom-cards-'));
  const { PATH } = process.env;
  const asked = join(root, 'asked');
  t.after(() => {
    Object.assign(process.env, { PATH });
    if (existsSync(asked)) for (const pid of pids()) process.kill(pid, 'SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });
  const pids = () => readFileSync(asked, 'utf8').trim().split('\n').map(Number);
  process.env['PATH'] = `${root}:${PATH}`;
  const program = (lines: string) => {
    writeFileSync(join(root, 'nvidia-smi'), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(root, 'nvidia-smi'), 0o755);
  };
  const device = parseDevice('cuda:0');
  program("echo '0, GPU-aa11, RTX 3050, 2048, 1024, 8.6'");
  assert.equal(await budgetOf(device, GIB), 2 * GIB);

  // Its child holds the output open, as a process does that the kernel does not let go.
  program(`trap '' TERM\nsleep 60 &\necho $! >> ${asked}\nwait`);
  const start = performance.now();
  assert.deepEqual(await Promise.all([listCards(500), listCards(500)]), [[], []]);
  assert.equal(await budgetOf(device, GIB), undefined);
  assert.ok(performance.now() - start < 20_000);
  assert.equal(pids().length, 1, 'it is asked once');
});
