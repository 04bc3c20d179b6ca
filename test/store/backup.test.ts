/** `darkroom backup` and `restore`: what was stored comes back, in any kind of store, or nothing changes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packTar, unpackTar } from 'modern-tar';
import { Queue } from '../../src/queue/queue.ts';
import type { GenerationRequest } from '../../src/request.ts';
import { backup } from '../../src/shell/backup.ts';
import { askAtDoor, type Question } from '../../src/shell/door.ts';
import { restore } from '../../src/shell/restore.ts';
import type { Verb } from '../../src/shell/verb.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import { openStore } from '../../src/store/store.ts';
import { PostgresServer, skipServer } from '../queue/databases.ts';
import { startS3 } from './s3-server.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-backup-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Env = Readonly<Record<string, string>>;

/** Settings by a file, so that the verbs can run in this process. */
async function darkroom(env: Env, verb: Verb, ...args: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-settings-'));
  const file = join(folder, 'darkroom.config.json');
  writeFileSync(file, JSON.stringify(env));
  try {
    assert.equal(await verb.run([...args, '--config', file]), 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the process that holds a folder answers. */
async function ask(folder: string, verb: Question['verb'], ...args: string[]): Promise<string> {
  const heard: string[] = [];
  const hear = (text: string) => void heard.push(text);
  assert.equal(await askAtDoor(folder, { verb, args, asker: 'ada' }, { say: hear, complain: hear }), 0);
  return heard.join('\n');
}

interface Message {
  readonly id: string;
  readonly pictures: readonly { readonly url: string }[];
  readonly job?: { readonly id: string; readonly state: string };
}

async function serve(env: Env) {
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    env: { ...process.env, ...env, DARKROOM_PORT: '0', DARKROOM_WEB_USERS: 'header' },
  });
  running.add(child);
  child.stderr.resume();
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve) =>
    lines.on('line', (line) => line.startsWith('http://') && resolve(line)),
  );
  const headers = { 'x-darkroom-user': 'ada', origin: url };
  const say = async (text: string) => {
    const body = new FormData();
    body.set('text', text);
    const answer = await fetch(`${url}/api/messages`, { method: 'POST', body, headers });
    return (await answer.json()) as { message: Message; job?: { id: string } };
  };
  const messages = async () =>
    (await (await fetch(`${url}/api/messages?limit=200`, { headers })).json()) as Message[];
  return {
    messages,
    say,
    async draw(text: string) {
      const { job } = await say(text);
      for (;;) {
        const found = (await messages()).find((one) => one.job?.id === job!.id);
        assert.notEqual(found?.job?.state, 'failed');
        if (found?.job?.state === 'done') return found;
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
    picture: async (path: string) =>
      Buffer.from(await (await fetch(new URL(path, url), { headers })).arrayBuffer()),
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      running.delete(child);
    },
  };
}

test('serve draws, is backed up while it runs, its folder is wiped and restored: all is as it was', async (t) => {
  const folder = newFolder(t);
  const data = join(folder, 'data');
  const file = join(folder, 'all.tar');
  const env = { DARKROOM_DATA: data, DARKROOM_LOG: 'silent', DARKROOM_ADMINS: 'web:ada' };
  const first = await serve(env);
  const drawn = await first.draw('/imagine a red mug --steps 2 --seed 1');
  await ask(data, 'config', 'set', 'default_steps', '7');
  await ask(data, 'people', 'link', 'bo', '--admin');
  await ask(data, 'queue', 'pause');
  await first.say('/imagine a blue car --steps 2 --seed 2');
  assert.match(await ask(data, 'backup', file), /: \d+ rows and 1 picture, .* Models are not/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await assert.rejects(darkroom(env, backup, file), { message: /exists already/ });
  await assert.rejects(darkroom(env, restore, file), { message: /in use by process \d+/ });
  const before = await first.messages();
  const png = await first.picture(drawn.pictures[0]!.url);
  // What comes after the backup is not in it.
  await first.say('/help');
  await first.stop();
  await assert.rejects(darkroom(env, restore, file), { message: /data already.*--replace/ });

  // A damaged file changes nothing.
  const damaged = join(folder, 'damaged.tar');
  const cut = join(folder, 'cut.tar');
  const entries = await unpackTar(readFileSync(file));
  const changed = entries.map((entry) =>
    entry.header.name.startsWith('pictures/') ? { ...entry, data: entry.data!.fill(7, 900, 901) } : entry,
  );
  writeFileSync(damaged, await packTar(changed));
  writeFileSync(cut, readFileSync(file));
  truncateSync(cut, statSync(file).size - 4096);
  for (const [wrong, why] of [
    [damaged, /pictures\/[0-9a-f]+\.png is not what was written/],
    [cut, /cut off|not a whole tar/],
    [fileURLToPath(import.meta.url), /not a whole tar|it holds/],
  ] as const)
    await assert.rejects(darkroom(env, restore, wrong, '--replace'), { message: why });

  for (const wiped of [false, true]) {
    if (wiped) rmSync(data, { recursive: true });
    const args = wiped ? [] : ['--replace'];
    await darkroom(env, restore, file, ...args);
    assert.deepEqual(readdirSync(join(data, 'pictures')).length, 1);
  }
  const second = await serve(env);
  const position = (message: Message) => ({
    ...message,
    job: message.job && { ...message.job, eta_seconds: 0 },
  });
  assert.deepEqual((await second.messages()).map(position), before.map(position));
  assert.deepEqual(await second.picture(drawn.pictures[0]!.url), png);
  assert.match(await ask(data, 'config', 'show'), /default_steps: .*7/);
  await ask(data, 'queue', 'resume');
  // What waited is drawn, and new jobs follow.
  await second.draw('/imagine a green boat --steps 2 --seed 3');
  assert.equal((await second.messages()).filter(({ job }) => job?.state === 'done').length, 3);
  await second.stop();
});

const PHOTO = Uint8Array.of(1, 2, 3);
const claim = { worker: 'w', models: ['mini'], busy: [], warm: [] };
const recordOf = (id: string): JobRecord => ({
  ...{ id, at: 0, user: { id: 'web:ada', name: 'Ada' }, platform: 'web', channel: 'web', inputs: {} },
  ...{ state: 'queued', notes: ['"quotes" \\ and ü\u2028'], pictures: [] },
  request: {
    model: 'mini',
    prompt: id,
    width: 64,
    height: 64,
    numInferenceSteps: 1,
    numImages: 1,
  } as GenerationRequest,
});

test('from the embedded database into PostgreSQL and S3, and back into an embedded one', {
  skip: skipServer,
}, async (t) => {
  const folder = newFolder(t);
  const server = await PostgresServer.start();
  t.after(() => server.stop());
  const s3 = await startS3();
  t.after(() => s3.close());
  const url = await server.database();
  const places: Env[] = ['one', 'two', 'three'].map((name) => ({ DARKROOM_DATA: join(folder, name) }));
  const [one, two, three] = [
    places[0]!,
    { ...places[1]!, DATABASE_URL: url, DARKROOM_PICTURES: s3.address },
    places[2]!,
  ];

  const store = await openStore({ folder: one['DARKROOM_DATA']! });
  const queue = await Queue.open({ database: store.database, onError: assert.ifError });
  for (const id of ['done', 'runs', 'waits']) await queue.submit(recordOf(id));
  const done = await queue.dispatcher.claim(claim);
  const picture = await store.pictures.put(PHOTO, { job: 'done', kind: 'result' });
  await queue.dispatcher.finish(done!, 5, {
    ...{ state: 'done', notes: [], pictures: [{ id: picture, width: 64, height: 64 }] },
  });
  assert.equal((await queue.dispatcher.claim(claim))?.id, 'runs');
  const shares = await store.database.query(
    "select tenant, tag from darkroom.flow where tenant <> '' order by 1, 2",
  );
  await queue.close();
  await store.close();

  await darkroom(one, backup, join(folder, '1.tar'));
  await darkroom(two, restore, join(folder, '1.tar'));
  const remote = await openStore({ folder, url, pictures: s3.address });
  assert.deepEqual(await remote.pictures.get(picture), PHOTO);
  const open = await Queue.open({ database: remote.database, url, onError: assert.ifError });
  await assert.rejects(darkroom(two, restore, join(folder, '1.tar'), '--replace'), {
    message: /Stop every darkroom serve/,
  });
  await open.close();
  await remote.close();

  await darkroom(two, backup, join(folder, '2.tar'));
  await darkroom(three, restore, join(folder, '2.tar'));
  const rowsOf = async (file: string) =>
    (await unpackTar(readFileSync(join(folder, file))))
      .filter(({ header }) =>
        /database\/(job|flow|picture|usage|change|counter|secret)-|pictures/.test(header.name),
      )
      .map(({ header, data }) => [header.name, Buffer.from(data!).toString().split('\n').sort()] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  await darkroom(three, backup, join(folder, '3.tar'));
  assert.deepEqual(await rowsOf('3.tar'), await rowsOf('2.tar'));

  const last = await openStore({ folder: three['DARKROOM_DATA']! });
  const again = await Queue.open({ database: last.database, onError: assert.ifError });
  assert.equal((await last.jobs.get('done'))?.pictures[0]?.id, picture);
  assert.deepEqual((await last.jobs.get('waits'))?.notes, recordOf('waits').notes);
  assert.deepEqual(await last.pictures.get(picture), Buffer.from(PHOTO));
  // The charge of the one that ran is taken back, once; both are drawn, in their order, and counted once.
  const [tag] = await last.database.query<{ tag: number }>(
    "select tag from darkroom.flow where user_id = 'web:ada'",
  );
  assert.ok(tag!.tag < Math.max(...shares.map((row) => row['tag'] as number)));
  await again.submit(recordOf('later'));
  for (const id of ['runs', 'waits', 'later']) {
    const next = await again.dispatcher.claim(claim);
    assert.equal(next?.id, id);
    assert.equal(next.isSuspect, false);
    await again.dispatcher.finish(next, 1, { state: 'done', notes: [], pictures: [] });
  }
  assert.equal(await again.dispatcher.claim(claim), undefined);
  const [losses] = await last.database.query(
    "select count from darkroom.counter where name = 'lease_losses'",
  );
  assert.equal(Number(losses!['count']), 0);
  await again.close();
  await last.close();
});

test('a backup that fails leaves nothing; a backup of a newer release is refused by its version', async (t) => {
  const folder = newFolder(t);
  const env = { DARKROOM_DATA: join(folder, 'data') };
  await assert.rejects(darkroom(env, backup, join(folder, 'nowhere', 'all.tar')), {
    message: /nowhere.* its folder does not exist/,
  });
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full', 'all.tar.partial'), '');
  await assert.rejects(darkroom(env, backup, join(folder, 'full', 'all.tar')), {
    message: /Delete it if none is/,
  });
  const file = join(folder, 'all.tar');
  await darkroom(env, backup, file);
  assert.ok(!existsSync(`${file}.partial`));
  const entries = await unpackTar(readFileSync(file));
  const manifest = JSON.parse(Buffer.from(entries[0]!.data!).toString()) as { schema: number };
  const text = Buffer.from(JSON.stringify({ ...manifest, schema: 9999 }));
  const sums = Buffer.from(entries.at(-1)!.data!).toString();
  const newer = [
    { header: { ...entries[0]!.header, size: text.length }, data: text },
    ...entries.slice(1, -1),
    {
      ...entries.at(-1)!,
      data: Buffer.from(sums.replace(/^\w{64}/, createHash('sha256').update(text).digest('hex'))),
    },
  ];
  writeFileSync(join(folder, 'newer.tar'), await packTar(newer));
  await assert.rejects(darkroom(env, restore, join(folder, 'newer.tar')), {
    message: /newer\.tar has schema version 9999; this release knows/,
  });
});
