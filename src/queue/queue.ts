/**
 * The queue's door: submit, cancel, watch, and the worker that may stand behind it in this process or in others.
 * The order is the database's (002-fair-share.ts), the steps of a job are line.ts's, its states board.ts's.
 */
import { DarkroomError } from '../errors.ts';
import type { JobEvent } from '../job.ts';
import type { JobRecord } from '../store/jobs.ts';
import type { Database } from '../store/sql.ts';
import { admit, CapReached, describeCap, WAITING_PER_USER } from './admission.ts';
import { Board } from './board.ts';
import { Costs } from './costs.ts';
import { Forecast, type Place } from './forecast.ts';
import { type Flow, Line } from './line.ts';
import { readWorkers } from './presence.ts';
import { Tickets } from './tickets.ts';

export interface QueueOptions {
  readonly database: Database;
  /** The server's address, where the database is one. */
  readonly url?: string | undefined;
  /** Jobs that one user may have waiting, where no admin has said otherwise. */
  readonly waitingPerUser?: number;
  /** Hears of errors that are nobody's fault here: the database is away. */
  readonly onError: (error: unknown) => void;
}

export class Queue {
  readonly line: Line;
  readonly board: Board;
  readonly costs: Costs;
  readonly #tickets: Tickets;
  readonly #forecast: Forecast;
  readonly #waitingPerUser: number;
  readonly #database: Database;

  private constructor(
    parts: {
      readonly line: Line;
      readonly board: Board;
      readonly costs: Costs;
      readonly tickets: Tickets;
      readonly forecast: Forecast;
      readonly database: Database;
    },
    waitingPerUser: number,
  ) {
    this.line = parts.line;
    this.board = parts.board;
    this.costs = parts.costs;
    this.#tickets = parts.tickets;
    this.#forecast = parts.forecast;
    this.#database = parts.database;
    this.#waitingPerUser = waitingPerUser;
  }

  static async open({ database, url, waitingPerUser, onError }: QueueOptions): Promise<Queue> {
    const tickets = await Tickets.open(database, { url, onError });
    const forecast = new Forecast(database);
    const board = await Board.open(database, forecast, onError);
    const costs = new Costs(database, onError);
    await costs.refresh();
    const line = new Line(database, tickets);
    return new Queue({ line, board, costs, tickets, forecast, database }, waitingPerUser ?? WAITING_PER_USER);
  }

  /**
   * Stored, in line and promised to end when it resolves.
   * @throws DarkroomError('too_many') where a cap is reached; nothing is kept then
   */
  async submit(record: JobRecord): Promise<void> {
    await this.costs.refresh();
    const { share, user: owner, channel: place, ...job } = record;
    const cost = this.costs.jobSeconds(record.request);
    await this.#demandWorker(record.request.model);
    const flow = flowOf(record);
    const applicant = { ...flow, share, cost };
    try {
      await this.line.submit(
        { ...job, owner, place, ...flow, cost, memory: 0, ...(share && { share }) },
        (tx) => admit(tx, applicant, this.#waitingPerUser),
      );
    } catch (error) {
      if (!(error instanceof CapReached)) throw error;
      throw describeCap(error, await this.#forecast.nextOf(flow.member));
    }
  }

  /** Where workers are there and none of them can run a model, its jobs would wait for ever. */
  async #demandWorker(model: string): Promise<void> {
    const workers = await readWorkers(this.#database);
    if (workers.length === 0 || workers.some(({ models }) => models.includes(model))) return;
    const models = [...new Set(workers.flatMap((worker) => worker.models))].sort();
    throw new DarkroomError(
      'not_found',
      `No machine that is running now can draw with the model ${model}. Choose another: ${models.join(', ')}.`,
    );
  }

  /** @returns whether there was such a job to cancel; a seated one leaves between two denoiser calls */
  cancel(id: string): Promise<boolean> {
    return this.line.cancel(id);
  }

  /** From the job's present state on to its last one. */
  watch(id: string): AsyncIterable<JobEvent> {
    return this.board.watch(id);
  }

  /** Waiting jobs by id, as they would come, were all estimates right. */
  places(): Promise<ReadonlyMap<string, Place>> {
    return this.#forecast.places();
  }

  async close(): Promise<void> {
    await this.board.close();
    await this.#tickets.close();
  }
}

/** Without a server a user stands alone beside the servers. */
function flowOf({ user, share }: JobRecord): Flow {
  return { server: share?.tenant ?? `@${user.id}`, member: user.id, memberWeight: share?.weight ?? 1 };
}
