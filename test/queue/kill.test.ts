import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineProcess } from '../../src/engine/process.ts';
import type { JobEvent } from '../../src/job.ts';
import { createQueue, type JobQueue } from '../../src/queue/queue.ts';
import { jobOf } from './arithmetic.ts';

const factory = new URL('../engine/stand-in.ts', import.meta.url).href;

/** Watches a job, killing the engine's process in the middle of each of the first `kills` attempts. */
async function watchAndKill(queue: JobQueue, engine: EngineProcess, id: string, kills: number) {
  /** Times the job fell back to its first step. */
  let restarts = 0;
  let step = 0;
  const killed = new Set<number>();
  let end: JobEvent | undefined;
  for await (const event of queue.watch(id)) {
    if (event.state === 'running') {
      if (event.step < step) restarts++;
      step = event.step;
    }
    const { pid } = engine;
    if (event.state === 'running' && event.step >= 2 && killed.size < kills && pid !== undefined) {
      if (!killed.has(pid)) process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    end = event;
  }
  return { restarts, end };
}

test('kill -9 in mid-job: put back once and done; a second time: failed, and the next job runs', async () => {
  const engine = new EngineProcess({ models: [], threads: 1, factory, log: () => {} });
  const queue = createQueue({ engine, seats: 2 });
  try {
    queue.submit(jobOf('one', 'a', 8, 'ms=20'));
    const once = await watchAndKill(queue, engine, 'one', 1);
    assert.deepEqual([once.restarts, once.end?.state], [1, 'done']);
    queue.submit(jobOf('two', 'a', 8, 'ms=20'));
    const twice = await watchAndKill(queue, engine, 'two', 2);
    assert.deepEqual([twice.restarts, twice.end?.state], [1, 'failed']);
    assert.match(JSON.stringify(twice.end), /engine_failed.*stopped twice/);
    queue.submit(jobOf('three', 'a', 2));
    assert.equal((await watchAndKill(queue, engine, 'three', 0)).end?.state, 'done');
  } finally {
    await queue.close();
    await engine.stop();
  }
});
