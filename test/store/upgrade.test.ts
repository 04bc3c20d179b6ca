/** Data of earlier releases: what they stored is there after an upgrade, in the very schema that a new folder has. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Queue } from '../../src/queue/queue.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import type { StoredMessage } from '../../src/store/messages.ts';
import { STEPS } from '../../src/store/migrate.ts';
import type { Database } from '../../src/store/sql.ts';
import { openStore } from '../../src/store/store.ts';
import { checkSums } from '../usage/sums.ts';

/** The first 16 digits of each step's SHA-256. Lines are added for new steps; none is ever changed. */
const RELEASED = [
  '5758ab7329e1ad29',
  'aef40762e59e041f',
  '65fe97e611638fba',
  'c6052608545772e2',
  '1bce4d1aaa6a0865',
  'a349c5b27c496465',
  '5ad3bebda03a3838',
  '69ccf29e99813067',
  '2ebd64526b6efd55',
];

test('the steps that a release has are as they were', () => {
  const hashes = STEPS.map((step) => createHash('sha256').update(step).digest('hex').slice(0, 16));
  assert.deepEqual(
    hashes,
    RELEASED,
    'Older databases have run these steps: write another step at the end of STEPS, and add its hash here.',
  );
});

/** Everything that the schema is made of. */
async function shapeOf(database: Database): Promise<unknown[]> {
  const queries = [
    `select table_name, column_name, data_type, is_nullable, column_default, collation_name
     from information_schema.columns where table_schema = 'darkroom' order by 1, 2`,
    "select indexdef from pg_indexes where schemaname = 'darkroom' order by 1",
    `select proname, pg_get_function_identity_arguments(oid) as arguments, prosrc from pg_proc
     where pronamespace = 'darkroom'::regnamespace order by 1, 2`,
    `select conrelid::regclass::text as table, pg_get_constraintdef(oid) as rule from pg_constraint
     where connamespace = 'darkroom'::regnamespace order by 1, 2`,
    `select tgname, pg_get_triggerdef(oid) as rule from pg_trigger
     where not tgisinternal and tgrelid in (select oid from pg_class where relnamespace = 'darkroom'::regnamespace) order by 1`,
  ];
  const found: unknown[] = [];
  for (const text of queries) found.push(await database.query(text));
  return found;
}

const FIXTURES = fileURLToPath(new URL('fixtures/', import.meta.url));
interface Message extends StoredMessage {
  readonly text: string;
  readonly pictures: readonly { readonly id: string }[];
}

for (const fixture of readdirSync(FIXTURES)) {
  test(`a data folder of ${fixture.replace(/\.sql$/, '')} is upgraded, and goes on`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'darkroom-upgrade-'));
    const open: { close(): Promise<void> }[] = [];
    t.after(async () => {
      for (const one of open.reverse()) await one.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const old = join(folder, 'old');
    const before = await openEmbedded(old, { isMadeAnew: true });
    await before.script(readFileSync(join(FIXTURES, fixture), 'utf8'));
    await before.close();
    const upgraded = await openStore<Message>({ folder: old });
    open.push(upgraded);
    const fresh = await openStore({ folder: join(folder, 'new') });
    assert.deepEqual(await shapeOf(upgraded.database), await shapeOf(fresh.database));
    open.push(fresh);
    await checkSums(upgraded.database);

    const messages = await upgraded.messages.list('web:ada', { limit: 50 });
    const [drawn] = messages.filter(({ pictures }) => pictures.length > 0);
    assert.ok(messages.some(({ text }) => text.includes('a red mug')));
    const job = await upgraded.jobs.get(drawn!.job!.id);
    assert.equal(job?.state, 'done');
    mkdirSync(join(old, 'pictures'), { recursive: true });
    writeFileSync(join(old, 'pictures', `${drawn!.pictures[0]!.id}.png`), 'a picture');
    assert.equal(String(await upgraded.pictures.get(drawn!.pictures[0]!.id)), 'a picture');
    const rules = (
      await Promise.all(['web', '@shell', ''].map((tenant) => upgraded.settings.rules(tenant)))
    ).flat();
    assert.ok(rules.some(({ key, value }) => key === 'default_steps' && value === 24));

    // The job that waited under the old release is the next one; a new one follows it.
    const queue = await Queue.open({ database: upgraded.database, onError: assert.ifError });
    open.push(queue);
    const [waiting] = await upgraded.jobs.alive(['web']);
    await queue.submit({ ...waiting!, id: 'new' });
    await upgraded.database.query('delete from darkroom.pause');
    const options = { worker: 'w', models: ['mini'], busy: [], warm: [] };
    const next = await queue.dispatcher.claim(options);
    assert.equal(next?.id, waiting!.id);
    await queue.dispatcher.finish(next, 1, { state: 'done', notes: [], pictures: [] });
  });
}

test('a folder of another PostgreSQL is refused by its version, and left as it is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-upgrade-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await (await openEmbedded(folder)).close();
  writeFileSync(join(folder, 'database', 'PG_VERSION'), '12\n');
  await assert.rejects(openEmbedded(folder), {
    code: 'misconfigured',
    message:
      /made by PostgreSQL 12, and this release has PostgreSQL \d+\. .*darkroom backup.*darkroom restore/,
  });
  assert.equal(readFileSync(join(folder, 'database', 'PG_VERSION'), 'utf8'), '12\n');
});
