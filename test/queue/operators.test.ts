/** What operators do to the queue by `darkroom queue`, and what /metrics shows them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { countGpus } from '../../src/queue/capacity.ts';
import { formatFigures, pauseQueue, readFigures, resumeQueue } from '../../src/queue/operators.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { PolicyBench } from './policy.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const run = promisify(execFile);

test('a paused queue accepts jobs and dispatches none; figures count tenants, lease losses and retries; weights hold', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-operators-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const darkroom = (...args: string[]) =>
    run(process.execPath, [MAIN, 'queue', ...args], { env: { ...process.env, DARKROOM_DATA: folder } });
  const database = await openEmbedded(folder);
  await migrate(database);
  const bench = new PolicyBench(database);
  for (const id of ['one', 'two', 'three']) await bench.submit({ id, tenant: 's"1', user: 'a', cost: 3 });
  assert.equal(await pauseQueue(database, 'test'), true);
  assert.equal(await pauseQueue(database, 'test'), false);
  assert.equal(await bench.claim(), undefined);
  assert.deepEqual(await resumeQueue(database, 'test'), true);
  const first = await bench.claim();
  // Its worker dies, then the next one: the second loss is no longer a retry.
  assert.equal(await bench.again(first!.ticket, 1), 'again');
  assert.equal(await bench.again(first!.ticket, 2), 'poison');
  await bench.settle('one', 2.5);
  assert.equal(
    formatFigures(await readFigures(database)).replaceAll(/^#.*\n/gm, ''),
    [
      'darkroom_queue_waiting 2',
      'darkroom_queue_running 0',
      'darkroom_lease_losses_total 2',
      'darkroom_retries_total 1',
      'darkroom_gpu_seconds_total{tenant="s\\"1"} 2.5',
      'darkroom_gpu_jobs_total{tenant="s\\"1"} 1',
      '',
    ].join('\n'),
  );
  await assert.rejects(
    darkroom('list'),
    ({ stderr }: { stderr: string }) => stderr.includes(`process ${process.pid}`),
    'the folder is one process’s',
  );
  await database.close();
  assert.match((await darkroom('list')).stdout, /^0 run, 2 wait, 0 workers\ntwo {2}queued/);
  assert.equal((await darkroom('cancel', 'two')).stdout, 'Cancelled two.\n');
  assert.equal((await darkroom('weight', 'a', '3')).stdout, 'a has weight 3 in s"1.\n');
  const again = await openEmbedded(folder);
  const flows = await again.query("select weight, waiting from darkroom.flow where user_id = 'a'");
  assert.deepEqual(flows, [{ weight: 3, waiting: 1 }]);
  await again.close();
});

test('capacity: one A100 at 2 pictures a second and 100,000 pictures a month', () => {
  const demand = { secondsPerPicture: 0.5, picturesPerMonth: 100_000, peak: 5, utilisation: 0.7 };
  const { gpus, gpuSeconds, average, mostPictures } = countGpus(demand);
  assert.equal(gpus, 1);
  assert.equal(gpuSeconds, 50_000);
  assert.ok(Math.abs(average - 0.0193) < 1e-4);
  // 5,184,000 pictures drawn without a pause, of which the peak and the utilisation leave a part.
  assert.equal(mostPictures, Math.floor((5_184_000 * 0.7) / 5));
  assert.equal(countGpus({ ...demand, picturesPerMonth: mostPictures }).gpus, 1);
  assert.equal(countGpus({ ...demand, picturesPerMonth: mostPictures * 3 }).gpus, 3);
});
