/**
 * Sweeps: many pictures that were asked for together. Each picture is a job like any other, charged and dispatched by
 * itself, so that nobody waits behind a whole sweep. The sweep is a job of its own that never has a ticket: it is kept
 * while somebody is asked whether to start it, runs while its pictures do, and ends with one picture of them all.
 */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { SweepFrame } from '../store/jobs.ts';
import { type Database, json, type Sql } from '../store/sql.ts';
import type { JobEnd } from './dispatcher.ts';
import { insertJob, lineUp, type NewJob } from './new-job.ts';
import { notify } from './notices.ts';
import type { Tickets } from './tickets.ts';

export type SweepEnd = JobEnd | { readonly state: 'cancelled' };

export class Sweeps {
  readonly #database: Database;
  readonly #tickets: Tickets;

  constructor(database: Database, tickets: Tickets) {
    this.#database = database;
    this.#tickets = tickets;
  }

  /** Keeps a sweep that is not started yet: it counts nowhere. */
  plan(sweep: NewJob): Promise<void> {
    return insertJob(this.#database, { ...sweep, cost: 0 }, 'cancelled');
  }

  /**
   * Starts a sweep once: all of its pictures wait from here on, in their order, or none does.
   * @param sweep with its frame as it is from now on
   * @param admit throws where a cap is reached
   * @throws DarkroomError('bad_request') where it was started or dropped already
   */
  async start(
    { id, frame, request }: Pick<NewJob, 'id' | 'frame' | 'request'>,
    cells: readonly NewJob[],
    admit: (tx: Sql) => Promise<void>,
  ): Promise<void> {
    await this.#database.transaction(async (tx) => {
      for (const _ of cells) await this.#tickets.issue(tx);
      for (const cell of cells) await lineUp(tx, cell);
      await admit(tx);
      const started = await tx.query(
        `update darkroom.job set state = 'running', frame = $2, request = $3, at = clock_timestamp()
         where id = $1 and state = 'cancelled' and frame->'sweep' ? 'planned' and not is_removed returning id`,
        [id, json(frame), json(request)],
      );
      if (started.length === 0) throw new DarkroomError('bad_request', sentence('sweep.is_started'));
      for (const cell of cells) await insertJob(tx, cell, 'queued');
      await notify(tx, 'work');
    });
  }

  /**
   * Ends a sweep whose pictures have ended, once.
   * @returns false where another process has ended it: a picture that was stored for this end is to be removed
   */
  finish(id: string, sweep: SweepFrame, end: JobEnd | { readonly state: 'cancelled' }): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const ended = await tx.query(
        `update darkroom.job set state = $2, pictures = $3, notes = notes || $4::jsonb, error = $5,
           frame = frame || $6::jsonb,
           ended_at = clock_timestamp(),
           seconds = case when clock_timestamp() >= at then extract(epoch from clock_timestamp() - at) end
         where id = $1 and state = 'running' and frame ? 'sweep' returning id`,
        [
          ...[id, end.state, json(end.state === 'done' ? end.pictures : [])],
          ...[json(end.state === 'done' ? end.notes : []), end.state === 'failed' ? json(end.error) : null],
          json({ sweep }),
        ],
      );
      if (ended.length === 0) return false;
      await tx.query(
        'insert into darkroom.outbox (job, platform) select id, platform from darkroom.job where id = $1 on conflict do nothing',
        [id],
      );
      await notify(tx, `job:${id}`);
      return true;
    });
  }

  /**
   * Another end of a sweep that has ended: a reviewer has decided about one of its pictures. Its message shows it again.
   * @param before the pictures that it had
   * @returns false where it is gone, or another process has changed it: a picture that was stored for this end is to be removed
   */
  change(
    id: string,
    before: readonly string[],
    sweep: SweepFrame,
    end: Exclude<SweepEnd, { readonly state: 'cancelled' }>,
  ): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const changed = await tx.query(
        `update darkroom.job set state = $2, pictures = $3, error = $4, frame = frame || $5::jsonb
         where id = $1 and state in ('done', 'failed') and frame ? 'sweep' and not is_removed
           and (select coalesce(jsonb_agg(one->'id' order by place), '[]') from jsonb_array_elements(pictures)
             with ordinality as listed(one, place)) = $6::jsonb
         returning id`,
        [
          ...[id, end.state, json(end.state === 'done' ? end.pictures : [])],
          end.state === 'failed' ? json(end.error) : null,
          // Its message is opened once more, as that of any picture that was decided about.
          json({ sweep, review: end.state === 'done' ? 'approved' : 'rejected' }),
          json(before),
        ],
      );
      if (changed.length === 0) return false;
      await tx.query('update darkroom.picture set is_condemned = true where id = any($1)', [[...before]]);
      await tx.query(
        `insert into darkroom.outbox (job, platform) select id, platform from darkroom.job where id = $1
         on conflict (job) do update set taken_until = null`,
        [id],
      );
      return true;
    });
  }
}
