/**
 * A worker of the simulated day, as a process: the real Worker on the real queue; its engine is arithmetic, on a clock
 * that stands still but for what the engine's calls take. `day-worker.ts ID URL SLOTS`.
 */
import { randomUUID } from 'node:crypto';
import type { ProcessEngine } from '../src/job.ts';
import { Queue } from '../src/queue/queue.ts';
import { Worker } from '../src/queue/worker.ts';
import { registerWorker } from '../src/queue/worker-registry.ts';
import { openServer } from '../src/store/postgres.ts';
import { MODEL, secondsOf } from './day-trace.ts';

/** From a worker to the day. */
export type Report =
  | { readonly kind: 'ready' }
  /** GPU-seconds of the job whose pictures are done now, as its engine has counted them. */
  | { readonly kind: 'decoded'; readonly job: string; readonly seconds: number }
  /** Bytes resident, and of those on JavaScript's heap in use. */
  | { readonly kind: 'memory'; readonly resident: number; readonly heap: number };

const CONNECTIONS = 4;
const GRACE = 30_000;
/** Milliseconds. */
const PRESENCE = 10_000;
const MEMORY = 500;

const [id = '', url = '', slots = ''] = process.argv.slice(2);
const onError = (error: unknown) => console.error(error);
const database = await openServer({ url, connections: CONNECTIONS, onError });
const queue = await Queue.open({ database, url, onError });
let now = 0;

const engine: ProcessEngine = {
  kill() {},
  async open({ id: job, request }) {
    const { call, end } = secondsOf(request);
    const steps = request.numInferenceSteps * request.numImages;
    let step = 0;
    let seconds = end;
    now += end;
    return {
      steps,
      async advance(count, onProgress) {
        const before = now;
        for (let i = 0; i < count && step < steps; i++) {
          now += call;
          seconds += call;
          step++;
          onProgress({ step, steps });
        }
        return { done: step === steps, seconds: now - before };
      },
      async decode() {
        now += end;
        send({ kind: 'decoded', job, seconds: seconds + end });
        const pictures = Array.from({ length: request.numImages }, (_, i) => ({
          ...{ png: Uint8Array.of(1), width: request.width, height: request.height, seed: request.seed + i },
        }));
        return { pictures, notes: [], seconds: { open: end, encode: 0, denoise: call * steps, decode: end } };
      },
      async close() {},
    };
  },
};

const worker = new Worker({
  ...{ id, queue: queue.dispatcher, events: queue.events, costs: queue.costs, engine },
  // Pictures are not what is measured.
  pictures: { get: async () => undefined, put: async () => randomUUID(), remove: async () => {} },
  ...{ models: () => [MODEL], slots: Number(slots), clock: () => now, onError },
  onFailure: (_, error) => onError(error),
});
const register = () =>
  registerWorker(database, { id, models: [MODEL], slots: Number(slots), isDraining: false }).catch(onError);
await register();
const timers = [
  setInterval(register, PRESENCE),
  setInterval(() => {
    const { rss: resident, heapUsed: heap } = process.memoryUsage();
    send({ kind: 'memory', resident, heap });
  }, MEMORY),
];
process.once('message', async () => {
  for (const timer of timers) clearInterval(timer);
  await worker.stop(GRACE);
  await queue.close();
  await database.close();
  process.disconnect();
});
send({ kind: 'ready' });

function send(report: Report): void {
  process.send!(report);
}
