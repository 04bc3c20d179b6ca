/** A worker over arithmetic: a queue in memory, and an engine whose calls take exact seconds on a clock of its own. */
import type { DarkroomError } from '../../src/errors.ts';
import { EngineLost, type Job, type ProcessEngine, type StoredPicture } from '../../src/job.ts';
import { type Part, plannedSteps } from '../../src/queue/costs.ts';
import type { Claim, ClaimOptions, JobEnd } from '../../src/queue/dispatcher.ts';
import type { NoticeKind, NoticeListener, RunningEvent } from '../../src/queue/job-events.ts';
import { Worker } from '../../src/queue/worker.ts';
import type { JobSource, ProgressEvents, WorkCosts, WorkerOptions } from '../../src/queue/worker-options.ts';
import { freezeRequest } from '../../src/request.ts';

const defaults = {
  numInferenceSteps: 4,
  guidanceScale: 7,
  sampler: 'euler',
  schedule: 'normal',
  width: 64,
  height: 64,
  strength: 0.75,
  maxSize: 256,
} as const;

export function jobOf(id: string, user: string, steps = 4, prompt = 'a mug', pictures = 1): Job {
  const draft = { prompt, num_inference_steps: steps, seed: 1, num_images: pictures };
  const { request } = freezeRequest(draft, { model: 'mini', defaults });
  return { id, user, request, inputs: new Map() };
}

interface Call {
  readonly user: string;
  readonly id: string;
  readonly kind: 'open' | 'step' | 'decode';
  readonly seconds: number;
  /** At the call's end. */
  readonly at: number;
}

type Outcome =
  | JobEnd
  | { readonly state: 'cancelled' | 'given back' | 'lost' }
  | { readonly state: 'moved'; readonly note: string };

/** The database's part of the order, in memory: whole jobs charged at dispatch, the least tag first. */
export class MemoryQueue implements JobSource, ProgressEvents, WorkCosts {
  waiting: Job[] = [];
  readonly running = new Map<string, Claim>();
  readonly cancelled = new Set<string>();
  readonly lost = new Set<string>();
  readonly suspects = new Set<string>();
  readonly outcomes = new Map<string, PromiseWithResolvers<Outcome>>();
  readonly published: { readonly id: string; readonly event: RunningEvent }[] = [];
  readonly used = new Map<string, number>();
  onPublish: (id: string, event: RunningEvent) => void = () => {};
  /** Pictures of jobs that go on, each time. */
  readonly shown: string[][] = [];
  weightOf: (user: string) => number = () => 1;
  readonly #tags = new Map<string, number>();
  #listener: NoticeListener = () => {};

  outcomeOf(id: string): PromiseWithResolvers<Outcome> {
    const known = this.outcomes.get(id) ?? Promise.withResolvers<Outcome>();
    this.outcomes.set(id, known);
    return known;
  }

  notify(kind: NoticeKind, job = ''): void {
    this.#listener(kind, job);
  }

  async claim({ busy }: ClaimOptions): Promise<Claim | undefined> {
    const free = this.waiting.filter(({ user }) => !busy.includes(user));
    const tagOf = (user: string) => this.#tags.get(user) ?? 0;
    const [first, ...rest] = free;
    if (first === undefined) return undefined;
    const job = rest.reduce((a, b) => (tagOf(b.user) < tagOf(a.user) ? b : a), first);
    this.waiting = this.waiting.filter((other) => other !== job);
    const { id, user, request, isModerated } = job;
    const weight = this.weightOf(user);
    this.#tags.set(user, tagOf(user) + plannedSteps(request) / weight);
    const claim: Claim = {
      ...{ id, user, request, weight, inputs: {} },
      ticket: { id, attempt: 0 },
      isSuspect: this.suspects.has(id),
      ...(isModerated === true && { moderation: 'refuse' }),
    };
    this.running.set(id, claim);
    return claim;
  }

  async touch({ id }: Claim): Promise<'held' | 'cancelled' | 'lost'> {
    if (this.lost.has(id)) return 'lost';
    return this.cancelled.has(id) ? 'cancelled' : 'held';
  }

  async finish({ id }: Claim, used: number, end: JobEnd | undefined): Promise<boolean> {
    this.running.delete(id);
    if (this.lost.has(id)) return false;
    this.used.set(id, used);
    this.outcomeOf(id).resolve(end ?? { state: 'cancelled' });
    return true;
  }

  async show({ id }: Claim, pictures: readonly StoredPicture[]): Promise<boolean> {
    if (this.cancelled.has(id) || this.lost.has(id)) return false;
    this.shown.push(pictures.map((picture) => picture.id));
    return true;
  }

  async giveBack({ id }: Claim): Promise<boolean> {
    this.running.delete(id);
    this.outcomeOf(id).resolve({ state: 'given back' });
    return true;
  }

  async move({ id }: Claim, note: string): Promise<boolean> {
    this.running.delete(id);
    this.outcomeOf(id).resolve({ state: 'moved', note });
    return true;
  }

  publish(id: string, event: RunningEvent): void {
    this.published.push({ id, event });
    this.onPublish(id, event);
  }

  forget(id: string): void {
    if (this.lost.has(id)) this.outcomeOf(id).resolve({ state: 'lost' });
  }

  subscribe(listener: NoticeListener): () => void {
    this.#listener = listener;
    return () => {};
  }

  learn(): void {}
  measuredSeconds(): number {
    return 1;
  }
  secondsOf(_: unknown, part: Part): number {
    return part === 'store' ? 0 : 1;
  }
  async save(): Promise<void> {}
}

export class Bench {
  now = 0;
  readonly calls: Call[] = [];
  /** Runs that were opened and not closed. */
  readonly open = new Set<string>();
  readonly queue = new MemoryQueue();
  readonly worker: Worker;
  readonly stored = new Set<string>();
  /** Called at the start of each engine call; may throw instead of it, or return what it hangs on. */
  onCall: (call: Pick<Call, 'user' | 'id' | 'kind'>) => unknown = () => undefined;
  /** Called at the end of each, when the clock has moved. */
  onTick: () => void = () => {};
  /** How often the worker has ended the engine. */
  kills = 0;
  #puts = 0;
  #life = 0;
  #hung: PromiseWithResolvers<never> | undefined;
  readonly #secondsOf: (job: Job, kind: Call['kind']) => number;

  constructor(
    options: Partial<
      Pick<
        WorkerOptions,
        'slots' | 'onFailure' | 'onError' | 'callLimit' | 'device' | 'canRunElsewhere' | 'fits' | 'refusal'
      >
    > = {},
    secondsOf: (job: Job, kind: Call['kind']) => number = (_, kind) => (kind === 'step' ? 1 : 0.25),
  ) {
    this.#secondsOf = secondsOf;
    const { queue } = this;
    this.worker = new Worker({
      ...{ id: 'w', queue, events: queue, costs: queue, engine: this.#engine() },
      pictures: {
        get: async () => undefined,
        put: async () => {
          const id = `${this.#puts++}`;
          this.stored.add(id);
          return id;
        },
        remove: async (id) => void this.stored.delete(id),
      },
      ...{ models: () => ['mini'], slots: 2, clock: () => this.now },
      ...options,
    });
  }

  submit(...jobs: Job[]): void {
    this.queue.waiting.push(...jobs);
    this.queue.notify('work');
  }

  cancel(id: string): void {
    this.queue.cancelled.add(id);
    this.queue.notify('cancel', id);
  }

  /** How a job left this worker. */
  endOf(id: string): Promise<Outcome> {
    return this.queue.outcomeOf(id).promise;
  }

  async endsOf(...ids: string[]): Promise<string[]> {
    return (await Promise.all(ids.map((id) => this.endOf(id)))).map(({ state }) => state);
  }

  /** The engine dies now: this call and every open run are lost. */
  die(deviceError?: DarkroomError): never {
    this.#life++;
    this.open.clear();
    throw new EngineLost('killed', deviceError && { deviceError });
  }

  /** From now on until it is killed, the engine does not answer. To be awaited in the engine's stead. */
  hang(): Promise<never> {
    this.#hung = Promise.withResolvers();
    return this.#hung.promise;
  }

  #engine(): ProcessEngine {
    return {
      kill: () => {
        this.kills += 1;
        this.#life++;
        this.open.clear();
        this.#hung?.reject(new EngineLost('killed'));
      },
      open: async (job) => {
        const hung = this.#call(job, 'open');
        if (hung !== undefined) await hung;
        const life = this.#life;
        const { numInferenceSteps: steps, numImages } = job.request;
        let step = 0;
        let finished = 0;
        const finish = async () => {
          alive();
          const hung = this.#call(job, 'decode');
          if (hung !== undefined) await hung;
          finished++;
          return { png: Uint8Array.of(1), width: 64, height: 64, seed: finished };
        };
        this.open.add(job.id);
        const alive = () => {
          if (life !== this.#life) throw new EngineLost('has ended');
        };
        return {
          steps,
          advance: async (count, onProgress) => {
            const before = this.now;
            for (let i = 0; i < count && step < steps; i++) {
              alive();
              const hung = this.#call(job, 'step');
              if (hung !== undefined) await hung;
              step++;
              onProgress({ step, steps, ...(step % 2 === 0 ? { preview: Uint8Array.of(step) } : {}) });
            }
            const drawn = Math.floor((step / steps) * numImages);
            return { done: step === steps, seconds: this.now - before, drawn };
          },
          ...(numImages > 1 && { finish }),
          decode: async () => {
            const pictures = [];
            while (finished < numImages) pictures.push(await finish());
            return { pictures, notes: [], seconds: { open: 0, encode: 0, denoise: 0, decode: 0 } };
          },
          close: async () => {
            this.open.delete(job.id);
          },
        };
      },
    };
  }

  #call(job: Job, kind: Call['kind']): Promise<never> | undefined {
    const { id, user } = job;
    const hung = this.onCall({ id, user, kind });
    if (hung instanceof Promise) return hung as Promise<never>;
    const seconds = this.#secondsOf(job, kind);
    this.now += seconds;
    this.calls.push({ user, id, kind, seconds, at: this.now });
    this.onTick();
    return undefined;
  }
}
