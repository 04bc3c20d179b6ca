/**
 * The usage page of a year of 1,000,000 jobs, of 20 servers, 500 people and 5 models: from the request to the last byte of
 * the page and its two plots, on the embedded database. The charts library is loaded by the first one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageRecord } from '../adapters/web/conversation/message.ts';
import { createWebAdapter } from '../adapters/web/server.ts';
import type { Database } from '../src/store/sql.ts';
import { openStore } from '../src/store/store.ts';
import { type Figure, median } from './figure.ts';

const LOADS = 7;
/** The zones differ, so that no report is one that is still kept. */
const ZONES = [
  'Asia/Seoul',
  'America/New_York',
  'Europe/Paris',
  'Asia/Kolkata',
  'Asia/Tokyo',
  'UTC',
  'Asia/Dubai',
];

export async function usage(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const store = await openStore<MessageRecord>({ folder });
  await fillYear(store.database);
  const adapter = createWebAdapter({
    isHeld: async () => false,
    ...{ host: '127.0.0.1', port: 0, users: 'cookie', secret: store.secret, usage: store.usage },
    ...{ messages: store.messages, people: store.people, pictures: store.pictures },
    handle: async () => {},
    describe: async () => ({ commands: [], gallery: [], words: [] }),
    complete: async () => [],
    ready: () => true,
    readUpload: async (bytes) => ({ bytes }),
  });
  await adapter.start();
  try {
    const { cookie } = await load(adapter.url, '');
    const times: number[] = [];
    for (let i = 0; i < LOADS; i++) {
      const asked = `days=365&zone=${encodeURIComponent(ZONES[i % ZONES.length]!)}`;
      const began = performance.now();
      const page = await load(`${adapter.url}/usage?${asked}`, cookie);
      await Promise.all(
        ['gpu', 'waits'].map((plot) => load(`${adapter.url}/usage/${plot}.svg?${asked}`, cookie)),
      );
      times.push(performance.now() - began);
      if (page.status !== 200) throw new Error(`the page answered ${page.status}`);
    }
    const jobs = await store.database.query<{ jobs: number }>(
      "select sum(done + failed + cancelled)::int as jobs from darkroom.usage_hour where tenant = ''",
    );
    return [
      { name: 'usage: jobs of the year', value: jobs[0]!.jobs, unit: '' },
      { name: 'usage page of a year, the first one', value: times[0]!, unit: 'ms' },
      { name: 'usage page of a year', value: median(times.slice(1)), unit: 'ms', target: 1000 },
    ];
  } finally {
    await adapter.stop();
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

/** As a browser on this machine opens a page: the first one is the operator. */
function load(url: string, cookie: string): Promise<{ status: number; cookie: string }> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { 'sec-fetch-mode': 'navigate', ...(cookie !== '' && { cookie }) } }, (response) => {
      response.resume().on('end', () => {
        const [set = ''] = response.headers['set-cookie'] ?? [];
        resolve({ status: response.statusCode ?? 0, cookie: cookie || set.split(';')[0]! });
      });
    }).on('error', reject);
  });
}

/** What the sums are after such a year; 114 or 115 jobs an hour. */
async function fillYear(database: Database): Promise<void> {
  await database.script(`
    create temp table year as
      select tenant, hour, n, bucket from (
        select 'discord:' || (n % 20) as tenant, hour, n,
          darkroom.wait_bucket(exp(1.5 + 1.2 * sqrt(-2 * ln(random() + 1e-9)) * cos(6.28 * random()))) as bucket
        from generate_series(darkroom.hour_of(now()) - interval '8759 hours', darkroom.hour_of(now()), interval '1 hour') hour,
          generate_series(1, 114 + (extract(hour from hour)::int % 6 = 0)::int) n) jobs;
    insert into darkroom.usage_hour (tenant, hour, done, failed, cancelled, pictures, gpu_seconds, waits)
      select t, hour, sum(jobs), 0, 0, sum(jobs), sum(jobs) * 3.1, jsonb_object_agg(bucket, jobs) from (
        select t, hour, bucket, count(*)::int as jobs from year, lateral unnest(array['', tenant]) t
        group by t, hour, bucket) counted
      group by t, hour;
    insert into darkroom.usage (day, tenant, user_id, gpu_seconds, jobs)
      select (hour at time zone 'utc')::date, tenant, 'discord:' || ((n * 7 + extract(hour from hour)::int) % 500),
        count(*) * 3.1, count(*) from year group by 1, 2, 3;
    insert into darkroom.usage_model (tenant, day, model, gpu_seconds, jobs)
      select tenant, (hour at time zone 'utc')::date, 'model-' || (n % 5), count(*) * 3.1, count(*) from year group by 1, 2, 3;
    insert into darkroom.usage_reason (tenant, hour, kind, reason, count)
      select tenant, hour, 'refused', 'waiting', 1 from year where n % 20 = 3 group by tenant, hour;
    drop table year;
    analyze`);
}
