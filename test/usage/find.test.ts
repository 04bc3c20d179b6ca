/** Finding pictures: words of every script, only what the asker may see, stars, and a selection as zip. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import type { MessageRecord } from '../../adapters/web/conversation/message.ts';
import { createWebAdapter } from '../../adapters/web/server.ts';
import { readPngText, writePngText } from '../../src/image/png-text.ts';
import { shownPictures } from '../../src/shown-pictures.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { queryOf, wordsIn } from '../../src/store/words.ts';
import { startCommands } from '../commands/harness.ts';

let folder: string;
let store: Store<MessageRecord>;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'darkroom-find-'));
  store = await openStore<MessageRecord>({ folder });
});
after(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

const PIXEL = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
  .png()
  .toBuffer();

interface Drawn {
  readonly prompt: string;
  readonly user?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly frame?: object;
  readonly more?: object;
  readonly finding?: object;
}

/** @returns the picture's id */
async function draw(
  id: string,
  { prompt, user = 'web:ada', channel = 'web', tenant = 'web', frame = {}, more, finding }: Drawn,
) {
  const request = { model: 'mini', prompt, seed: 7, numImages: 1, width: 8, height: 8, ...more };
  const picture = await store.pictures.put(writePngText(PIXEL, { darkroom: `PNG of ${id}` }), {
    ...{ job: id, kind: 'result' },
  });
  await store.database.query(
    `insert into darkroom.job (id, tenant, user_id, user_name, platform, channel, request, inputs, model, frame, state, notes,
       cost, charged, share)
     values ($1, $2, $3, 'Ada', 'web', $4, $5, '{}', 'mini', $6, 'running', '[]', 1, 1, $7)`,
    [id, tenant, user, channel, JSON.stringify(request), JSON.stringify(frame), JSON.stringify({ tenant })],
  );
  await store.database.query(`select darkroom.finish($1, 1, 'done', $2, '[]', null, null, 'darkroom')`, [
    id,
    JSON.stringify([{ id: picture, width: 8, height: 8, ...(finding && { finding }) }]),
  ]);
  return picture;
}

const ADA = { user: 'web:ada', tenant: 'web', channel: 'web' };
const BO = { ...ADA, user: 'web:bo' };
const jobs = async (viewer: typeof ADA, filter: Parameters<Store<MessageRecord>['gallery']['find']>[1]) =>
  (await store.gallery.find(viewer, filter, { skip: 0, most: 20 })).map(({ job }) => job);

test('a word is found by how it begins; Korean, Japanese and accents too', async () => {
  const found: readonly (readonly [string, string, boolean])[] = [
    ['a red mug', 'mug red', true],
    ['a hundred mugs', 'red', false],
    ['Café au lait', 'cafe', true],
    ['빨간머그컵이 탁자 위에', '머그컵', true],
    ['빨간머그컵이 탁자 위에', '탁', true],
    ['빨간머그컵이', '컵머', false],
    ['赤いマグカップ', 'カップ', true],
    ['sdxl风格 of a cat', '风格 cat', true],
    ["it's 'quoted' & :*!", 'quoted', true],
  ];
  for (const [text, query, is] of found) {
    const [row] = await store.database.query<{ is: boolean }>(
      'select array_to_tsvector($1::text[]) @@ $2::tsquery as is',
      [wordsIn(text), queryOf(query)],
    );
    assert.equal(row!.is, is, `${query} in ${text}`);
  }
  assert.equal(queryOf(`' | !! :* \\`), undefined);
});

test('only what the asker may see: no other channel, nothing private, held, deleted or removed', async () => {
  await draw('public', { prompt: 'a red mug' });
  await draw('private', { prompt: 'a red boat', frame: { isPrivate: true } });
  await draw('other-channel', { prompt: 'a red car', channel: 'secret' });
  await draw('other-tenant', { prompt: 'a red hat', tenant: 'discord:1' });
  await draw('direct', { prompt: 'a red dog', tenant: '@web:ada', channel: 'dm' });
  await draw('held', { prompt: 'a red bomb', frame: { moderation: 'hold' } });
  await draw('gone', { prompt: 'a red fox' });
  await store.jobs.remove('gone');
  await draw('deleted', { prompt: 'a red owl' });
  await store.jobs.setDeleted('deleted', true);
  assert.deepEqual(await jobs(BO, { words: 'red' }), ['public']);
  assert.deepEqual(await jobs(ADA, { words: 'RED' }), [
    'direct',
    'other-tenant',
    'other-channel',
    'private',
    'public',
  ]);
  assert.deepEqual(await jobs(BO, { by: 'web:ada' }), ['public']);
  assert.deepEqual(await jobs({ ...BO, channel: 'dm', tenant: '@web:bo' }, {}), []);
  // What a reviewer approves is there from then on.
  await store.database.query(
    `update darkroom.job set pictures = (select pictures from darkroom.review where job = 'held') where id = 'held'`,
  );
  assert.deepEqual(await jobs(BO, { words: 'bomb' }), ['held']);
});

test('stars are each person\u2019s own, and go with the picture', async () => {
  const picture = await draw('star', { prompt: 'a blue mug' });
  assert.deepEqual(await store.gallery.toggleStar(picture, 'web:ada'), { isStarred: true, stars: 1 });
  assert.deepEqual(await store.gallery.toggleStar(picture, 'web:bo'), { isStarred: true, stars: 2 });
  assert.deepEqual(await jobs(BO, { isStarred: true }), ['star']);
  assert.deepEqual(await store.gallery.toggleStar(picture, 'web:bo'), { isStarred: false, stars: 1 });
  assert.deepEqual(await jobs(BO, { isStarred: true }), []);
  const [one] = await store.gallery.find(BO, { words: 'blue' }, { skip: 0, most: 1 });
  assert.deepEqual([one?.stars, one?.isStarred], [1, false]);
  await store.jobs.remove('star');
  assert.deepEqual(await store.database.query('select * from darkroom.star'), []);
});

test('/find says what it found, page by page, and that it found nothing', async () => {
  for (let i = 0; i < 6; i++) await draw(`page-${i}`, { prompt: `a green mug number ${i}` });
  const { say, press } = startCommands({ gallery: store.gallery });
  const said = { user: 'web:ada', platform: 'web', where: { tenant: 'web' } } as const;
  const first = (await say('/find green mug', said)).ephemeral[0]!;
  assert.equal(first.pictures?.length, 5);
  const next = first.actions!.at(-1)!;
  assert.deepEqual([next.label, next.id.length <= 100], ['Next', true]);
  const pressed = (await press(next.id, {}, said)).ephemeral[0]!;
  assert.deepEqual([pressed.fields!.length, pressed.actions!.length], [1, 1]);
  // A search that has no room in a button is gone on with by its words.
  const long = (await say(`/find ${'mug '.repeat(40)} green`, said)).ephemeral[0]!;
  assert.match(long.notes!.join(), /--page 2/);
  for (const forged of ['find:0:', 'find:999:w=mug', 'find:x', `find:2:${'w=%'.repeat(50)}`])
    assert.equal((await press(forged, {}, said)).ephemeral[0]!.error?.code, 'not_found', forged);
  assert.equal(first.actions![0]!.id, 'show:page-5:1');
  const second = (await say('/find green mug --page 2', said)).ephemeral[0]!;
  assert.deepEqual(
    second.fields!.map(({ name }) => name),
    ['1. a green mug number 0'],
  );
  assert.equal((await say('/find purple', said)).ephemeral[0]!.error?.code, 'not_found');
});

test('the gallery page and its zip: names are safe, recipes are in it, thousands are refused', async () => {
  const evil = await draw('evil', {
    prompt: '../../etc/<script>alert(1)</script> "con.exe',
    user: 'web:eve',
  });
  const hidden = await draw('hidden', { prompt: 'mine', user: 'web:eve', frame: { isPrivate: true } });
  const moderated = { frame: { moderation: 'spoiler' } };
  const flagged = await draw('flagged', { prompt: 'a pink boat', ...moderated });
  const finding = { isFlagged: false, label: 'concept 1', score: -0.1 };
  await draw('clear', { prompt: 'a pink car', ...moderated, finding });
  const adapter = createWebAdapter({
    isHeld: async () => false,
    ...{ host: '127.0.0.1', port: 0, users: 'header', secret: store.secret, gallery: store.gallery },
    ...{ messages: store.messages, people: store.people, pictures: shownPictures(store) },
    hasRecipe: (png) => readPngText(png, ['darkroom']).size > 0,
    handle: async () => {},
    describe: async () => ({}),
    complete: async () => [],
    ready: () => true,
    readUpload: async (bytes) => ({ bytes }),
  });
  await adapter.start();
  try {
    const headers = { 'x-darkroom-user': 'bo' };
    const page = await (await fetch(`${adapter.url}/gallery?words=script`, { headers })).text();
    assert.ok(page.includes(`value="${evil}"`) && !page.includes('<script>alert'), page);
    // What the check hid is fetched by nobody who does not open it; what it let through is shown.
    const pink = await (await fetch(`${adapter.url}/gallery?words=pink`, { headers })).text();
    const closed = /<details[^>]*><summary>Hidden by[^<]*<\/summary>(.*?)<\/details>/s.exec(pink);
    assert.ok(closed?.[1]?.includes(`${flagged}.png" alt`) && /loading="lazy"/.test(closed[1]), pink);
    assert.equal(pink.split('<details').length, 2);
    const zip = (ids: readonly string[]) =>
      fetch(`${adapter.url}/gallery/zip`, {
        ...{ method: 'POST', headers: { ...headers, accept: 'application/json' } },
        body: new URLSearchParams(ids.map((id): [string, string] => ['picture', id])),
      });
    const file = Buffer.from(await (await zip([evil, hidden])).arrayBuffer());
    assert.deepEqual(entriesOf(file), [
      ['001-etc-script-alert-1-script-con-exe-7.png', 0],
      ['recipes.jsonl', 0],
    ]);
    const veiled = Buffer.from(await (await zip([flagged])).arrayBuffer());
    assert.equal(entriesOf(veiled)[0]![0], 'hidden/001-a-pink-boat-7.png');
    const text = file.toString();
    assert.match(text, /"prompt":"\.\.\/\.\.\/etc/);
    assert.ok(text.includes('PNG of evil') && !text.includes('PNG of hidden') && !text.includes('mine'));
    await store.settings.apply({
      ...{ id: 'bare', tenant: 'web', at: Date.now(), author: { id: 'web:ada', name: 'Ada' } },
      ...{ key: 'prompt_in_files', scope: 'server', target: '', after: false },
    });
    const bare = Buffer.from(await (await zip([evil])).arrayBuffer());
    assert.equal(entriesOf(bare)[0]![0], '001-picture-7.png');
    assert.ok(!/etc|script|prompt/.test(bare.toString('latin1')));
    const many = await zip(Array.from({ length: 10_000 }, (_, i) => String(i).padStart(32, '0')));
    assert.match(JSON.stringify(await many.json()), /You selected 10000 pictures; a zip file may hold 200/);
    assert.equal((await zip([])).status, 400);
  } finally {
    await adapter.stop();
  }
});

/** Names and methods of the entries by the zip's directory (APPNOTE 4.3.12); method 0 stores. */
function entriesOf(zip: Buffer): [name: string, method: number][] {
  const found: [string, number][] = [];
  for (let at = zip.indexOf('PK\x01\x02'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 46)) {
    const length = zip.readUInt16LE(at + 28);
    found.push([zip.toString('utf8', at + 46, at + 46 + length), zip.readUInt16LE(at + 10)]);
  }
  return found;
}
