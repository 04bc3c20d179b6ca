/** A job that holds a seat in this worker: its claim, its run, and what it has used. */
import type { Job, Run } from '../job.ts';
import type { Claim } from './line.ts';

export class Seat {
  readonly claim: Claim;
  /** Set once its pictures are read. */
  job: Job | undefined;
  run: Run | undefined;
  step = 0;
  /** Seconds of the worker's clock when the GPU was done with it. */
  developedAt = 0;
  /** GPU-seconds of the attempt under way. */
  used = 0;
  /** Times the engine died under this very job. */
  losses = 0;
  /** Which life of the engine the run was opened in. */
  life = 0;
  /** Why the work stops before its end, if it does. */
  leaving: 'cancelled' | 'lost' | 'given back' | undefined;

  constructor(claim: Claim) {
    this.claim = claim;
  }
}
