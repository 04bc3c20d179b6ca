/** A queue that develops pictures at a test's word, and a web chat on a free port around it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import type { MessageJson, MessageRecord } from '../../adapters/web/message.ts';
import { createWebAdapter, type WebOptions } from '../../adapters/web/server.ts';
import type { ModelInfo, QueuePort } from '../../commands/ports.ts';
import { createCommands } from '../../commands/router.ts';
import { DarkroomError } from '../../src/errors.ts';
import { checkPicture } from '../../src/image/inspect.ts';
import { readPngText } from '../../src/image/png-text.ts';
import type { Job, JobEvent } from '../../src/job.ts';
import { openStore } from '../../src/store/store.ts';

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
};

/** A black PNG of that size. */
export function pngOf(width: number, height: number): Uint8Array {
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
  header.set([8, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc((width + 1) * height));
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Develops each job at once, or, when held, when the test says so. */
export class StandInQueue implements QueuePort {
  readonly jobs: Job[] = [];
  held = false;
  /** What submit refuses with. */
  refusal: DarkroomError | undefined;
  readonly #events = new Map<string, JobEvent[]>();
  readonly #wake = new Map<string, PromiseWithResolvers<void>>();

  submit(job: Job): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.jobs.push(job);
    this.#events.set(job.id, []);
    this.#wake.set(job.id, Promise.withResolvers());
    this.emit(job.id, { state: 'queued', position: this.jobs.length, etaSeconds: 4 });
    if (!this.held) this.develop(job);
  }

  develop(job: Job): void {
    const { numInferenceSteps: steps, numImages, width, height, seed } = job.request;
    this.emit(job.id, { state: 'running', step: 1, steps, etaSeconds: 2, preview: pngOf(4, 4) });
    const picture = (i: number) => ({ png: pngOf(width, height), width, height, seed: seed + i });
    this.emit(job.id, {
      state: 'done',
      pictures: Array.from({ length: numImages }, (_, i) => picture(i)),
      seconds: { open: 0, encode: 0, denoise: 1, decode: 0 },
      notes: [],
    });
  }

  emit(id: string, event: JobEvent): void {
    this.#events.get(id)?.push(event);
    this.#wake.get(id)?.resolve();
  }

  cancel(id: string): boolean {
    if (!this.#events.has(id) || this.#events.get(id)?.some(({ state }) => isEnd(state))) return false;
    this.emit(id, { state: 'cancelled' });
    return true;
  }

  async *watch(id: string): AsyncGenerator<JobEvent> {
    const events = this.#events.get(id) ?? [];
    while (true) {
      await this.#wake.get(id)?.promise;
      this.#wake.set(id, Promise.withResolvers());
      for (const event of events.splice(0)) {
        yield event;
        if (!isEnd(event.state)) continue;
        events.push(event); // an ended job stays ended
        return;
      }
    }
  }
}

const isEnd = (state: JobEvent['state']) => state !== 'queued' && state !== 'running';

export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-'));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export const startChat = (folder: string, options: Partial<WebOptions> = {}) =>
  startChatWith(new StandInQueue(), folder, options);

export async function startChatWith<Q extends QueuePort>(
  queue: Q,
  folder: string,
  options: Partial<WebOptions> = {},
) {
  const store = await openStore<MessageRecord>(folder);
  const errors: unknown[] = [];
  const commands = createCommands({
    queue,
    jobs: store.jobs,
    pictures: store.pictures,
    settings: store.settings,
    admins: ['web:ada'],
    tell: async () => undefined,
    models: {
      resolve(name) {
        if (name === undefined || name === 'mini') return MINI;
        throw new DarkroomError('not_found', `There is no model ${name}. Known: mini.`);
      },
      names: () => ['mini'],
      describeUnread: (_model, prompt) => prompt.split(' ').slice(75).join(' '),
    },
    checkPicture,
    readPictureText: readPngText,
    onError: (error) => errors.push(error),
  });
  const adapter = createWebAdapter({
    host: '127.0.0.1',
    port: 0,
    users: 'header',
    secret: store.secret,
    handle: commands.handle,
    describe: commands.describe,
    messages: store.messages,
    pictures: store.pictures,
    ready: () => true,
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
      await adapter.stop();
      await store.close();
    },
  };
}

export interface Posted {
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
    const deadline = Date.now() + 5000;
    while (Date.now() < deadline) {
      const message = (await this.messages()).find((one) => one.id === id);
      if (message !== undefined && isReady(message)) return message;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`message ${id} did not come to be as expected`);
  }

  async draw(text: string, options: { replyTo?: string; file?: File } = {}): Promise<MessageJson> {
    const { message } = await this.post(text, options);
    return this.until(message.id, ({ job }) => job?.state === 'done');
  }
}
