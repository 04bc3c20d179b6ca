/** What was used in the last days, for one tenant or for all: sums by day, person, model and tenant, waits, refusals. */
import type { UsageReason, UsageStore, UsageSum } from '../store/usage.ts';
import { WaitCounts } from './waits.ts';
import { createDays } from './zone.ts';

export type { UsageReason, UsageStore, UsageSum } from '../store/usage.ts';

export const RANGES = [7, 30, 90, 365] as const;
export type Range = (typeof RANGES)[number];

interface UsageQuestion {
  /** Undefined for all tenants together. */
  readonly tenant: string | undefined;
  readonly days: Range;
  /** Of whoever reads it, by its IANA name. */
  readonly zone: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

interface UsageCounts {
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly pictures: number;
  readonly gpuSeconds: number;
  /** Seconds from acceptance to start, exact to WAIT_PRECISION; absent where no job has started. */
  readonly median?: number;
  readonly p95?: number;
}

interface UsageDay extends UsageCounts {
  /** `2026-11-27`, in the reader's zone. */
  readonly day: string;
}

export interface UsageReport extends UsageQuestion {
  /** Milliseconds since 1970: a midnight of UTC, so that all sums are of the same hours. */
  readonly since: number;
  readonly total: UsageCounts;
  /** Every day, oldest first; the first and the last one may not be whole. */
  readonly byDay: readonly UsageDay[];
  /** Most GPU-seconds first, as many as MOST_ROWS. */
  readonly byPerson: readonly UsageSum[];
  readonly byModel: readonly UsageSum[];
  /** Only where the report is of all tenants. */
  readonly byTenant?: readonly UsageSum[];
  readonly refused: readonly UsageReason[];
  readonly failed: readonly UsageReason[];
}

/** Rows of a list. */
const MOST_ROWS = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** @throws DarkroomError('bad_request') for a zone that does not exist */
export async function readUsage(store: UsageStore, question: UsageQuestion): Promise<UsageReport> {
  const { tenant, days, zone, now } = question;
  const dayOf = createDays(zone);
  const since = Math.floor(now / DAY) * DAY - (days - 1) * DAY;
  const [hours, byPerson, byModel, byTenant, reasons] = await Promise.all([
    store.hours(tenant, since),
    store.people(tenant, since, MOST_ROWS),
    store.models(tenant, since, MOST_ROWS),
    tenant === undefined ? store.tenants(since, MOST_ROWS) : undefined,
    store.reasons(tenant, since),
  ]);
  const total = new Sum();
  const byDay = new Map<string, Sum>();
  for (let at = since; at < now + HOUR; at += HOUR) {
    const day = dayOf(at);
    if (!byDay.has(day)) byDay.set(day, new Sum());
  }
  for (const hour of hours) {
    total.add(hour);
    byDay.get(dayOf(hour.at))?.add(hour);
  }
  return {
    ...question,
    since,
    total: total.counts(),
    byDay: [...byDay].map(([day, sum]) => ({ day, ...sum.counts() })),
    ...{ byPerson, byModel },
    ...(byTenant && { byTenant }),
    refused: reasons.filter(({ kind }) => kind === 'refused'),
    failed: reasons.filter(({ kind }) => kind === 'failed'),
  };
}

type Hour = Awaited<ReturnType<UsageStore['hours']>>[number];

class Sum {
  readonly #waits = new WaitCounts();
  readonly #sums = { done: 0, failed: 0, cancelled: 0, pictures: 0, gpuSeconds: 0 };

  add({ done, failed, cancelled, pictures, gpuSeconds, waits }: Hour): void {
    this.#sums.done += done;
    this.#sums.failed += failed;
    this.#sums.cancelled += cancelled;
    this.#sums.pictures += pictures;
    this.#sums.gpuSeconds += gpuSeconds;
    this.#waits.add(waits);
  }

  counts(): UsageCounts {
    const [median, p95] = [this.#waits.quantile(0.5), this.#waits.quantile(0.95)];
    return { ...this.#sums, ...(median !== undefined && { median }), ...(p95 !== undefined && { p95 }) };
  }
}
