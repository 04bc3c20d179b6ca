/** How far a job has come, in words: its place in the queue, its step, the time that is left. */
import type { Loading } from '../src/job.ts';
import { shortName } from '../src/request.ts';
import type { Say } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import type { LiveEvent } from './job-card.ts';

type RunningEvent = Extract<LiveEvent, { state: 'running' }>;

/** @param position in the queue, from 1 */
export function queuedText(
  { position, etaSeconds }: { position: number; etaSeconds: number },
  say: Say,
): string {
  const time = timeText(etaSeconds, say);
  return position <= 1 ? say('job.next', { time }) : say('job.in_line', { position, time });
}

/** Before the first step there is no step to name, and after the last one the picture is decoded. */
export function runningText(
  { step, steps, etaSeconds, loading }: RunningEvent,
  { request: { model }, frame }: Pick<JobRecord, 'request' | 'frame'>,
  say: Say,
): string {
  if (loading !== undefined) return loadingText(model, loading, say);
  const time = timeText(etaSeconds, say);
  // The steps of a sweep are its pictures.
  if (frame?.sweep !== undefined) return say('sweep.progress', { step, steps, time });
  if (step === 0) return say('job.starting', { time });
  return step >= steps ? say('job.finishing') : say('job.step', { step, steps, time });
}

/** How many gigabytes of a large model are open. */
function loadingText(model: string, { opened, total }: Loading, say: Say): string {
  // A digit behind the point where whole gigabytes would hardly move.
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(total < 4e9 ? 1 : 0);
  return say('job.loading', { model: shortName(model), opened: gigabytes(opened), total: gigabytes(total) });
}

/** The time that is left, in words, rounded so that it does not flicker. */
export function timeText(seconds: number, say: Say): string {
  if (seconds < 9.95) return say('job.seconds', { seconds: Math.max(1, Math.round(seconds)) });
  if (seconds < 90) return say('job.seconds', { seconds: Math.round(seconds / 5) * 5 });
  return say('job.minutes', { minutes: Math.round(seconds / 60) });
}
