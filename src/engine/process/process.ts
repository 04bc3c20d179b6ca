/** The serving process's side of the inference process: an Engine whose work is done in a child. */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { DarkroomError } from '../../errors.ts';
import {
  EngineLost,
  type Job,
  type Loading,
  type ProcessEngine,
  type Progress,
  type Run,
} from '../../job.ts';
import { sentence } from '../../sentences.ts';
import {
  type CallName,
  type Calls,
  type EngineOptions,
  type FromChild,
  fromWireError,
  type ToChild,
} from './protocol.ts';

export type { EngineOptions, WarmEngine } from './protocol.ts';

interface EngineProcessOptions extends EngineOptions {
  /** URL of a module that exports createEngine; the diffusion pipeline where absent. */
  readonly factory?: string;
  /** Takes each line that the child writes, and one when it ends unasked. */
  readonly log: (line: string) => void;
}

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const CHILD = new URL(`./child.${EXTENSION}`, import.meta.url);
const PIPELINE = new URL(`../pipeline.${EXTENSION}`, import.meta.url);

export class EngineProcess implements ProcessEngine {
  readonly #options: EngineProcessOptions;
  #child: Child | undefined;
  #stopped = false;

  constructor(options: EngineProcessOptions) {
    this.#options = options;
  }

  /** The child's process id, for the operator; undefined where none runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the child where none runs, and loads a model so that the first job finds it open. */
  async warm(model: string): Promise<void> {
    const child = this.#running();
    try {
      await child.call('warm', { model });
    } catch (error) {
      // There is no job to put back: whoever starts is told what the device lacks, also where a job found it first.
      throw error instanceof EngineLost ? (child.deviceError ?? error) : error;
    }
  }

  /** @throws EngineLost where the child dies meanwhile; the next call starts a fresh one */
  async open(job: Job, onLoading?: (loading: Loading) => void): Promise<Run> {
    const child = this.#running();
    const { run, finishes, ...told } = await child.call('open', { job }, { onLoading });
    return {
      ...told,
      advance: (count, onProgress) => child.call('advance', { run, count }, { onProgress }),
      ...(finishes && { finish: () => child.call('finish', { run }) }),
      decode: () => child.call('decode', { run }),
      close: async () => {
        // A process that has ended holds no run.
        if (!child.lost) await child.call('close', { run }).catch(ignoreLoss);
      },
    };
  }

  kill(): void {
    this.#child?.kill();
  }

  /** Ends the child; calls under way reject with EngineLost. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#child?.stop();
  }

  #running(): Child {
    if (this.#stopped) {
      throw new DarkroomError('engine_failed', sentence('engine.stopping'));
    }
    if (this.#child === undefined || this.#child.lost) this.#child = new Child(this.#options);
    return this.#child;
  }
}

/**
 * glibc keeps freed blocks of up to 32 MB for itself: a closed UNet of SD 1.5 left 1.8 GB behind. Blocks that are mapped are
 * given back, and huge pages make mapping them cheap (a third of the system's time in a VAE's first run). Other
 * allocators do not read the variable.
 */
export const ALLOCATOR = { GLIBC_TUNABLES: 'glibc.malloc.mmap_threshold=1048576:glibc.malloc.hugetlb=1' };

/** Who is told what happens during a call. */
interface Listeners {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly onLoading?: ((loading: Loading) => void) | undefined;
}

interface PendingCall extends Listeners {
  resolve(result: Calls[CallName]['out']): void;
  reject(error: Error): void;
}

/** What the operator should know of a signal that ended the process. */
const SIGNALS: Readonly<Record<string, string>> = {
  SIGBUS: 'a model file in use was cut short, or its disk could not be read',
  SIGKILL: 'it was killed from outside; the system does so when memory runs out',
};

/** One forked process, from its start to its end; it is never started again. */
class Child {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, PendingCall>();
  readonly #ended: Promise<void>;
  readonly #log: (line: string) => void;
  /** Names of the models that it has drawn with. */
  readonly #models = new Set<string>();
  #calls = 0;
  #stopping = false;
  /** Set once the process is gone, about to go or was never there. */
  lost = false;
  /** Why it ended, where its device failed. */
  deviceError: DarkroomError | undefined;

  constructor({ factory, log, ...options }: EngineProcessOptions) {
    this.#log = log;
    this.#process = fork(CHILD, [factory ?? PIPELINE.href, JSON.stringify(options satisfies EngineOptions)], {
      // A bare `node` may be the machine's old one.
      execPath: process.execPath,
      execArgv: [],
      env: { ...ALLOCATOR, ...process.env },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', log);
    }
    this.#process.on('message', (message: FromChild) => this.#receive(message));
    this.#ended = new Promise((resolve) => {
      const end = (why: string, cause?: unknown) => {
        this.#lose(why, cause);
        resolve();
      };
      this.#process.once('exit', () => {
        this.lost = true;
      });
      // Unlike 'exit', 'close' comes after the last message.
      this.#process.once('close', (code, signal) => {
        const meaning = signal === null ? undefined : SIGNALS[signal];
        end(`${signal ?? `exit code ${code}`}${meaning === undefined ? '' : ` (${meaning})`}`);
      });
      this.#process.once('error', (error) => end('it could not be started', error));
    });
  }

  get pid(): number | undefined {
    return this.lost ? undefined : this.#process.pid;
  }

  call<K extends CallName>(
    name: K,
    input: Calls[K]['in'],
    listeners: Listeners = {},
  ): Promise<Calls[K]['out']> {
    const { promise, resolve, reject } = Promise.withResolvers<Calls[K]['out']>();
    if (this.lost) {
      reject(new EngineLost('The inference process has ended.'));
      return promise;
    }
    const call = this.#calls++;
    if ('job' in input) this.#models.add(input.job.request.model);
    this.#pending.set(call, {
      // The reply to a call has that call's type: child.ts answers with the same number.
      resolve: resolve as PendingCall['resolve'],
      reject,
      ...listeners,
    });
    this.#process.send({ name, call, ...input } as ToChild, (error) => {
      if (error === null || !this.#pending.delete(call)) return;
      reject(new EngineLost('The inference process cannot be reached.', { cause: error }));
    });
    return promise;
  }

  /** Not waited for: a process that hangs in its driver may not end even then. */
  kill(): void {
    this.#process.kill('SIGKILL');
    this.#lose('it did not answer', undefined);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    // It holds nothing that wants saving, and may be deep in a denoiser call.
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  #receive(message: FromChild): void {
    if (message.name === 'refused') {
      this.lost = true;
      this.#rejectAll(fromWireError(message.error));
      return;
    }
    const pending = this.#pending.get(message.call);
    if (pending === undefined) return;
    if (message.name === 'progress') {
      pending.onProgress?.(message.progress);
      return;
    }
    if (message.name === 'loading') {
      pending.onLoading?.(message.loading);
      return;
    }
    this.#pending.delete(message.call);
    if (message.name === 'deviceFailed') {
      this.lost = true;
      const deviceError = fromWireError(message.error);
      this.deviceError = deviceError;
      pending.reject(new EngineLost(deviceError.message, { cause: deviceError, deviceError }));
      return;
    }
    if (message.name === 'reply') pending.resolve(message.result);
    else pending.reject(fromWireError(message.error));
  }

  #lose(why: string, cause: unknown): void {
    this.lost = true;
    const models = this.#models.size === 0 ? '' : ` Models in use: ${[...this.#models].join(', ')}.`;
    const sentence = `The inference process ended: ${why}.${models}`;
    if (!this.#stopping) this.#log(sentence);
    this.#rejectAll(new EngineLost(sentence, { cause }));
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function ignoreLoss(error: unknown): undefined {
  if (error instanceof EngineLost) return undefined;
  throw error;
}
