/** Jobs that a worker has left to others since its device lacks the memory for them. */

/** How often a job is left to others. */
const TIMES = 3;
/** Seconds in which another worker can take it, before this one looks at its user's jobs again. */
const PAUSE = 5;

export class PassedOn {
  readonly #clock: () => number;
  /** By job. */
  readonly #passed = new Map<string, { readonly user: string; times: number; until: number }>();

  /** @param clock seconds of a clock that never jumps */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Users whose jobs are left to others now. */
  users(): string[] {
    const now = this.#clock();
    return [...this.#passed.values()].filter(({ until }) => until > now).map(({ user }) => user);
  }

  /** Notes that a job is passed on, unless that happened too often. */
  mayPass(job: string, user: string): boolean {
    const times = (this.#passed.get(job)?.times ?? 0) + 1;
    if (times > TIMES) {
      this.#passed.delete(job);
      return false;
    }
    this.#passed.set(job, { user, times, until: this.#clock() + PAUSE });
    if (this.#passed.size > MOST) this.#passed.delete(this.#passed.keys().next().value!);
    return true;
  }
}

/** Jobs that are remembered. */
const MOST = 1000;
