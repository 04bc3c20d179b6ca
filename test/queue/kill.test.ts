import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { EngineProcess } from '../../src/engine/process/process.ts';
import { Worker } from '../../src/queue/worker.ts';
import { jobOf, MemoryQueue } from './arithmetic.ts';

const factory = new URL('../engine/stand-in.ts', import.meta.url).href;

/** Kills the engine's process in the middle of each of the first `kills` attempts at a job. */
async function runAndKill(queue: MemoryQueue, engine: EngineProcess, id: string, kills: number) {
  const killed = new Set<number>();
  queue.onPublish = (job, { step }) => {
    const { pid } = engine;
    if (job !== id || step < 2 || killed.size >= kills || pid === undefined) return;
    if (!killed.has(pid)) process.kill(pid, 'SIGKILL');
    killed.add(pid);
  };
  const outcome = await queue.outcomeOf(id).promise;
  const steps = queue.published.filter((one) => one.id === id).map(({ event }) => event.step);
  const restarts = steps.filter((step, i) => step < (steps[i - 1] ?? 0)).length;
  return { restarts, outcome };
}

test('kill -9 in mid-job: begun again once and done; a second time: failed, and the next job runs', async () => {
  const engine = new EngineProcess({ models: [], device: cpuDevice({ threads: 1 }), factory, log: () => {} });
  const queue = new MemoryQueue();
  const worker = new Worker({
    ...{ id: 'w', queue, events: queue, costs: queue, engine, models: () => ['mini'], slots: 2 },
    pictures: { get: async () => undefined, put: async () => '0', remove: async () => {} },
  });
  const submit = (id: string, steps: number) => {
    queue.waiting.push(jobOf(id, 'a', steps, 'ms=20'));
    queue.notify('work');
  };
  try {
    submit('one', 8);
    const once = await runAndKill(queue, engine, 'one', 1);
    assert.deepEqual([once.restarts, once.outcome.state], [1, 'done']);
    submit('two', 8);
    const twice = await runAndKill(queue, engine, 'two', 2);
    assert.deepEqual([twice.restarts, twice.outcome.state], [1, 'failed']);
    assert.ok(twice.outcome.state === 'failed' && twice.outcome.error.code === 'engine_failed');
    submit('three', 2);
    assert.equal((await queue.outcomeOf('three').promise).state, 'done');
  } finally {
    await worker.stop(0);
    await engine.stop();
  }
});
