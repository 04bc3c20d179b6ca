/** What the processes on one database tell each other of web messages: ids alone, never what a message says. */
import { randomUUID } from 'node:crypto';
import type { Database } from './sql.ts';

const CHANNEL = 'darkroom_web';

export type MessageNotice =
  /** A new message. */
  | { readonly kind: 'posted'; readonly id: string }
  /** A newer state that the row has. */
  | { readonly kind: 'edited'; readonly id: string }
  /** Newer numbers of a job that waits or runs. */
  | { readonly kind: 'moved'; readonly id: string }
  /** Its row is gone, so that who might see it must be said: all where absent. */
  | { readonly kind: 'removed'; readonly id: string; readonly reader?: string };

/** A running job's numbers and preview, as its worker last told them. */
export interface RunningNumbers {
  readonly step: number;
  readonly steps: number;
  readonly etaSeconds: number;
  readonly preview?: Uint8Array;
}

export interface MessageNotices {
  tell(notice: MessageNotice): Promise<void>;
  /**
   * Hears what other processes tell, never its own.
   * @param onGap called when notices may have been missed
   * @returns ends the hearing
   */
  hear(onNotice: (notice: MessageNotice) => void, onGap: () => void): Promise<() => Promise<void>>;
  running(job: string): Promise<RunningNumbers | undefined>;
}

export function createNotices(database: Database): MessageNotices {
  const origin = randomUUID();
  return {
    async tell(notice) {
      await database.query('select pg_notify($1, $2)', [CHANNEL, JSON.stringify({ origin, ...notice })]);
    },
    hear: (onNotice, onGap) =>
      database.listen(
        CHANNEL,
        (payload) => {
          const { origin: teller, ...notice } = JSON.parse(payload) as MessageNotice & { origin: string };
          if (teller !== origin) onNotice(notice as MessageNotice);
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
