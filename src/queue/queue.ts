/**
 * The queue's door: submit, cancel, watch, and the worker that may stand behind it in this process or in others.
 * The order is decided by src/store/schema/fair-share.ts.
 */
import { DarkroomError } from '../errors.ts';
import type { JobEvent } from '../job.ts';
import { sentence } from '../sentences.ts';
import type { JobRecord, SweepFrame } from '../store/jobs.ts';
import type { Database } from '../store/sql.ts';
import { type Applicant, admit, CapReached, describeCap, WAITING_PER_USER } from './admission.ts';
import { Costs } from './costs.ts';
import { Dispatcher } from './dispatcher.ts';
import { Forecast } from './forecast.ts';
import { JobEvents } from './job-events.ts';
import { JobWatch } from './job-watch.ts';
import type { Flow, NewJob } from './new-job.ts';
import type { Place } from './simulation.ts';
import { type SweepEnd, Sweeps } from './sweeps.ts';
import { Tickets } from './tickets.ts';
import { readWorkers } from './worker-registry.ts';

interface QueueOptions {
  readonly database: Database;
  /** DATABASE_URL, where the database is a server. */
  readonly url?: string | undefined;
  /** Jobs that one user may have waiting, where no admin has set another limit. */
  readonly waitingPerUser?: number;
  /** Called with errors that no caller gets: the database cannot be reached. */
  readonly onError: (error: unknown) => void;
}

interface QueueParts {
  readonly dispatcher: Dispatcher;
  readonly events: JobEvents;
  readonly costs: Costs;
  readonly tickets: Tickets;
  readonly forecast: Forecast;
  readonly watch: JobWatch;
  readonly sweeps: Sweeps;
  readonly database: Database;
}

/** What of a job decides whether it is accepted. */
type Submission = Pick<JobRecord, 'user' | 'share' | 'request'>;

export class Queue {
  readonly dispatcher: Dispatcher;
  readonly events: JobEvents;
  readonly costs: Costs;
  readonly #parts: QueueParts;
  readonly #waitingPerUser: number;

  private constructor(parts: QueueParts, waitingPerUser: number) {
    this.dispatcher = parts.dispatcher;
    this.events = parts.events;
    this.costs = parts.costs;
    this.#parts = parts;
    this.#waitingPerUser = waitingPerUser;
  }

  static async open({ database, url, waitingPerUser, onError }: QueueOptions): Promise<Queue> {
    const tickets = await Tickets.open(database, { url, onError });
    const forecast = new Forecast(database);
    const events = await JobEvents.open(database, onError);
    const watch = new JobWatch(database, forecast, events, onError);
    const costs = new Costs(database, onError);
    await costs.refresh();
    const dispatcher = new Dispatcher(database, tickets);
    const sweeps = new Sweeps(database, tickets);
    const parts = { dispatcher, events, costs, tickets, forecast, watch, sweeps, database };
    return new Queue(parts, waitingPerUser ?? WAITING_PER_USER);
  }

  /**
   * Whether a job like this would be accepted now: to be asked before its uploads are fetched and stored.
   * @throws DarkroomError as submit()
   */
  async requireRoom(submission: Submission): Promise<void> {
    await this.costs.refresh();
    await this.#requireWorker(submission.request.model);
    await this.#orDescribed(submission, () =>
      admit(this.#parts.database, this.#applicantOf(submission), this.#waitingPerUser),
    );
  }

  /**
   * Accepts a job: it is stored, and will end, when this resolves.
   * @throws DarkroomError('too_many') where a cap is reached, ('not_found') where no worker has its model; nothing is
   *   stored then
   */
  async submit(record: JobRecord): Promise<void> {
    await this.costs.refresh();
    await this.#requireWorker(record.request.model);
    const applicant = this.#applicantOf(record);
    await this.#orDescribed(record, () =>
      this.dispatcher.submit(this.#newJob(record), (tx) => admit(tx, applicant, this.#waitingPerUser)),
    );
  }

  /** Sweeps: many pictures that are accepted together. */
  readonly sweeps = {
    /**
     * Whether the pictures of a sweep would be accepted now, all of them.
     * @returns GPU-seconds that they are expected to take
     * @throws DarkroomError as submit()
     */
    requireRoom: async (cells: readonly Submission[]): Promise<number> => {
      await this.costs.refresh();
      for (const model of new Set(cells.map(({ request }) => request.model)))
        await this.#requireWorker(model);
      const applicant = this.#applicantOfAll(cells);
      await this.#orDescribed(
        cells[0]!,
        () => admit(this.#parts.database, applicant, this.#waitingPerUser),
        true,
      );
      return applicant.cost;
    },

    /** Keeps a sweep until whoever asked starts it. */
    plan: (sweep: JobRecord): Promise<void> => this.#parts.sweeps.plan(this.#newJob(sweep)),

    /**
     * Accepts the pictures of a sweep, in the order in which they are to be drawn, and the sweep with them.
     * @throws DarkroomError as submit(), and ('bad_request') where it was started or dropped already
     */
    start: async (sweep: JobRecord, cells: readonly JobRecord[]): Promise<void> => {
      await this.sweeps.requireRoom(cells);
      const applicant = this.#applicantOfAll(cells);
      const jobs = cells.map((cell) => this.#newJob(cell));
      const accept = () =>
        this.#parts.sweeps.start(sweep, jobs, (tx) => admit(tx, applicant, this.#waitingPerUser));
      await this.#orDescribed(sweep, accept, true);
    },

    /** Ends a sweep whose pictures have ended. @returns false where it has ended already */
    finish: (id: string, sweep: SweepFrame, end: SweepEnd): Promise<boolean> =>
      this.#parts.sweeps.finish(id, sweep, end),

    /** Changes the end of a sweep where a reviewer has decided about one of its pictures. @returns as src/queue/sweeps.ts */
    change: (
      id: string,
      before: readonly string[],
      sweep: SweepFrame,
      end: Exclude<SweepEnd, { readonly state: 'cancelled' }>,
    ): Promise<boolean> => this.#parts.sweeps.change(id, before, sweep, end),
  };

  /** @returns whether there was such a job to cancel; one that runs stops between two denoiser calls */
  cancel(id: string): Promise<boolean> {
    return this.dispatcher.cancel(id);
  }

  /** The job's present state, then each change, to the final one. */
  watch(id: string): AsyncIterable<JobEvent> {
    return this.#parts.watch.watch(id);
  }

  /** Waiting jobs by id, in the order in which they would start if all estimates were right. */
  places(): Promise<ReadonlyMap<string, Place>> {
    return this.#parts.forecast.places();
  }

  async close(): Promise<void> {
    await this.#parts.watch.close();
    await this.events.close();
    await this.#parts.tickets.close();
  }

  #applicantOf(submission: Submission): Applicant {
    const { tenant, user } = flowOf(submission);
    const { share, request } = submission;
    const cost = this.costs.jobSeconds(request);
    return { tenant, user: share?.group ?? user.id, share, cost, pictures: request.numImages };
  }

  /** The pictures of a sweep are one user's. */
  #applicantOfAll(cells: readonly Submission[]): Applicant {
    const all = cells.map((cell) => this.#applicantOf(cell));
    const sum = (of: (one: Applicant) => number) => all.reduce((total, one) => total + of(one), 0);
    return { ...all[0]!, cost: sum(({ cost }) => cost), pictures: sum(({ pictures }) => pictures) };
  }

  #newJob({ share, ...job }: JobRecord): NewJob {
    const flow = flowOf({ ...job, ...(share && { share }) });
    return { ...job, ...flow, cost: this.costs.jobSeconds(job.request), ...(share && { share }) };
  }

  async #orDescribed(submission: Submission, work: () => Promise<void>, isSweep = false): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CapReached)) throw error;
      const next = await this.#parts.forecast.nextOf(this.#applicantOf(submission).user);
      throw describeCap(error, next, { isGroup: submission.share?.group !== undefined, isSweep });
    }
  }

  /** Where workers run and none of them has a model, its jobs would wait for ever. */
  async #requireWorker(model: string): Promise<void> {
    const workers = await readWorkers(this.#parts.database);
    if (workers.length === 0 || workers.some(({ models }) => models.includes(model))) return;
    const models = [...new Set(workers.flatMap((worker) => worker.models))].sort();
    throw new DarkroomError('not_found', sentence('queue.no_machine', { model, models }));
  }
}

/** Without a tenant a user is a tenant of their own. */
function flowOf({ user, share }: Pick<JobRecord, 'user' | 'share'>): Flow {
  return { tenant: share?.tenant ?? `@${user.id}`, user, userWeight: share?.weight ?? 1 };
}
