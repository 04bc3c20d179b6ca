/** A slot of this worker that is in use: the claim of its job, its run, and what it has used. */
import type { Job, Loading, Run, StoredPicture } from '../job.ts';
import type { Words } from '../sentences.ts';
import type { Claim } from './dispatcher.ts';

export class Slot {
  readonly claim: Claim;
  /** Set once its pictures are read. */
  job: Job | undefined;
  run: Run | undefined;
  step = 0;
  /** Seconds of one denoiser call of this job, as this process waits for it; undefined before the first. */
  stepSeconds: number | undefined;
  /** While its model is being loaded and is large. */
  loading: Loading | undefined;
  /** Seconds of the worker's clock when the GPU was done with it. */
  decodedAt = 0;
  /** Those of several pictures that are stored and shown while the others are drawn. */
  finished: StoredPicture[] = [];
  /** Seconds of the device that they were finished in. */
  finishing = 0;
  /** GPU-seconds of the current try. */
  used = 0;
  /** How often the engine died while it worked on this job. */
  losses = 0;
  /** How often it began again because files of its model were changed under it. */
  changes = 0;
  /** Number of the engine's process in which the run was opened. */
  life = 0;
  /** Sentences for the user about what happened on its way. */
  readonly notes: Words[] = [];
  /** Why the work stops before its end, if it does. */
  leaving: 'cancelled' | 'lost' | 'given back' | 'moved' | undefined;

  constructor(claim: Claim) {
    this.claim = claim;
  }
}
