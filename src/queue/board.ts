/**
 * How jobs stand, told and watched over processes: workers write the newest state of a job and give notice; those
 * who watch hear it, and look by themselves now and then, since notices can be lost.
 */
import type { JobEvent, JobState } from '../job.ts';
import { type Database, json } from '../store/sql.ts';
import type { Forecast } from './forecast.ts';
import { CHANNEL } from './line.ts';

export type RunningEvent = Extract<JobEvent, { state: 'running' }>;

/** Milliseconds between two states of one job that are written. */
const PACE = 200;
/** Milliseconds after which a watcher looks without a notice. */
const POLL = 2000;
/** Milliseconds in which notices about the line are taken together. */
const GATHER = 100;

type Notice = 'work' | 'job' | 'cancel';

interface Telling {
  event: RunningEvent | undefined;
  isBusy: boolean;
}

interface Standing {
  readonly state: JobState;
  readonly error: Extract<JobEvent, { state: 'failed' }>['error'] | null;
  readonly event: Omit<RunningEvent, 'preview'> | null;
  readonly preview: Uint8Array | null;
  readonly number: number | null;
}

export class Board {
  readonly #database: Database;
  readonly #forecast: Forecast;
  readonly #onError: (error: unknown) => void;
  readonly #ears = new Set<(notice: Notice, job: string) => void>();
  readonly #telling = new Map<string, Telling>();
  #numbers = 0;
  #deaf: (() => Promise<void>) | undefined;
  #isClosed = false;

  private constructor(database: Database, forecast: Forecast, onError: (error: unknown) => void) {
    this.#database = database;
    this.#forecast = forecast;
    this.#onError = onError;
  }

  static async open(
    database: Database,
    forecast: Forecast,
    onError: (error: unknown) => void,
  ): Promise<Board> {
    const board = new Board(database, forecast, onError);
    board.#deaf = await database.listen(
      CHANNEL,
      (payload) => {
        const [notice, job = ''] = split(payload);
        board.#hear(notice as Notice, job);
      },
      // What was missed may be anything.
      () => board.#hear('work', ''),
    );
    return board;
  }

  /** @param ear called for each notice; the job's id is empty for `work` @returns ends it */
  on(ear: (notice: Notice, job: string) => void): () => void {
    this.#ears.add(ear);
    return () => this.#ears.delete(ear);
  }

  /** Tells a running job's newest state. What comes too fast is taken together; the newest preview is kept. */
  tell(job: string, event: RunningEvent): void {
    const telling = this.#telling.get(job) ?? { event: undefined, isBusy: false };
    this.#telling.set(job, telling);
    const preview = event.preview ?? telling.event?.preview;
    telling.event = preview === undefined ? event : { ...event, preview };
    if (!telling.isBusy) void this.#write(job, telling);
  }

  /** A job has left this worker: what is still untold of it stays so. */
  forget(job: string): void {
    const telling = this.#telling.get(job);
    if (telling !== undefined) telling.event = undefined;
    this.#telling.delete(job);
  }

  async #write(job: string, telling: Telling): Promise<void> {
    telling.isBusy = true;
    while (telling.event !== undefined && !this.#isClosed) {
      const { preview, ...event } = telling.event;
      telling.event = undefined;
      this.#numbers += 1;
      // Only while it runs: a late word must not stand beside its end.
      await this.#database
        .query(
          `with told as (
             insert into darkroom.job_event (job, number, event, preview)
               select id, $2, $3, $4 from darkroom.job where id = $1 and state = 'running'
             on conflict (job) do update set number = excluded.number, event = excluded.event,
               preview = coalesce(excluded.preview, job_event.preview) returning job)
           select pg_notify('${CHANNEL}', 'job:' || job) from told`,
          [job, this.#numbers, json(event), preview ?? null],
        )
        .catch(this.#onError);
      await new Promise((resolve) => setTimeout(resolve, PACE));
    }
    telling.isBusy = false;
  }

  /** The state as it stands, then each change, to the final one. A reader that lags skips to the newest. */
  async *watch(id: string): AsyncGenerator<JobEvent, void, undefined> {
    let wake = Promise.withResolvers<void>();
    let isQueued = false;
    const stop = this.on((notice, job) => {
      if (job === id || notice === 'work' || isQueued) wake.resolve();
    });
    let last = '';
    try {
      while (!this.#isClosed) {
        const { event, mark } = await this.#look(id).catch((error: unknown) => {
          // The database may be away: its word is waited for.
          this.#onError(error);
          return NOTHING;
        });
        isQueued = event?.state === 'queued';
        if (event !== undefined && mark !== last) {
          last = mark;
          yield event;
          if (isFinal(event.state)) return;
        }
        await Promise.race([wake.promise, sleep(POLL)]);
        if (isQueued) await sleep(GATHER);
        wake = Promise.withResolvers();
      }
    } finally {
      stop();
    }
  }

  /** @returns the event, and a mark that tells one state from the next without its preview */
  async #look(id: string): Promise<{ event: JobEvent | undefined; mark: string }> {
    const [row] = await this.#database.query<Standing & Record<string, unknown>>(
      `select j.state, j.error, e.event, e.preview, e.number from darkroom.job j
         left join darkroom.job_event e on e.job = j.id where j.id = $1`,
      [id],
    );
    if (row === undefined) return NOTHING;
    const { state, error, event, preview, number } = row;
    switch (state) {
      case 'queued': {
        const { position, etaSeconds } = await this.#forecast.placeOf(id);
        return {
          event: { state, position, etaSeconds },
          mark: `queued ${position} ${Math.round(etaSeconds)}`,
        };
      }
      case 'running': {
        const running = event ?? { state, step: 0, steps: 0, etaSeconds: 0 };
        const whole = preview === null ? running : { ...running, preview };
        return { event: whole, mark: `running ${number}` };
      }
      case 'failed':
        return {
          event: { state, error: error ?? { code: 'internal', message: 'It failed.' } },
          mark: state,
        };
      default:
        return { event: { state }, mark: state };
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#hear('work', '');
    await this.#deaf?.();
  }

  #hear(notice: Notice, job: string): void {
    if (notice !== 'cancel') this.#forecast.expire();
    for (const ear of this.#ears) ear(notice, job);
  }
}

const NOTHING = { event: undefined, mark: '' };

function split(payload: string): [string, string?] {
  const at = payload.indexOf(':');
  return at < 0 ? [payload] : [payload.slice(0, at), payload.slice(at + 1)];
}

const isFinal = (state: JobState) => state === 'done' || state === 'failed' || state === 'cancelled';
const sleep = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds).unref());
