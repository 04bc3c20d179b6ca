/** A queue that develops pictures at a test's word, and a web chat on a free port around it. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import type { MessageJson, MessageRecord } from '../../adapters/web/conversation/message.ts';
import { createWebAdapter, type WebOptions } from '../../adapters/web/server.ts';
import type { ModelInfo, ModelsPort, QueuePort } from '../../commands/ports.ts';
import { createCommands } from '../../commands/router.ts';
import { wildcardFolder } from '../../src/choices/choices.ts';
import { DarkroomError, describeError } from '../../src/errors.ts';
import { arePixelsEqual } from '../../src/image/equal-pixels.ts';
import { drawGrid } from '../../src/image/labelled-grid.ts';
import { plainSize } from '../../src/image/plain-size.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { drawRegion } from '../../src/image/region.ts';
import { readUpload } from '../../src/image/upload.ts';
import type { Finding, Job, JobEvent, StoredPicture } from '../../src/job.ts';
import type { Claim, JobEnd } from '../../src/queue/dispatcher.ts';
import type { RunningEvent } from '../../src/queue/job-events.ts';
import { Queue } from '../../src/queue/queue.ts';
import { sentence } from '../../src/sentences.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { eventually } from '../patience.ts';

export const MINI: ModelInfo = {
  name: 'mini',
  defaults: {
    numInferenceSteps: 20,
    guidanceScale: 5,
    sampler: 'ddim',
    schedule: 'normal',
    width: 256,
    height: 256,
    strength: 0.7,
    maxSize: 384,
  },
  gallery: [{ prompt: 'a red mug on a table', seed: 3 }],
  words: ['mug', 'boat'],
  vocabulary: [],
  controls: ['canny', 'openpose'],
  hasSafetyChecker: true,
};

/** A black PNG of that size. */
export const pngOf = (width: number, height: number): Uint8Array =>
  encode(width, height, GREY, Buffer.alloc((width + 1) * height));

/** A white one whose left half is transparent. */
export function glassPng(width: number, height: number): Uint8Array {
  const row = Buffer.alloc(1 + width * 4, 255);
  row[0] = 0;
  for (let x = 0; x < width / 2; x++) row[1 + x * 4 + 3] = 0;
  return encode(width, height, RGBA, Buffer.concat(Array.from({ length: height }, () => row)));
}

/** Colour types of PNG. */
const [GREY, RGBA] = [0, 6];

/** @param rows each behind a byte that names its filter */
function encode(width: number, height: number, colourType: number, rows: Buffer): Uint8Array {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourType, 0, 0, 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The real queue with a worker at the test's word: it develops each job at once, or, when held, when told to. */
export class StandInQueue implements QueuePort {
  readonly jobs: Job[] = [];
  held = false;
  /** What the check of pictures finds, where an admin wants one. */
  finding: Finding = { isFlagged: true, label: 'concept 3', score: 0.021 };
  /** Whether the program dies, as far as its chat goes, as soon as a job is accepted. */
  diesOnAccept = false;
  /** What requireRoom and submit refuse with. */
  refusal: DarkroomError | undefined;
  /** What only submit refuses with: the cap was reached between the two. */
  lateRefusal: DarkroomError | undefined;
  readonly #claims = new Map<string, Claim>();
  #queue: Queue | undefined;
  #store: Pick<Store<MessageRecord>, 'database' | 'jobs' | 'pictures'> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Goes on with what the store has. */
  async attach(store: Pick<Store<MessageRecord>, 'database' | 'jobs' | 'pictures'>): Promise<void> {
    this.#store = store;
    this.#queue = await Queue.open({
      database: store.database,
      waitingPerUser: 100,
      onError: (error) => {
        throw error;
      },
    });
    await this.#queue.dispatcher.recover();
    for (const record of await store.jobs.alive(['web', 'discord', 'slack'])) {
      const { sweep } = record.frame ?? {};
      if (sweep === undefined) await this.#take(record);
      else for (const cell of await store.jobs.getAll(sweep.cells)) await this.#takeAlive(cell);
    }
  }

  async detach(): Promise<void> {
    await this.#last;
    await this.#queue?.close();
  }

  async requireRoom(job: Parameters<QueuePort['requireRoom']>[0]): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    await this.#queue!.requireRoom(job);
  }

  async submit(record: JobRecord): Promise<void> {
    const refusal = this.refusal ?? this.lateRefusal;
    if (refusal !== undefined) throw refusal;
    await this.#queue!.submit(record);
    await this.#take(record);
    if (this.diesOnAccept) await new Promise(() => {});
  }

  get sweeps(): QueuePort['sweeps'] {
    const { sweeps } = this.#queue!;
    return {
      ...sweeps,
      start: async (sweep, cells) => {
        await sweeps.start(sweep, cells);
        for (const cell of cells) await this.#take(cell);
      },
    };
  }

  develop({ id, request }: Job): void {
    const { numInferenceSteps: steps, numImages, width, height } = request;
    void this.#inOrder(async () => {
      await this.#tell(id, { state: 'running', step: 1, steps, etaSeconds: 2, preview: pngOf(4, 4) });
      const claim = await this.#claim(id);
      const finding = claim.moderation === undefined ? undefined : this.finding;
      if (claim.moderation === 'refuse' && finding?.isFlagged) {
        const error = describeError(new DarkroomError('forbidden', sentence('moderation.refused')));
        await this.#queue!.dispatcher.finish(claim, 1, { state: 'failed', error });
        return;
      }
      const pictures: StoredPicture[] = [];
      for (let i = 0; i < numImages; i++) {
        pictures.push({
          id: await this.#store!.pictures.put(pngOf(width, height), { job: id, kind: 'result' }),
          width,
          height,
          ...(finding && { finding }),
        });
      }
      await this.#queue!.dispatcher.finish(claim, 1, { state: 'done', pictures, notes: [] });
    });
  }

  emit(id: string, event: RunningEvent | Extract<JobEnd, { state: 'failed' }>): void {
    void this.#inOrder(async () => {
      if (event.state === 'running') await this.#tell(id, event);
      else await this.#queue!.dispatcher.finish(await this.#claim(id), 1, event);
    });
  }

  cancel(id: string): Promise<boolean> {
    return this.#queue!.cancel(id);
  }

  watch(id: string): AsyncIterable<JobEvent> {
    return this.#queue!.watch(id);
  }

  async #takeAlive(record: JobRecord): Promise<void> {
    if (record.state === 'queued' || record.state === 'running') await this.#take(record);
  }

  async #take({ id, user, request, inputs }: JobRecord): Promise<void> {
    const bytes = new Map<string, Uint8Array>();
    for (const [name, picture] of Object.entries(inputs)) {
      const found = await this.#store!.pictures.get(picture);
      if (found !== undefined) bytes.set(name, found);
    }
    const job = { id, user: user.id, request, inputs: bytes };
    this.jobs.push(job);
    if (!this.held) this.develop(job);
  }

  async #tell(id: string, event: RunningEvent): Promise<void> {
    await this.#claim(id);
    this.#queue!.events.publish(id, event);
  }

  /** Claims jobs until it is the one that is meant. */
  async #claim(id: string): Promise<Claim> {
    for (;;) {
      const known = this.#claims.get(id);
      if (known !== undefined) return known;
      const options = { worker: 'test', models: ['mini'], busy: [], warm: [] };
      const claim = await this.#queue!.dispatcher.claim(options);
      if (claim === undefined) throw new Error(`job ${id} is not queued`);
      this.#claims.set(claim.id, claim);
    }
  }

  /** A job that was cancelled meanwhile is nobody's failure. */
  #inOrder(work: () => Promise<unknown>): Promise<unknown> {
    this.#last = this.#last.then(work).catch(() => undefined);
    return this.#last;
  }
}

export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-'));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export const startChat = (folder: string, options: Partial<WebOptions> = {}) =>
  startChatWith(new StandInQueue(), folder, options);

/** A web chat that lasts as long as a test. */
export async function chatFor(t: TestContext, options: Partial<WebOptions> = {}) {
  const temporary = await temporaryFolder();
  const chat = await startChat(temporary.folder, options);
  t.after(async () => {
    await chat[Symbol.asyncDispose]();
    await temporary[Symbol.asyncDispose]();
  });
  return chat;
}

/** A queue for a store that is opened later than the queue is made. */
export interface Attachable {
  attach(store: Store<MessageRecord>): Promise<void>;
  detach(): Promise<void>;
}

/** Knows mini, and no other file. */
export const ONLY_MINI: ModelsPort = {
  resolve(name) {
    if (name === undefined || name === 'mini') return MINI;
    throw new DarkroomError('not_found', `There is no model ${name}. Known: mini.`);
  },
  names: () => ['mini'],
  loraNames: async () => [],
  findLoras: async () => new Map(),
  findUpscalers: async () => new Map(),
  chooseControlnets: async (_model, controls) => ({ controls, notes: [] }),
  inpaintingOf: () => [],
  files: () => [],
  unread: () => 0,
  thumbnail: async () => undefined,
  describeUnread: () => '',
};

export async function startChatWith<Q extends QueuePort & Attachable>(
  queue: Q,
  folder: string,
  options: Partial<WebOptions> = {},
) {
  const store = await openStore<MessageRecord>({ folder });
  await queue.attach(store);
  const errors: unknown[] = [];
  const commands = createCommands({
    queue,
    jobs: store.jobs,
    pictures: store.pictures,
    settings: store.settings,
    usage: store.usage,
    gallery: store.gallery,
    wildcards: wildcardFolder(undefined),
    admins: ['web:ada'],
    post: async () => undefined,
    replace: (_platform, posted, card) => adapter.replace(posted, card),
    findPosted: async () => undefined,
    unpost: (job) => adapter.unpost(job),
    clock: store.clock,
    find: (_platform, tenant, kind, typed) => adapter.find(tenant, kind, typed),
    tenantsOf: async () => [],
    rolesOf: async () => [],
    downloads: {
      offer: async () => {
        throw new DarkroomError('forbidden', 'Models are not fetched here.');
      },
      cancel: () => false,
    },
    models: {
      ...ONLY_MINI,
      describeUnread: (_model, prompt) => prompt.split(' ').slice(75).join(' '),
    },
    readUpload,
    sizeOf: plainSize,
    drawRegion,
    readPictureText: readPngText,
    takenFromPhotos: () => ['canny', 'openpose'],
    arePixelsEqual,
    drawGrid,
    reviews: store.reviews,
    undoMs: 0,
    onError: (error) => errors.push(error),
  });
  const adapter = createWebAdapter({
    host: '127.0.0.1',
    port: 0,
    users: 'header',
    secret: store.secret,
    handle: commands.handle,
    describe: commands.describe,
    complete: commands.complete,
    messages: store.messages,
    people: store.people,
    pictures: store.pictures,
    isHeld: (picture) => store.reviews.isHeld(picture),
    readUpload,
    ready: () => true,
    usage: store.usage,
    gallery: store.gallery,
    onError: (error) => errors.push(error),
    ...options,
  });
  await adapter.start();
  return {
    adapter,
    commands,
    queue,
    store,
    errors,
    url: adapter.url,
    as: (name: string) => new Client(adapter.url, { 'x-darkroom-user': name }),
    async [Symbol.asyncDispose]() {
      commands.release();
      await adapter.stop();
      await queue.detach();
      await store.close();
    },
  };
}

interface Posted {
  readonly status: number;
  readonly request: MessageJson;
  readonly message: MessageJson;
  readonly job?: MessageJson['job'];
  readonly error?: { readonly code: string; readonly message: string };
}

/** A user of the chat's HTTP calls. */
export class Client {
  readonly url: string;
  readonly headers: Record<string, string>;

  constructor(url: string, headers: Record<string, string>) {
    this.url = url;
    this.headers = headers;
  }

  async #json(path: string, init: RequestInit = {}) {
    const headers = { ...this.headers, ...(init.headers as Record<string, string> | undefined) };
    const response = await fetch(`${this.url}${path}`, { ...init, headers });
    return { ...((await response.json()) as Posted), status: response.status };
  }

  post(text: string, { replyTo, file }: { replyTo?: string; file?: File } = {}): Promise<Posted> {
    const form = new FormData();
    form.set('text', text);
    if (replyTo !== undefined) form.set('reply_to', replyTo);
    if (file !== undefined) form.append('files[]', file);
    return this.#json('/api/messages', { method: 'POST', body: form });
  }

  press(message: string, action: string, values?: object): Promise<Posted> {
    return this.#json('/api/actions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ message, action, values }),
    });
  }

  cancel(job: string) {
    return this.#json(`/api/jobs/${job}`, { method: 'DELETE' });
  }

  async messages(after?: string): Promise<MessageJson[]> {
    const query = after === undefined ? '' : `?after=${after}`;
    const response = await fetch(`${this.url}/api/messages${query}`, { headers: this.headers });
    return (await response.json()) as MessageJson[];
  }

  /** Polls until a message is as the test waits for. */
  async until(id: string, isReady: (message: MessageJson) => boolean): Promise<MessageJson> {
    return eventually(`message ${id} as expected`, async () =>
      (await this.messages()).find((one) => one.id === id && isReady(one)),
    );
  }

  async draw(text: string, options: { replyTo?: string; file?: File } = {}): Promise<MessageJson> {
    const { message } = await this.post(text, options);
    return this.until(message.id, ({ job }) => job?.state === 'done');
  }
}
