import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageJson, MessageRecord } from '../../adapters/web/conversation/message.ts';
import type { QueuePort } from '../../commands/ports.ts';
import { DarkroomError } from '../../src/errors.ts';
import type { ProcessEngine } from '../../src/job.ts';
import { Queue } from '../../src/queue/queue.ts';
import { Worker } from '../../src/queue/worker.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import type { Store } from '../../src/store/store.ts';
import { type Attachable, type Client, pngOf, startChatWith, temporaryFolder } from './stand-in.ts';

/** Numbers of steps of the pictures that were drawn, in their order. */
const drawn: number[] = [];
/** A picture of so many steps fails. */
const FAILING = 13;

/** A picture of so many steps is drawn with a model that is being loaded until the gate opens. */
const LOADING = 17;
const gate = Promise.withResolvers<void>();
/** After the first step of several pictures. */
let between = Promise.withResolvers<void>();

/** Each denoiser call takes 5 ms. */
const engine: ProcessEngine = {
  kill() {},
  async open({ request: { width, height, seed, numInferenceSteps: steps, numImages } }, onLoading) {
    if (steps === LOADING) {
      onLoading?.({ opened: 4e9, total: 7e9 });
      await gate.promise;
    }
    if (steps === FAILING) throw new DarkroomError('engine_failed', 'Thirteen is too many.');
    let step = 0;
    let finished = 0;
    const finish = async () => ({ png: pngOf(width, height), width, height, seed: seed + finished++ });
    return {
      steps,
      ...(numImages > 1 && { finish }),
      async advance(count, onProgress) {
        if (numImages > 1 && step > 0) await between.promise;
        const to = Math.min(steps, step + count);
        while (step < to) {
          await sleep(5);
          step += 1;
          onProgress({ step, steps, preview: pngOf(4, 4) });
        }
        return { done: step === steps, seconds: 0.02, drawn: Math.floor((step / steps) * numImages) };
      },
      async decode() {
        drawn.push(steps);
        const seconds = { open: 0, encode: 0, denoise: 0.1, decode: 0 };
        const pictures = [];
        while (finished < numImages) pictures.push(await finish());
        return { pictures, notes: [], seconds };
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

  get sweeps() {
    return this.#queue!.sweeps;
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

test('a job says what of its model is loaded, and no more once it draws', async () => {
  await using temporary = await temporaryFolder();
  const queue = new WorkedQueue();
  await using chat = await startChatWith(queue, temporary.folder);
  const ada = chat.as('Ada');
  const { message } = await ada.post(`a mug --steps ${LOADING}`);
  const during = await ada.until(message.id, ({ job }) => job?.loading !== undefined);
  assert.deepEqual(during.job?.loading, { opened: 4e9, total: 7e9 });
  assert.match(during.text, /^Loading mini, 4 of 7 GB$/);
  gate.resolve();
  const done = await ada.until(message.id, ({ job }) => job?.state === 'done');
  assert.equal(done.job?.loading, undefined);
  assert.deepEqual([...chat.errors, ...queue.errors], []);
});

test('of several pictures each is there when it is finished, for everybody; what is cancelled takes them along', async () => {
  await using temporary = await temporaryFolder();
  const queue = new WorkedQueue();
  await using chat = await startChatWith(queue, temporary.folder);
  const ada = chat.as('Ada');
  const { message } = await ada.post('a mug --steps 2 --n 2 --size 64x64');
  const during = await ada.until(message.id, ({ pictures }) => pictures.length === 1);
  assert.deepEqual([during.job?.state, during.job?.count, during.job?.step], ['running', 2, 1]);
  assert.match(during.pictures[0]!.alt, /1 of 2/);
  const [listed] = (await chat.as('Bob').messages()).filter(({ id }) => id === message.id);
  assert.deepEqual(listed?.pictures, during.pictures);
  const [first] = during.pictures;
  assert.equal((await chat.store.jobs.ofPicture(first!.id))?.id, message.job?.id);
  between.resolve();
  const done = await ada.until(message.id, ({ job }) => job?.state === 'done');
  assert.deepEqual([done.pictures.length, done.pictures[0], done.job?.count], [2, first, undefined]);

  between = Promise.withResolvers();
  const second = await ada.post('a boat --steps 2 --n 2 --size 64x64');
  const half = await ada.until(second.message.id, ({ pictures }) => pictures.length === 1);
  assert.equal((await ada.cancel(second.job!.id)).status, 200);
  between.resolve();
  const gone = await ada.until(second.message.id, ({ job }) => job?.state === 'cancelled');
  assert.deepEqual(gone.pictures, []);
  assert.equal(await chat.store.jobs.ofPicture(half.pictures[0]!.id), undefined);
  const [row] = await chat.store.database.query('select is_condemned from darkroom.picture where id = $1', [
    half.pictures[0]!.id,
  ]);
  assert.ok(row === undefined || row['is_condemned'] === true);
  assert.deepEqual([...chat.errors, ...queue.errors], []);
});

/** Asks for a sweep and starts it. @returns its message */
async function startSweep(client: Client, line: string): Promise<MessageJson> {
  const { message } = await client.post(line);
  const answer = await client.press(message.id, message.actions[0]!.id);
  assert.equal(answer.status, 202, answer.error?.message);
  return message;
}

test('a sweep goes on after a picture that fails, keeps nobody waiting, and is charged by picture', async () => {
  await using temporary = await temporaryFolder();
  const queue = new WorkedQueue();
  await using chat = await startChatWith(queue, temporary.folder);
  const { id } = await startSweep(chat.as('Ada'), '/sweep a mug steps=11..18 --size 64x64');
  const bob = await chat.as('Bob').draw('a tree --steps 1 --size 64x64');
  assert.equal(bob.pictures.length, 1);
  const during = (await chat.as('Ada').messages()).find((one) => one.id === id)!;
  assert.equal(during.job?.state, 'running');
  assert.match(during.text, /^\d of 8 pictures, .* left$/);
  const done = await chat.as('Ada').until(id, ({ job }) => job?.state === 'done');
  assert.deepEqual(
    done.cells!.map(({ label }) => label),
    [11, 12, 14, 15, 16, 17, 18].map((steps) => `steps ${steps}`),
  );
  assert.match(done.notes!.join(' '), /steps 13 failed: Thirteen is too many\./);
  const [charged] = await chat.store.database.query<{ jobs: number }>(
    "select jobs from darkroom.usage where user_id = 'web:Ada'",
  );
  assert.equal(charged?.jobs, 8);
  assert.deepEqual([...chat.errors, ...queue.errors], []);
});

test('a sweep that is cancelled keeps what is drawn', async () => {
  await using temporary = await temporaryFolder();
  const queue = new WorkedQueue();
  await using chat = await startChatWith(queue, temporary.folder);
  const ada = chat.as('Ada');
  const { id } = await startSweep(ada, '/sweep a mug seed=1..9 --steps 9 --size 64x64');
  const begun = await ada.until(id, ({ job }) => (job?.step ?? 0) >= 2);
  assert.equal((await ada.cancel(begun.job!.id)).status, 200);
  const done = await ada.until(id, ({ job }) => job?.state === 'done');
  const { length } = done.cells!;
  assert.ok(length >= 2 && length < 9, String(length));
  assert.match(done.notes!.join(' '), new RegExp(`${9 - length} of 9 pictures were not drawn`));
  assert.deepEqual([...chat.errors, ...queue.errors], []);
});

test('after a restart a sweep goes on in its message with the pictures that are missing', async () => {
  await using temporary = await temporaryFolder();
  drawn.length = 0;
  let sweep: MessageJson;
  {
    await using chat = await startChatWith(new WorkedQueue(), temporary.folder);
    sweep = await startSweep(chat.as('Ada'), '/sweep a mug steps=20..27 --size 64x64');
    await chat.as('Ada').until(sweep.id, ({ job }) => (job?.step ?? 0) >= 2);
  }
  const before = drawn.length;
  assert.ok(before < 8);
  const queue = new WorkedQueue();
  await using chat = await startChatWith(queue, temporary.folder);
  await chat.commands.resume((job) => chat.adapter.reopen(job), ['web']);
  const done = await chat.as('Ada').until(sweep.id, ({ job }) => job?.state === 'done');
  assert.equal(done.cells?.length, 8);
  assert.deepEqual([...drawn].sort(), [20, 21, 22, 23, 24, 25, 26, 27]);
  assert.deepEqual([...chat.errors, ...queue.errors], []);
});
