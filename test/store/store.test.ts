import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openJournal } from '../../src/store/journal.ts';
import { openPictures } from '../../src/store/pictures.ts';
import { openStore } from '../../src/store/store.ts';

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-store-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Entry {
  readonly id: string;
  readonly value?: number;
}

test('the latest record of an id wins, in the order of first sight', async (t) => {
  const file = join(await folderFor(t), 'new', 'journal.jsonl');
  const journal = await openJournal<Entry>(file);
  await journal.put({ id: 'a', value: 1 }, { durable: true });
  await Promise.all([journal.put({ id: 'b' }), journal.put({ id: 'a', value: 2 }), journal.put({ id: 'c' })]);
  await journal.remove('b');
  const expected = [{ id: 'a', value: 2 }, { id: 'c' }];
  assert.deepEqual(journal.all(), expected);
  await journal.close();
  const again = await openJournal<Entry>(file);
  assert.deepEqual(again.all(), expected);
  assert.equal(again.get('b'), undefined);
  await again.close();
  assert.equal((await readFile(file, 'utf8')).split('\n').length, 3); // compacted
});

test('a durable record is on the disk when put resolves', async (t) => {
  const file = join(await folderFor(t), 'journal.jsonl');
  const journal = await openJournal<Entry>(file);
  await journal.put({ id: 'a' }, { durable: true });
  assert.equal(await readFile(file, 'utf8'), '{"id":"a"}\n');
  await journal.close();
});

test('a torn last line is passed over, and the next record stands on its own line', async (t) => {
  const file = join(await folderFor(t), 'journal.jsonl');
  await writeFile(file, '{"id":"a","value":1}\nnull\n[]\n{"id":"b","val');
  const journal = await openJournal<Entry>(file);
  await journal.put({ id: 'c' });
  await journal.close();
  await appendFile(file, '{"id":');
  const again = await openJournal<Entry>(file);
  assert.deepEqual(again.all(), [{ id: 'a', value: 1 }, { id: 'c' }]);
  await again.close();
});

test('pictures come back under ids that nobody can guess or bend', async (t) => {
  const folder = await folderFor(t);
  await writeFile(join(folder, 'secret.png'), 'no');
  const pictures = await openPictures(join(folder, 'pictures'));
  const id = await pictures.put(new Uint8Array([1, 2, 3]));
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.deepEqual([...(await pictures.get(id))!], [1, 2, 3]);
  for (const bent of ['../secret', `${id}/../${id}`, id.toUpperCase(), `${id}\n`, '', 'f'.repeat(32)]) {
    assert.equal(bent === id ? undefined : await pictures.get(bent), undefined, bent);
  }
  await pictures.remove('../secret');
  assert.equal((await stat(join(folder, 'secret.png'))).size, 2);
  await pictures.remove(id);
  assert.equal(await pictures.get(id), undefined);
});

test('the key of the cookies stays the same, and is the owner’s alone', async (t) => {
  const folder = await folderFor(t);
  const first = await openStore<Entry>(folder);
  await first.close();
  const second = await openStore<Entry>(folder);
  await second.close();
  assert.deepEqual(first.secret, second.secret);
  assert.equal((await stat(join(folder, 'secret'))).mode & 0o077, 0);
});
