/** What was used: kept sums as an admin sees them, in words, on the page and as CSV. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MessageRecord } from '../../adapters/web/conversation/message.ts';
import { createWebAdapter, type WebAdapter } from '../../adapters/web/server.ts';
import { expire } from '../../commands/retention.ts';
import { sayIn } from '../../src/sentences.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { writeCsv } from '../../src/usage/csv.ts';
import { readUsage } from '../../src/usage/report.ts';
import { WAIT_PRECISION, WaitCounts } from '../../src/usage/waits.ts';
import { chatFor } from '../adapters/stand-in.ts';
import { startCommands } from '../commands/harness.ts';

let folder: string;
let store: Store<MessageRecord>;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'darkroom-usage-'));
  store = await openStore<MessageRecord>({ folder });
});
after(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

const DAY = 86_400_000;
const MIDNIGHT = Math.floor(Date.now() / DAY) * DAY;

/** A job from its acceptance to its end, as the queue's statements write it. */
async function draw(job: {
  id: string;
  tenant: string;
  user: string;
  seconds: number;
  endedAt: number;
  name?: string;
  state?: 'done' | 'failed';
}) {
  const { id, tenant, user, seconds, endedAt, name = 'Ada', state = 'done' } = job;
  await store.database.query(
    `insert into darkroom.job (id, at, tenant, user_id, user_name, platform, channel, request, inputs, model, frame, state,
       notes, cost, charged, dispatched_at)
     values ($1, $6::timestamptz - interval '20 seconds', $2, $3, $5, 'web', 'web', '{}', '{}', 'mini', '{}', 'running', '[]',
       $4, $4, $6::timestamptz - interval '12 seconds')`,
    [id, tenant, user, seconds, name, new Date(endedAt)],
  );
  await store.database.query(`select darkroom.finish($1, $2, $4, $3, '[]', null, null, 'darkroom')`, [
    id,
    seconds,
    JSON.stringify(state === 'done' ? [{ id }] : []),
    state,
  ]);
  // finish() counts in the present hour.
  const hour = 'darkroom.hour_of(clock_timestamp())';
  const moved = [new Date(endedAt - (endedAt % 3_600_000)), tenant];
  await store.database.query(
    `update darkroom.usage_hour set hour = $1 where hour = ${hour} and tenant in ('', $2)`,
    moved,
  );
}

test('waits in the database add up to quantiles as exact as stated', async () => {
  const waits = Array.from({ length: 500 }, (_, i) => Math.exp(((i * 7919) % 500) / 45 - 1));
  const rows = await store.database.query<{ bucket: number }>(
    'select darkroom.wait_bucket(wait) as bucket from unnest($1::float8[]) wait',
    [waits],
  );
  const counts = new WaitCounts();
  for (const { bucket } of rows) counts.add({ [bucket]: 1 });
  const sorted = waits.toSorted((a, b) => a - b);
  for (const part of [0.05, 0.5, 0.95, 1]) {
    const exact = sorted[Math.ceil(part * 500) - 1]!;
    assert.ok(Math.abs(counts.quantile(part)! / exact - 1) <= WAIT_PRECISION + 1e-9, `${part}`);
  }
  const [ends] = await store.database.query(
    `select darkroom.wait_bucket(-5) as before, darkroom.wait_bucket(1e12) as ages, darkroom.wait_bucket(null) as never`,
  );
  assert.deepEqual(ends, { before: 0, ages: 350, never: null });
});

test("days are the reader's, people are those of the server, and CSV holds no formula", async () => {
  // An hour before and after the midnight of Seoul, nine hours before that of UTC.
  await draw({
    id: 'a1',
    tenant: 'discord:1',
    user: 'discord:ada',
    seconds: 5,
    endedAt: MIDNIGHT - 10 * 3_600_000,
    name: '=HYPERLINK("x")',
  });
  await draw({
    id: 'a2',
    tenant: 'discord:1',
    user: 'discord:ada',
    seconds: 7,
    endedAt: MIDNIGHT - 8 * 3_600_000,
    name: '=HYPERLINK("x")',
  });
  await draw({
    id: 'b1',
    tenant: 'slack:2',
    user: 'slack:bo',
    seconds: 2,
    endedAt: MIDNIGHT - 7 * 3_600_000,
    name: 'Bo',
  });
  await store.usage.countRefusal('discord:1', 'gpu_time');
  const asked = { days: 7, zone: 'Asia/Seoul', now: MIDNIGHT + 3_600_000 } as const;
  const report = await readUsage(store.usage, { ...asked, tenant: 'discord:1' });
  const used = report.byDay.filter(({ gpuSeconds }) => gpuSeconds > 0).map(({ gpuSeconds }) => gpuSeconds);
  assert.deepEqual(used, [5, 7]);
  assert.ok(Math.abs(report.total.median! / 8 - 1) < 0.03);
  assert.deepEqual(
    report.byPerson.map(({ key, gpuSeconds }) => [key, gpuSeconds]),
    [['discord:ada', 12]],
  );
  assert.deepEqual(report.refused, [{ kind: 'refused', reason: 'gpu_time', count: 1 }]);
  const utc = await readUsage(store.usage, { ...asked, zone: 'UTC', tenant: undefined });
  assert.deepEqual(
    utc.byDay.filter(({ done }) => done > 0).map(({ done }) => done),
    [3],
  );
  assert.deepEqual(
    utc.byTenant?.map(({ key }) => key),
    ['discord:1', 'slack:2'],
  );
  const csv = writeCsv(report, 'people', sayIn('en'));
  assert.ok(csv.includes(`"'=HYPERLINK(""x"")"`) && !csv.includes('Bo'), csv);
  await assert.rejects(
    readUsage(store.usage, { ...asked, zone: 'Mars/Base', tenant: undefined }),
    /not a time zone/,
  );
});

test('/usage is for admins, and says the numbers beside its plots', async () => {
  const { say } = startCommands({ usage: store.usage, plotPicture: async () => Uint8Array.of(1) });
  const member = await say('/usage');
  assert.equal(member.ephemeral[0]?.error?.code, 'forbidden');
  const where = {
    tenant: 'discord:1',
    channel: 'c',
    roles: [],
    isAdmin: true,
    isAgeRestricted: false,
    zone: 'Asia/Seoul',
  };
  const { ephemeral, posted } = await say('/usage 7', { where });
  assert.equal(posted.length, 0);
  const [card] = ephemeral;
  assert.match(card!.text, /12 s of GPU time, 2 pictures/);
  assert.equal(card!.plots?.length, 2);
  assert.match(card!.footer!, /Asia\/Seoul/);
  assert.match(card!.fields!.map(({ name, value }) => `${name} ${value}`).join(), /GPU time used up: once/);
  assert.equal((await say('/usage 8', { where })).ephemeral[0]?.error?.code, 'bad_request');
});

test('a refusal is counted by its reason', async () => {
  const counted: string[] = [];
  const usage = {
    ...store.usage,
    countRefusal: async (...one: string[]) => void counted.push(one.join(' ')),
  };
  const { say, set } = startCommands({ usage });
  await say('/imagine a mug --steps nonsense');
  set('max_steps', 10);
  await say('/imagine a mug --steps 20');
  set('banned', true, 'user', 'discord:ada');
  await say('/imagine a mug');
  assert.deepEqual(
    counted.map((one) => one.split(' ').at(-1)),
    ['bad_request', 'limit', 'banned'],
  );
});

test('the page: the operator sees every server, others nothing; a hostile name is words', async () => {
  const adapter = webChat();
  await adapter.start();
  try {
    const operator = await open(`${adapter.url}/`);
    const page = await open(`${adapter.url}/usage?days=7&zone=Asia/Seoul`, operator.cookie);
    assert.match(page.text, /slack:2/);
    assert.match(page.text, /=HYPERLINK\(&quot;x&quot;\)/);
    const svg = await open(`${adapter.url}/usage/waits.svg?days=7&zone=Asia/Seoul&ink=dark`, operator.cookie);
    assert.match(svg.text, /^<svg/);
    const csv = await open(`${adapter.url}/usage/people.csv?days=7&zone=UTC`, operator.cookie);
    assert.match(csv.text, /slack:bo,Bo,2,1/);
    for (const path of ['/usage', '/usage/people.csv', '/usage/gpu.svg']) {
      assert.equal((await open(`${adapter.url}${path}`)).status, 403, path);
    }
    for (const path of ['/usage?days=8', '/usage?zone=Mars', '/usage/passwords.csv']) {
      assert.match(`${(await open(`${adapter.url}${path}`, operator.cookie)).status}`, /^40[04]$/, path);
    }
  } finally {
    await adapter.stop();
  }
});

test('usage_retention_days deletes sums and what is left of removed jobs, and nothing else', async () => {
  await store.database.query(
    "update darkroom.job set at = at - interval '30 days', ended_at = ended_at - interval '30 days'",
  );
  await store.database.query("update darkroom.usage_hour set hour = hour - interval '30 days'");
  await store.database.query('update darkroom.usage set day = day - 30');
  await store.jobs.remove('a1');
  const rule = {
    key: 'usage_retention_days',
    scope: 'server',
    target: '',
    value: 10,
    at: 1,
    by: 'ada',
  } as const;
  const settings = {
    ...store.settings,
    tenantsWith: async (key: string) => (key === rule.key ? ['discord:1'] : []),
    rules: async () => [rule],
  };
  const queue = { cancel: async () => false } as never;
  await expire({
    ...store,
    settings,
    queue,
    clock: { now: async () => Date.now() },
    unpost: async () => undefined,
  });
  const [left] = await store.database.query(
    `select (select string_agg(id, ' ' order by id) from darkroom.job) as jobs,
       (select string_agg(distinct tenant, ' ') from darkroom.usage) as usage,
       (select string_agg(distinct tenant, ' ' order by tenant) from darkroom.usage_hour) as hours`,
  );
  assert.deepEqual(left, { jobs: 'a2 b1', usage: 'slack:2', hours: ' slack:2' });
});

function webChat(): WebAdapter {
  return createWebAdapter({
    isHeld: async () => false,
    ...{ host: '127.0.0.1', port: 0, users: 'cookie', secret: store.secret, usage: store.usage },
    ...{ messages: store.messages, people: store.people, pictures: store.pictures },
    handle: async () => {},
    describe: async () => ({}),
    complete: async () => [],
    ready: () => true,
    readUpload: async (bytes) => ({ bytes }),
  });
}

/** As a browser on this machine opens an address; without a cookie it is somebody new. */
function open(url: string, cookie = ''): Promise<{ status: number; text: string; cookie: string }> {
  return new Promise((resolve, reject) => {
    get(
      url,
      { headers: { 'sec-fetch-mode': 'navigate', ...(cookie !== '' && { cookie }) } },
      async (response) => {
        let text = '';
        for await (const part of response) text += String(part);
        const [set = ''] = response.headers['set-cookie'] ?? [];
        resolve({ status: response.statusCode ?? 0, text, cookie: set.split(';')[0]! });
      },
    ).on('error', reject);
  });
}

test('/usage in the web chat has the days of its reader\u2019s browser; what is no zone says nothing', async (t) => {
  const chat = await chatFor(t);
  const footerFor = async (zone: string) => {
    const body = new FormData();
    body.set('text', '/usage 7');
    const headers = { 'x-darkroom-user': 'ada', 'darkroom-zone': zone };
    const response = await fetch(`${chat.url}/api/messages`, { method: 'POST', headers, body });
    return JSON.stringify(await response.json());
  };
  await chat.store.usage.countRefusal('web', 'place');
  assert.match(await footerFor('Asia/Seoul'), /Asia\/Seoul/);
  for (const zone of ['Mars/Olympus', '../etc', 'x'.repeat(500)]) assert.match(await footerFor(zone), /UTC/);
});

test('whoever has no finished pictures is called by the name of their newest job, or of the web chat', async () => {
  const tenant = 'web:names';
  let hours = 30;
  const fail = (job: Partial<Parameters<typeof draw>[0]> & { id: string; user: string; seconds: number }) =>
    draw({ tenant, endedAt: MIDNIGHT - hours++ * 3_600_000, state: 'failed', ...job });
  await fail({ id: 'n1', user: 'discord:cy', seconds: 9, name: 'Cyan' });
  await fail({ id: 'n2', user: 'discord:cy', seconds: 9, name: 'Cy' });
  await fail({ id: 'n3', user: 'web:dot', seconds: 8, name: '' });
  await store.people.rename('web:dot', 'Dot');
  await fail({ id: 'n4', user: 'discord:gone', seconds: 7, name: 'Gone' });
  await store.database.query(`select darkroom.forget('n4')`);
  await fail({ id: 'n5', user: 'discord:eve', seconds: 6, name: 'Eve', state: 'done' });
  await fail({ id: 'n6', user: 'discord:eve', seconds: 6, name: 'Evelyn', tenant: 'slack:2' });
  const names = async (of: string | undefined) => {
    const asked = { days: 7, zone: 'UTC', now: MIDNIGHT + 3_600_000, tenant: of } as const;
    const { byPerson } = await readUsage(store.usage, asked);
    return byPerson.filter(({ key }) => /cy|dot|gone|eve/.test(key)).map(({ key, name }) => name ?? key);
  };
  assert.deepEqual(await names(tenant), ['Cy', 'Dot', 'discord:gone', 'Eve']);
  assert.deepEqual(await names(undefined), ['Cy', 'Eve', 'Dot', 'discord:gone']);
});
