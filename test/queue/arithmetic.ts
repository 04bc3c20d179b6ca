/** A queue over arithmetic: an engine whose calls take exact seconds on a clock of its own. */

import { type Engine, EngineLost, type Job, type JobEvent } from '../../src/job.ts';
import { createQueue, type JobQueue, type QueueOptions } from '../../src/queue/queue.ts';
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

export function jobOf(id: string, user: string, steps = 4, prompt = 'a mug'): Job {
  const draft = { prompt, num_inference_steps: steps, seed: 1 };
  const { request } = freezeRequest(draft, { model: 'mini', defaults });
  return { id, user, request, inputs: new Map() };
}

export interface Call {
  readonly user: string;
  readonly id: string;
  readonly kind: 'open' | 'step' | 'develop';
  readonly seconds: number;
  /** At the call's end. */
  readonly at: number;
}

export interface Arrival {
  readonly job: Job;
  readonly at: number;
}

export class Bench {
  now = 0;
  readonly calls: Call[] = [];
  /** Runs that were opened and not closed. */
  readonly open = new Set<string>();
  readonly queue: JobQueue;
  /** Called at the start of each engine call; may throw in its stead. */
  onCall: (call: Pick<Call, 'user' | 'id' | 'kind'>) => void = () => {};
  /** Called at the end of each, when the clock has moved. */
  onTick: () => void = () => {};
  #life = 0;
  readonly #secondsOf: (job: Job, kind: Call['kind']) => number;

  constructor(
    options: Partial<QueueOptions> = {},
    secondsOf: (job: Job, kind: Call['kind']) => number = (_, kind) => (kind === 'step' ? 1 : 0.25),
  ) {
    this.#secondsOf = secondsOf;
    this.queue = createQueue({ engine: this.#engine(), seats: 2, clock: () => this.now, ...options });
  }

  /** The engine dies now: this call and every open run are lost. */
  die(): never {
    this.#life++;
    this.open.clear();
    throw new EngineLost('killed');
  }

  #engine(): Engine {
    return {
      open: async (job) => {
        this.#call(job, 'open');
        const life = this.#life;
        const { numInferenceSteps: steps } = job.request;
        let step = 0;
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
              this.#call(job, 'step');
              step++;
              onProgress({ step, steps, ...(step % 2 === 0 ? { preview: Uint8Array.of(step) } : {}) });
            }
            return { done: step === steps, seconds: this.now - before };
          },
          develop: async () => {
            alive();
            this.#call(job, 'develop');
            return { pictures: [], notes: [], seconds: { open: 0, encode: 0, denoise: 0, decode: 0 } };
          },
          close: async () => {
            this.open.delete(job.id);
          },
        };
      },
    };
  }

  #call(job: Job, kind: Call['kind']): void {
    const { id, user } = job;
    this.onCall({ id, user, kind });
    const seconds = this.#secondsOf(job, kind);
    this.now += seconds;
    this.calls.push({ user, id, kind, seconds, at: this.now });
    this.onTick();
  }
}

/** Watches a job to its end. */
export async function eventsOf(queue: JobQueue, id: string): Promise<JobEvent[]> {
  return await Array.fromAsync(queue.watch(id));
}

export async function endOf(queue: JobQueue, id: string): Promise<JobEvent> {
  return (await eventsOf(queue, id)).at(-1)!;
}
