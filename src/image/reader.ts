/**
 * Reads uploads in a process of its own. Files come from anybody, and a decoder can be made to take gigabytes, minutes
 * or the whole process with it: here each file has a limit of memory and time that ends the process, and the next file
 * gets a new one. Files are read one at a time.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { DarkroomError, wordsOf } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { FromReader, ToReader } from './reader-protocol.ts';
import { MEMORY_LIMIT } from './reader-protocol.ts';
import type { Unturned, Upload, UploadUse } from './upload.ts';

interface ReaderLimits {
  /** Milliseconds for one file. A photo of 50 megapixels takes about two seconds. */
  readonly time: number;
  /** Bytes of memory of the process. */
  readonly memory: number;
  /** Files that wait for their turn. */
  readonly waiting: number;
  /** Milliseconds after the last file until the process is ended. */
  readonly idle: number;
}

const LIMITS: ReaderLimits = { time: 20_000, memory: MEMORY_LIMIT, waiting: 32, idle: 30_000 };

const CHILD = new URL(`./reader-child.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
/** What the process may see of the environment: no token and no address of a database. */
const ENVIRONMENT = ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'];

export class PictureReader {
  readonly #limits: ReaderLimits;
  #child: ChildProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isStopped = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(limits: Partial<ReaderLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** The process's id; undefined where none runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * @throws DarkroomError('bad_picture' | 'too_large') for a file that cannot be used; DarkroomError('too_many') while
   *   too many others wait
   */
  async read(bytes: Uint8Array, use: UploadUse, turned?: Unturned): Promise<Upload> {
    if (this.#waiting >= this.#limits.waiting) {
      throw new DarkroomError('too_many', sentence('picture.reading_many'));
    }
    this.#waiting++;
    const reading = this.#last.then(() => this.#readNow({ bytes, use, ...(turned && { turned }) }));
    this.#last = reading.catch(() => undefined);
    try {
      return await reading;
    } finally {
      this.#waiting--;
    }
  }

  /** Ends the process. Files that are being read or wait are refused. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#idle);
    this.#end();
    await this.#last;
  }

  /** From here on the next file gets another process. */
  #end(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
  }

  async #readNow(call: ToReader): Promise<Upload> {
    if (this.#isStopped) throw new DarkroomError('cancelled', sentence('picture.stopping'));
    clearTimeout(this.#idle);
    const child = this.#running();
    child.ref();
    child.channel?.ref();
    try {
      return await this.#ask(child, call);
    } finally {
      // Neither holds up the end of the program.
      child.unref();
      child.channel?.unref();
      if (!this.#isStopped) this.#idle = setTimeout(() => this.#end(), this.#limits.idle).unref();
    }
  }

  #running(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    const env: NodeJS.ProcessEnv = {
      // Glibc keeps a heap for each thread: large pictures would leave several behind.
      MALLOC_ARENA_MAX: '2',
    };
    for (const name of ENVIRONMENT) if (process.env[name] !== undefined) env[name] = process.env[name];
    const child = fork(CHILD, [String(this.#limits.memory)], {
      execPath: process.execPath,
      execArgv: [],
      env,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const forget = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once('exit', forget);
    child.once('error', forget);
    this.#child = child;
    return child;
  }

  #ask(child: ChildProcess, call: ToReader): Promise<Upload> {
    const { promise, resolve, reject } = Promise.withResolvers<Upload>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#end();
    }, this.#limits.time);
    const onMessage = (message: FromReader) => {
      if (message.isSpent) this.#end();
      if ('upload' in message) resolve(message.upload);
      else
        reject(
          new DarkroomError(message.error.code, wordsOf(message.error), { cause: message.error.detail }),
        );
    };
    const onClose = (code: number | null, signal: NodeJS.Signals | null) =>
      reject(isLate ? this.#tooSlow() : this.#ended(code, signal));
    const onError = (cause: Error) =>
      reject(new Error('the process that reads pictures could not be started', { cause }));
    child.on('message', onMessage).once('close', onClose).once('error', onError);
    child.send(call, (error) => {
      // Its 'close' then says why.
      if (error !== null) child.kill('SIGKILL');
    });
    return promise.finally(() => {
      clearTimeout(timer);
      child.off('message', onMessage).off('close', onClose).off('error', onError);
    });
  }

  #tooSlow(): DarkroomError {
    return new DarkroomError('bad_picture', sentence('picture.slow', { seconds: this.#limits.time / 1000 }));
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): DarkroomError {
    const cause = new Error(`the process that reads pictures ended: ${signal ?? `exit code ${code}`}`);
    if (signal === 'SIGKILL') {
      const most = Math.floor(this.#limits.memory / (1 << 20));
      return new DarkroomError('too_large', sentence('picture.memory', { limit: most }), { cause });
    }
    return new DarkroomError('bad_picture', sentence('picture.broken'), {
      cause,
    });
  }
}
