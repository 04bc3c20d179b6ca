import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { DatabaseAway } from '../../src/errors.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { lockFolder } from '../../src/store/lock.ts';
import type { StoredMessage } from '../../src/store/messages.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createPictureRows, createPictures, openPictureFiles } from '../../src/store/pictures.ts';
import { openServer } from '../../src/store/postgres.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { PostgresServer, skipServer } from '../queue/databases.ts';

async function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'darkroom-store-'));
}
async function folderFor(t: TestContext): Promise<string> {
  const folder = await newFolder();
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const owner = { job: 'j', kind: 'input' } as const;

interface Message extends StoredMessage {
  readonly text: string;
}

describe('on the embedded database', () => {
  let folder: string;
  let store: Store<Message>;
  before(async () => {
    folder = await newFolder();
    store = await openStore<Message>({ folder });
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('every write reaches the disk', async () => {
    const [row] = await store.database.query<{ fsync: string; method: string }>(
      "select current_setting('fsync') as fsync, current_setting('wal_sync_method') as method",
    );
    assert.deepEqual({ ...row }, { fsync: 'on', method: 'fsync' });
  });

  test('messages: the newest state, in order, to those who may read them', async () => {
    const { messages } = store;
    assert.equal(await messages.put({ id: '1', text: 'one', job: { id: 'j' } }), true);
    assert.equal(await messages.put({ id: '2', text: 'two', reader: 'web:ada' }), true);
    assert.equal(await messages.put({ id: '1', text: 'uno', job: { id: 'j' } }), false);
    assert.equal(await messages.replace({ id: '9', text: 'nobody' }), false);
    assert.deepEqual(
      (await messages.list('web:bo', { limit: 10 })).map(({ text }) => text),
      ['uno'],
    );
    assert.deepEqual(
      (await messages.list('web:ada', { after: '1', limit: 10 })).map(({ text }) => text),
      ['two'],
    );
    assert.deepEqual(
      (await messages.list('web:ada', { limit: 1 })).map(({ id }) => id),
      ['2'],
    );
    assert.deepEqual(
      (await messages.list('web:ada', { before: '2', limit: 5 })).map(({ id }) => id),
      ['1'],
    );
    assert.equal((await messages.ofJob('j'))?.id, '1');
    assert.equal(await messages.lastId(), '2');
    assert.equal((await messages.remove('2'))?.text, 'two');
    assert.equal(await messages.get('2'), undefined);
  });

  test('settings: the last change of each key, scope and target stands; styles apart; history newest first', async () => {
    const { settings } = store;
    const change = {
      tenant: 's',
      at: 1,
      author: { id: 'web:ada', name: 'Ada' },
      scope: 'server',
      target: '',
    } as const;
    await settings.apply({ ...change, id: '1', key: 'default_steps', after: 24 });
    await settings.apply({ ...change, id: '2', key: 'default_steps', before: 24, after: 12 });
    await settings.apply({ ...change, id: '3', key: 'weight', scope: 'user', target: 'web:bo', after: 2 });
    await settings.apply({ ...change, id: '4', key: 'weight', scope: 'user', target: 'web:bo', before: 2 });
    await settings.apply({ ...change, id: '5', key: 'style.film', after: '{}' });
    const rules = (await settings.rules('s')).map(({ key, value }) => [key, value]);
    assert.deepEqual(rules, [['default_steps', 12]]);
    assert.deepEqual([...(await settings.styles('s'))], [['film', '{}']]);
    assert.deepEqual(
      (await settings.history('s', 2)).map(({ id }) => id),
      ['5', '4'],
    );
    assert.deepEqual(await settings.rules('other'), []);
  });

  test('a transaction is there as a whole or not at all', async () => {
    const { database, deliveries } = store;
    const row = { job: 'd', platform: 'slack', channel: 'c', message: 'm' };
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.query("insert into darkroom.delivery values ('d', 'slack', 'c', 'm')");
        throw new Error('no');
      }),
      /^Error: no$/,
    );
    assert.equal(await deliveries.get('d'), undefined);
    await deliveries.put(row);
    await deliveries.put({ ...row, message: 'n' });
    assert.equal((await deliveries.get('d'))?.message, 'n');
  });

  test('a second process on the folder is refused by the pid of the first', async () => {
    await assert.rejects(openEmbedded(folder), {
      code: 'misconfigured',
      message: new RegExp(`in use by process ${process.pid}`),
    });
  });

  test('notices are heard', async () => {
    const heard: string[] = [];
    const stop = await store.database.listen('test', (payload) => heard.push(payload));
    await store.database.query("select pg_notify('test', 'word')");
    assert.deepEqual(heard, ['word']);
    await stop();
  });
});

test('what is kept comes back, and a schema of a newer program is refused', async (t) => {
  const folder = await folderFor(t);
  const first = await openStore<Message>({ folder });
  await first.messages.put({ id: '1', text: 'kept' });
  await first.close();
  const second = await openStore<Message>({ folder });
  assert.deepEqual(second.secret, first.secret);
  assert.equal((await second.messages.get('1'))?.text, 'kept');
  await second.database.query('insert into darkroom.schema_version (number) values (9999)');
  await second.close();
  await assert.rejects(openStore({ folder }), {
    code: 'misconfigured',
    message: /schema version 9999.*newer release/s,
  });
  // Refused, and released: the right program may have it.
  (await lockFolder(folder)).release();
});

test('a database of a development build is refused, and left as it is', async (t) => {
  const folder = await folderFor(t);
  const old = await openEmbedded(folder);
  await old.script('drop schema if exists darkroom cascade; create schema darkroom');
  await old.script('create table darkroom.migration (number int); insert into darkroom.migration values (5)');
  await old.close();
  await assert.rejects(openStore({ folder }), {
    code: 'misconfigured',
    message: /^The database was made by a development build .* Set DARKROOM_DATA to a new folder/,
  });
  const again = await openEmbedded(folder);
  assert.deepEqual(await again.query('select number from darkroom.migration'), [{ number: 5 }]);
  await again.close();
});

test('the packed empty database is this program’s: nothing is left to migrate', async (t) => {
  const folder = await folderFor(t);
  const packed = await openEmbedded(folder);
  const made = await openEmbedded(await folderFor(t), { isMadeAnew: true });
  await migrate(made);
  const shape = `select table_name, column_name, data_type from information_schema.columns
    where table_schema = 'darkroom' order by 1, 2`;
  const functions = `select proname, prosrc from pg_proc where pronamespace = 'darkroom'::regnamespace order by 1`;
  for (const text of [
    shape,
    functions,
    'select max(number) as last from darkroom.schema_version',
    'select version()',
  ]) {
    assert.deepEqual(await packed.query(text), await made.query(text), 'run scripts/make-empty-database.ts');
  }
  await packed.close();
  await made.close();
});

test('a folder that cannot be written is refused with a sentence', {
  skip: process.getuid?.() === 0 ? 'root may write everywhere' : false,
}, async (t) => {
  const folder = await folderFor(t);
  await chmod(folder, 0o500);
  await assert.rejects(openEmbedded(folder), { code: 'misconfigured', message: /cannot be written/ });
});

test('a data folder that is a file is refused with a sentence', async (t) => {
  const folder = await folderFor(t);
  await writeFile(join(folder, 'data'), '');
  await assert.rejects(openEmbedded(join(folder, 'data')), {
    code: 'misconfigured',
    message: /cannot be written/,
  });
});

test('pictures come back under ids that nobody can guess or bend, as files and as rows', async (t) => {
  const folder = await folderFor(t);
  await writeFile(join(folder, 'secret.png'), 'no');
  const database = await openEmbedded(join(folder, 'data'));
  await migrate(database);
  for (const place of [await openPictureFiles(join(folder, 'pictures')), createPictureRows(database)]) {
    const pictures = createPictures(place, database);
    const id = await pictures.put(new Uint8Array([1, 2, 3]), owner);
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.deepEqual([...(await pictures.get(id))!], [1, 2, 3]);
    for (const bent of ['../secret', `${id}/../${id}`, `${id}\n`, '', 'f'.repeat(32)]) {
      assert.equal(await pictures.get(bent), undefined, bent);
    }
    await pictures.remove('../secret');
    assert.equal((await stat(join(folder, 'secret.png'))).size, 2);
    await pictures.remove(id);
    assert.equal(await pictures.get(id), undefined);
  }
  await database.close();
});

describe('on a server', { skip: skipServer }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.stop());

  test('programs that start together make one schema, and share one key', async (t) => {
    const url = await server.database();
    const folder = await folderFor(t);
    const stores = await Promise.all([1, 2, 3].map(() => openStore<Message>({ folder, url })));
    const [first, ...others] = stores;
    for (const other of others) assert.deepEqual(other.secret, first!.secret);
    const id = await first!.pictures.put(new Uint8Array([7]), owner);
    assert.deepEqual([...(await others[0]!.pictures.get(id))!], [7]);
    for (const store of stores) await store.close();
  });

  test('a server that goes away and comes back is used again, and notices are heard again', async () => {
    const database = await openServer({ url: await server.database() });
    const heard: string[] = [];
    const gap = Promise.withResolvers<void>();
    const stop = await database.listen('test', (payload) => heard.push(payload), gap.resolve);
    await server.kill();
    await assert.rejects(database.query('select 1'));
    await server.run();
    await gap.promise;
    await database.query("select pg_notify('test', 'word')");
    while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(heard, ['word']);
    await stop();
    await database.close();
  });

  test('a process that sleeps in the middle of a transaction holds no lock for long', async () => {
    const database = await openServer({ url: await server.database() });
    const lock = 'select pg_advisory_xact_lock(1)';
    const sleeper = database.transaction(async (tx) => {
      const [row] = await tx.query('show idle_in_transaction_session_timeout');
      assert.deepEqual(row, { idle_in_transaction_session_timeout: '10s' });
      await tx.query('set local idle_in_transaction_session_timeout = 50');
      await tx.query(lock);
      await database.transaction((other) => other.query(lock));
      await tx.query('select 1');
    });
    await assert.rejects(sleeper, DatabaseAway);
    await database.close();
  });

  test('an address where no server is, is refused without its password', async () => {
    await assert.rejects(openServer({ url: 'postgres://ada:hush@127.0.0.1:1/darkroom' }), (error: Error) => {
      assert.match(error.message, /127\.0\.0\.1:1 cannot be reached/);
      assert.doesNotMatch(error.message, /hush/);
      return true;
    });
  });
});
