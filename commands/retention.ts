/** How long jobs and pictures are kept: until somebody deletes them, or as long as their tenant says. */
import type { JobRecord } from '../src/store/jobs.ts';
import type { Ports } from './ports.ts';

/** Milliseconds between two searches for what has expired. */
const SEARCH = 60 * 60 * 1000;
const DAY = 24 * 60 * 60 * 1000;
/** Jobs that are removed between two queries for more. */
const BATCH = 200;

/** Removes a job, its pictures and the uploads that it owns, of a sweep also the jobs of its pictures; a queued or running one is cancelled first. */
export async function removeJob(
  { id, frame }: JobRecord,
  { queue, jobs }: Pick<Ports, 'queue' | 'jobs'>,
): Promise<void> {
  await queue.cancel(id);
  for (const cell of frame?.sweep?.cells ?? []) await jobs.remove(cell);
  await jobs.remove(id);
}

type RetentionPorts = Pick<Ports, 'queue' | 'jobs' | 'settings' | 'usage' | 'clock' | 'unpost' | 'onError'>;

/** Days for which sums of use are kept where no admin has set another number, and those of all tenants together. */
const USAGE_DAYS = 400;

/**
 * Removes sweeps that nobody has started for a day, and the jobs that are older than picture_retention_days of their tenant, with their messages; then sums of use that
 * are older than usage_retention_days, and what is left of removed jobs from before that.
 */
export async function expire(ports: RetentionPorts): Promise<void> {
  const { settings, jobs, clock, unpost, onError } = ports;
  const now = await clock.now();
  // A clock that has jumped must not delete what is not old.
  if (now === undefined) return;
  for (const record of await jobs.plannedBefore(now - DAY)) await removeJob(record, ports);
  for (const tenant of await settings.tenantsWith('picture_retention_days')) {
    const rules = await settings.rules(tenant);
    const days = rules.find(({ key }) => key === 'picture_retention_days')?.value;
    if (typeof days !== 'number') continue;
    for (;;) {
      const records = await jobs.endedBefore(tenant, now - days * DAY, BATCH);
      for (const record of records) {
        // The pictures go even where their message cannot be deleted.
        await unpost(record).catch((error: unknown) => onError?.(error));
        await removeJob(record, ports);
      }
      if (records.length < BATCH) break;
    }
  }
  await expireUsage(ports, now);
}

async function expireUsage({ settings, usage }: RetentionPorts, now: number): Promise<void> {
  await usage.expire(undefined, now - USAGE_DAYS * DAY);
  const own = new Set(await settings.tenantsWith('usage_retention_days'));
  for (const tenant of await usage.listTenants()) {
    const rules = own.has(tenant) ? await settings.rules(tenant) : [];
    const days = rules.find(({ key }) => key === 'usage_retention_days')?.value;
    await usage.expire(tenant, now - (typeof days === 'number' ? days : USAGE_DAYS) * DAY);
  }
}

/** Removes expired jobs now and every hour. @returns what stops it */
export async function startRetention(ports: RetentionPorts): Promise<() => void> {
  await expire(ports);
  let isStopped = false;
  const search = setInterval(() => {
    expire(ports).catch((error: unknown) => {
      // At a stop the database is closed under it.
      if (!isStopped) ports.onError?.(error);
    });
  }, SEARCH);
  search.unref();
  return () => {
    isStopped = true;
    clearInterval(search);
  };
}
