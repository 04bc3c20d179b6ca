/** One message a job: its events become edits of one card, at a pace that a chat can bear. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../adapters/adapter.ts';
import type { JobEvent } from '../src/job.ts';

/** Least milliseconds between two edits, and between two edits that carry a preview. */
type Pace = NonNullable<Reply['pace']>;
export const PACE: Pace = { edit: 250, preview: 500 };

export type LiveEvent = Extract<JobEvent, { state: 'queued' | 'running' }>;
type End = Exclude<JobEvent, LiveEvent>;

/**
 * Shows a job's events. The newest wins: what came while the last edit was under way or too recent is passed
 * over, a preview stays until it is shown or a newer one comes. The end is never delayed.
 * @param show edits the card; one call at a time. Its errors are not the job's: onError is called with them
 * @returns the job's end
 */
export async function followJob(
  events: AsyncIterable<JobEvent>,
  show: (event: LiveEvent) => Promise<void>,
  onError: (error: unknown) => void,
  pace: Pace = PACE,
): Promise<End> {
  let pending: LiveEvent | undefined;
  let end: End | undefined;
  let lastPreview = Number.NEGATIVE_INFINITY;
  let wake = Promise.withResolvers<void>();
  const stopped = new AbortController();

  const edits = (async () => {
    while (!stopped.signal.aborted) {
      await wake.promise;
      wake = Promise.withResolvers();
      if (pending === undefined || stopped.signal.aborted) continue;
      const { event, held } = withholdPreview(pending, performance.now() - lastPreview < pace.preview);
      pending = undefined;
      if ('preview' in event) lastPreview = performance.now();
      await show(event).catch(onError);
      await sleep(pace.edit, undefined, { signal: stopped.signal }).catch(() => undefined);
      // A preview that was held back goes with the next event; none that came meanwhile is newer.
      if (held !== undefined && pending !== undefined) pending = withPreview(pending, held);
    }
  })();

  try {
    for await (const event of events) {
      if (event.state !== 'queued' && event.state !== 'running') {
        end = event;
        break;
      }
      pending = withPreview(event, pending);
      wake.resolve();
    }
  } finally {
    stopped.abort();
    wake.resolve();
    await edits;
  }
  if (end === undefined) throw new Error('the events of a job ended before the job did');
  return end;
}

function withPreview(event: LiveEvent, older: LiveEvent | undefined): LiveEvent {
  const isRunning = event.state === 'running' && older?.state === 'running';
  if (!isRunning || event.preview !== undefined || older.preview === undefined) return event;
  return { ...event, preview: older.preview };
}

function withholdPreview(event: LiveEvent, tooSoon: boolean): { event: LiveEvent; held?: LiveEvent } {
  if (!tooSoon || event.state === 'queued' || event.preview === undefined) return { event };
  const { preview: _held, ...rest } = event;
  return { event: rest, held: event };
}
