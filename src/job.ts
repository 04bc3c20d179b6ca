/**
 * A job as it passes between rooms: what the queue takes, what the engine offers, what a watcher sees.
 * No platform object and no tensor appears here.
 */
import { DarkroomError, type ErrorWords } from './errors.ts';
import type { GenerationRequest } from './request.ts';
import type { Words } from './sentences.ts';

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** The encoded pictures a request refers to, by the reference that stands in the request. */
type JobInputs = ReadonlyMap<string, Uint8Array>;

/** What becomes of a picture that the check flags; the others are shown as usual. */
export type Moderation = 'spoiler' | 'hold' | 'refuse';

/** What the check of a picture found. */
export interface Finding {
  readonly isFlagged: boolean;
  /** The label with the highest score: `concept 3` of a safety checker, or a class of the operator's classifier. */
  readonly label: string;
  /** Above 0 a safety checker's concept is found; of a classifier, the probability of the class. */
  readonly score: number;
  /** Of a flagged picture: by which a copy of it is recognized (src/image/pixel-key.ts). */
  readonly key?: string;
}

export interface Job {
  readonly id: string;
  /** Who is charged: an opaque name, unique over all platforms ("web:4f1c"). */
  readonly user: string;
  readonly request: GenerationRequest;
  readonly inputs: JobInputs;
  /** Whether its pictures are checked: there are no previews then. */
  readonly isModerated?: boolean;
  /** Absent where no tenant's settings hold: a direct message, or the shell. */
  readonly share?: Share;
}

/** The tenant and weight by which a job shares the GPU, and the caps that an admin has set for its user. */
export interface Share {
  /** The Discord guild or Slack workspace, unique over all platforms. */
  readonly tenant: string;
  /** Users of one group are charged, and limited, as one user; absent for a user who counts alone. */
  readonly group?: string;
  /** Of the user relative to the tenant's other users; 1 where nothing is set. */
  readonly weight: number;
  /** Jobs that the user may have waiting. */
  readonly waiting?: number;
  /** GPU-seconds that the user may use in 24 hours. */
  readonly gpuSecondsPerDay?: number;
  /** GPU-seconds that all users of the tenant together may use in 24 hours. */
  readonly tenantGpuSecondsPerDay?: number;
}

/** A finished picture: PNG bytes that carry their own parameters. */
export interface FinishedPicture {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  /** Of a job whose pictures are checked. */
  readonly finding?: Finding;
}

/** A picture of a job in the store. */
export interface StoredPicture {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** What the check of it found; absent where it was not checked. */
  readonly finding?: Finding;
}

/** Seconds of work by stage. `denoise` counts model calls only. */
export interface StageSeconds {
  readonly open: number;
  readonly encode: number;
  readonly denoise: number;
  readonly decode: number;
}

/** What a watcher of a job sees, in this order: queued*, running*, then exactly one of the last three. */
export type JobEvent =
  | { readonly state: 'queued'; readonly position: number; readonly etaSeconds: number }
  | {
      readonly state: 'running';
      readonly step: number;
      readonly steps: number;
      readonly etaSeconds: number;
      /** Its model, while that is being loaded and is large. */
      readonly loading?: Loading;
      /** What it takes in memory; absent until it is open. */
      readonly memory?: JobMemory;
      /** A small PNG of the latents as they stand, at most two a second; of several pictures, all in one sheet. */
      readonly preview?: Uint8Array;
      /** Of several pictures, those that are in the store by now, the first ones. */
      readonly finished?: readonly StoredPicture[];
    }
  /** Its pictures are in the store by now. */
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly error: ErrorWords }
  | { readonly state: 'cancelled' };

/** Bytes of a model that are open, of those that are to be opened. */
export interface Loading {
  readonly opened: number;
  readonly total: number;
}

export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly preview?: Uint8Array;
}

/** What a job takes in memory at most. */
export interface JobMemory {
  readonly bytes: number;
  /** What is done at the cost of time, so that it fits: guidance, tiles, mapped, turns. */
  readonly savers: readonly string[];
}

/** What came of denoiser calls. */
export interface Advance {
  readonly done: boolean;
  readonly seconds: number;
  readonly drawn?: number;
}

/** A job that is open in the engine. Its methods are called one after another, never at once. */
export interface Run {
  /** Denoiser calls in all, over all pictures of the request. */
  readonly steps: number;
  /** What it takes at most, as planned; absent in engines that have no plan. */
  readonly memory?: JobMemory;
  /**
   * Runs up to `count` denoiser calls.
   * @returns whether all calls are made, the seconds the device was held, and of several pictures how many finish() can
   *   finish by now
   */
  advance(count: number, onProgress: (progress: Progress) => void): Promise<Advance>;
  /** Latents to picture: the next one of those that advance() said. Absent where all come at the end. */
  finish?(): Promise<FinishedPicture>;
  /** Latents to pictures, after the last call: those that finish() has not returned. */
  decode(): Promise<{
    pictures: readonly FinishedPicture[];
    notes: readonly Words[];
    seconds: StageSeconds;
  }>;
  /** Frees what it holds; safe at any time, also twice. */
  close(): Promise<void>;
}

/** What the queue needs of an engine: the inference process in production, arithmetic in tests. */
export interface Engine {
  /**
   * Loads the model where needed, encodes prompt and pictures, draws the noise.
   * @param onLoading is told how far a large model is, at most four times a second
   */
  open(job: Job, onLoading?: (loading: Loading) => void): Promise<Run>;
}

/** An engine in a process of its own. */
export interface ProcessEngine extends Engine {
  /** Ends the process, which hangs: calls under way reject with EngineLost, the next one starts another process. */
  kill(): void;
}

/** The engine's process died under a run: the queue puts the job back once. */
export class EngineLost extends Error {
  /** Where its device failed: what the user is told, if the job fails for it. */
  readonly deviceError: DarkroomError | undefined;

  constructor(message: string, options: { cause?: unknown; deviceError?: DarkroomError } = {}) {
    super(message, options);
    this.name = 'EngineLost';
    this.deviceError = options.deviceError;
  }
}

/** Model files were replaced or changed under a run: what it drew is worth nothing, and another try reads the new ones. */
export class FilesChanged extends DarkroomError {}
