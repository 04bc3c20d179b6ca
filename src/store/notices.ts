/** What the processes on one database announce about web messages: only ids, never what a message says. */
import { randomUUID } from 'node:crypto';
import type { Loading } from '../job.ts';
import type { Database } from './sql.ts';

const CHANNEL = 'darkroom_web';

export type MessageNotice =
  /** A new message. */
  | { readonly kind: 'posted'; readonly id: string }
  /** A newer state that the row has. */
  | { readonly kind: 'edited'; readonly id: string }
  /** Newer numbers of a job that waits or runs. */
  | { readonly kind: 'moved'; readonly id: string }
  /** Its row is gone, so the notice says who could see it: everybody where absent. */
  | { readonly kind: 'removed'; readonly id: string; readonly reader?: string };

/** A running job's numbers and preview, as its worker last reported them. */
export interface RunningNumbers {
  readonly step: number;
  readonly steps: number;
  readonly etaSeconds: number;
  readonly loading?: Loading;
  readonly preview?: Uint8Array;
}

export interface MessageNotices {
  publish(notice: MessageNotice): Promise<void>;
  /**
   * Receives the notices of other processes, never its own.
   * @param onGap called when notices may have been missed
   * @returns ends the subscription
   */
  subscribe(onNotice: (notice: MessageNotice) => void, onGap: () => void): Promise<() => Promise<void>>;
  running(job: string): Promise<RunningNumbers | undefined>;
}

export function createNotices(database: Database): MessageNotices {
  const origin = randomUUID();
  return {
    async publish(notice) {
      await database.query('select pg_notify($1, $2)', [CHANNEL, JSON.stringify({ origin, ...notice })]);
    },
    subscribe: (onNotice, onGap) =>
      database.listen(
        CHANNEL,
        (payload) => {
          const { origin: sender, ...notice } = JSON.parse(payload) as MessageNotice & { origin: string };
          if (sender !== origin) onNotice(notice as MessageNotice);
        },
        onGap,
      ),
    async running(job) {
      const [row] = await database.query<{ event: RunningNumbers; preview: Uint8Array | null }>(
        'select event, preview from darkroom.job_event where job = $1',
        [job],
      );
      if (row === undefined) return undefined;
      return row.preview === null ? row.event : { ...row.event, preview: row.preview };
    },
  };
}
