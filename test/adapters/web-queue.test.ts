import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageRecord } from '../../adapters/web/conversation/message.ts';
import type { QueuePort } from '../../commands/ports.ts';
import type { ProcessEngine } from '../../src/job.ts';
import { Queue } from '../../src/queue/queue.ts';
import { Worker } from '../../src/queue/worker.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import type { Store } from '../../src/store/store.ts';
import { type Attachable, pngOf, startChatWith, temporaryFolder } from './stand-in.ts';

/** Each denoiser call takes 5 ms. */
const engine: ProcessEngine = {
  kill() {},
  async open({ request: { width, height, seed, numInferenceSteps: steps } }) {
    let step = 0;
    return {
      steps,
      async advance(count, onProgress) {
        const to = Math.min(steps, step + count);
        while (step < to) {
          await sleep(5);
          step += 1;
          onProgress({ step, steps, preview: pngOf(4, 4) });
        }
        return { done: step === steps, seconds: 0.02 };
      },
      async decode() {
        const seconds = { open: 0, encode: 0, denoise: 0.1, decode: 0 };
        return { pictures: [{ png: pngOf(width, height), width, height, seed }], notes: [], seconds };
      },
      async close() {},
    };
  },
};

/** The queue and the worker as the program has them, around that engine. */
class WorkedQueue implements QueuePort, Attachable {
  readonly errors: unknown[] = [];
  #queue: Queue | undefined;
  #worker: Worker | undefined;

  async attach({ database, pictures }: Store<MessageRecord>): Promise<void> {
    const onError = (error: unknown) => void this.errors.push(error);
    const queue = await Queue.open({ database, onError });
    const { dispatcher, events, costs } = queue;
    this.#queue = queue;
    this.#worker = new Worker({
      ...{ id: 'w', queue: dispatcher, events, costs, engine, pictures, onError },
      ...{ models: () => ['mini'], slots: 2 },
    });
  }

  requireRoom(job: Parameters<QueuePort['requireRoom']>[0]): Promise<void> {
    return this.#queue!.requireRoom(job);
  }

  submit(record: JobRecord): Promise<void> {
    return this.#queue!.submit(record);
  }

  cancel(id: string): Promise<boolean> {
    return this.#queue!.cancel(id);
  }

  watch(id: string) {
    return this.#queue!.watch(id);
  }

  async detach(): Promise<void> {
    await this.#worker?.stop(0);
    await this.#queue?.close();
  }
}

test('the chat with the real queue: a line of jobs, a place in it, a cancel, pictures', async () => {
  await using temporary = await temporaryFolder();
  const queue = new WorkedQueue();
  await using chat = await startChatWith(queue, temporary.folder);
  const ada = chat.as('Ada');
  const first = await ada.post('a mug --steps 40');
  const second = await ada.post('a boat --steps 40');
  const third = await ada.post('a house');
  assert.match(second.message.text, /in line, about/);
  assert.equal((await ada.cancel(second.job!.id)).status, 200);
  const bob = await chat.as('Bob').post('a tree');
  await ada.until(second.message.id, ({ job }) => job?.state === 'cancelled');
  for (const { message } of [first, third, bob]) {
    const done = await ada.until(message.id, ({ job }) => job?.state === 'done');
    assert.equal(done.pictures.length, 1);
  }
  assert.deepEqual([...chat.errors, ...queue.errors], []);
});
