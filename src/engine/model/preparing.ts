/**
 * Makes the optimised graphs of models that were opened for the first time, behind the pictures: in a process of its own, at
 * the lowest priority, while no job is open and there is memory for it. A job that comes ends it; what it was about is
 * made when the engine is idle again.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import type { Graph } from '../../graph/component.ts';
import { partsOf } from '../../models/side-files.ts';
import type { Device } from '../device.ts';
import { freeMemory } from '../free-memory.ts';
import type { PrepareAnswer, PrepareOrder } from '../prepare-child.ts';

/** How long no job must have been open. */
const QUIET_MS = 3000;
/** An engine that is never idle prepares a graph beside its jobs once it has waited so long. */
const PATIENCE_MS = 120_000;
/** Below everything else: whoever draws or answers comes first. */
const NICENESS = 19;
/** Memory that is left to others, and what a process takes beside the weights. */
const SPARE = 2 ** 30;
/**
 * Memory for each byte of weights in float32: they are widened, and those of convolutions copied into another layout. SD 1.5's
 * 3.4 GB took 5.8 in all, SDXL's 10.3 took 12.2.
 */
const LAID_OUT = 1.4;

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const CHILD = new URL(`../prepare-child.${EXTENSION}`, import.meta.url);

/** Memory that the making of a graph takes. @param graph whose weights may be kept */
export const bytesToPrepare = ({ source }: Graph): number => LAID_OUT * source!.bytes + SPARE;

interface Waiting {
  readonly graph: Graph;
  readonly since: number;
  /** Called when the graph is kept. */
  readonly whenKept: () => void;
}

interface PreparingOptions {
  readonly quietMs?: number;
  /** Of the process that makes a graph. */
  readonly niceness?: number;
  /** Bytes of memory that nobody uses. */
  readonly free?: () => Promise<number>;
}

export class Preparing {
  readonly #device: Device;
  readonly #quietMs: number;
  readonly #niceness: number;
  readonly #free: () => Promise<number>;
  #waiting: Waiting[] = [];
  #jobs = 0;
  #timer: NodeJS.Timeout | undefined;
  #child: { readonly process: ChildProcess; readonly of: Waiting; readonly ended: Promise<void> } | undefined;
  #closed = false;

  constructor(
    device: Device,
    { quietMs = QUIET_MS, niceness = NICENESS, free = freeMemory }: PreparingOptions = {},
  ) {
    this.#device = device;
    this.#quietMs = quietMs;
    this.#niceness = niceness;
    this.#free = free;
  }

  /** A graph that was opened and has no file yet. */
  add(graph: Graph, whenKept: () => void): void {
    // With the saver `turns`, a session is opened for each job.
    this.#waiting = this.#waiting.filter((other) => !Buffer.from(graph.bytes).equals(other.graph.bytes));
    this.#waiting.push({ graph, since: performance.now(), whenKept });
    this.#arm();
  }

  /**
   * A job begins: what is being made gives way to it.
   * @returns ends the job; safe to call twice
   */
  async hold(): Promise<() => void> {
    this.#jobs++;
    clearTimeout(this.#timer);
    if (this.#child !== undefined && !isImpatient(this.#child.of)) await this.#stop();
    let held = true;
    return () => {
      if (held) this.#jobs--;
      held = false;
      this.#arm();
    };
  }

  /** A job is about to ask for the memory that is free. */
  async giveWay(): Promise<void> {
    (await this.hold())();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    clearTimeout(this.#timer);
    await this.#stop();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#child !== undefined || this.#waiting.length === 0) return;
    const [{ since }] = this.#waiting as [Waiting];
    const wait = this.#jobs === 0 ? this.#quietMs : Math.max(0, since + PATIENCE_MS - performance.now());
    this.#timer = setTimeout(() => void this.#start(), wait);
    this.#timer.unref();
  }

  async #start(): Promise<void> {
    const [next] = this.#waiting;
    if (next === undefined || this.#child !== undefined || this.#closed) return;
    const needed = bytesToPrepare(next.graph);
    const { limit = Number.POSITIVE_INFINITY } = this.#device;
    if (Math.min(await this.#free(), limit - process.memoryUsage.rss()) < needed) {
      // Another one may be smaller, and this one is tried again when its model is opened again.
      this.#waiting.shift();
      this.#arm();
      return;
    }
    if (this.#child !== undefined || this.#closed || (this.#jobs > 0 && !isImpatient(next))) return;
    this.#waiting.shift();
    const child = fork(CHILD, [], {
      execPath: process.execPath,
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.unref();
    child.channel?.unref();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#child = { process: child, of: next, ended };
    let isKept = false;
    child.on('message', (answer: PrepareAnswer) => {
      isKept = answer.isKept;
    });
    child.on('error', () => resolve());
    child.once('close', () => {
      this.#child = undefined;
      resolve();
      if (isKept && !this.#closed) next.whenKept();
      this.#arm();
    });
    const order: PrepareOrder = { graph: next.graph, device: this.#device, niceness: this.#niceness };
    child.send(order, () => {});
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    // Whoever waits here may have nothing else that keeps this process running.
    child.process.ref();
    child.process.kill('SIGKILL');
    await child.ended;
    if (!this.#closed) this.#waiting.unshift(child.of);
    const parts = await partsOf(this.#device.sideFiles!, child.process.pid!);
    await Promise.all(parts.map((path) => rm(path, { recursive: true, force: true })));
  }
}

const isImpatient = ({ since }: Waiting): boolean => performance.now() - since >= PATIENCE_MS;
