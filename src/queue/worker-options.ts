/** What a worker is given: the queue, the engine and the pictures, and how it deals with them. */
import type { ErrorWords } from '../errors.ts';
import type { Job, ProcessEngine, StoredPicture } from '../job.ts';
import type { Words } from '../sentences.ts';
import type { PictureOwner } from '../store/pictures.ts';
import type { Part } from './costs.ts';
import type { Claim, ClaimOptions, JobEnd } from './dispatcher.ts';
import type { GpuCosts } from './gpu.ts';
import type { NoticeListener, RunningEvent } from './job-events.ts';

/** What a worker needs of the queue. */
export interface JobSource {
  claim(options: ClaimOptions): Promise<Claim | undefined>;
  touch(claim: Claim, used: number): Promise<'held' | 'cancelled' | 'lost'>;
  finish(claim: Claim, used: number, end: JobEnd | undefined): Promise<boolean>;
  show(claim: Claim, pictures: readonly StoredPicture[]): Promise<boolean>;
  giveBack(claim: Claim): Promise<boolean>;
  move(claim: Claim, note: Words): Promise<boolean>;
}

export interface ProgressEvents {
  publish(job: string, event: RunningEvent): void;
  forget(job: string): void;
  subscribe(listener: NoticeListener): () => void;
}

export interface WorkCosts extends GpuCosts {
  measuredSeconds(request: Job['request'], part: Part): number | undefined;
  save(): Promise<void>;
}

export interface WorkerOptions {
  /** Unique over all workers. */
  readonly id: string;
  readonly queue: JobSource;
  readonly events: ProgressEvents;
  readonly costs: WorkCosts;
  readonly engine: ProcessEngine;
  readonly pictures: {
    get(id: string): Promise<Uint8Array | undefined>;
    put(bytes: Uint8Array, owner: PictureOwner): Promise<string>;
    remove(id: string): Promise<void>;
  };
  /** Models that this worker can run; asked before each job, since models come and go. */
  readonly models: () => readonly string[];
  /** Whether the device has the memory for a job; all have where left out. */
  readonly fits?: (request: Job['request'], isModerated: boolean) => Promise<boolean>;
  /** Why a job that has waited may not be drawn any longer; asked before its model is opened. */
  readonly refusal?: (job: string) => Promise<ErrorWords | undefined>;
  /** Jobs that are open at once; each holds its latents in memory. */
  readonly slots: number;
  /** Denoiser calls of one slice. */
  readonly sliceSteps?: number;
  /** Seconds of a clock that never jumps. */
  readonly clock?: () => number;
  /**
   * Seconds after which a call of the engine counts as hung.
   * @param measured seconds that calls like it take; undefined where none was measured
   */
  readonly callLimit?: (measured: number | undefined) => number;
  /** Of the device, as its user is told. */
  readonly device?: string;
  /** Whether another worker is there that can run it. */
  readonly canRunElsewhere?: (request: Job['request']) => Promise<boolean>;
  /** Called with the reason for which a job failed, for the operator's log. */
  readonly onFailure?: (job: { readonly id: string; readonly model: string }, error: unknown) => void;
  /** Called with errors that are no job's: the database cannot be reached. */
  readonly onError?: (error: unknown) => void;
}
