import assert from 'node:assert/strict';
import { chmod, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SideFiles, sideFilesOf, sourceOf } from '../../src/models/side-files.ts';
import { temporaryFolder } from './forge.ts';

const filled = (byte: number, bytes: number) => async (file: { write(data: Buffer): Promise<unknown> }) => {
  await file.write(Buffer.alloc(bytes, byte));
};
const never = async () => assert.fail('made again');
const HOUR = 3_600_000;

async function age(path: string, hours: number): Promise<void> {
  const then = new Date(Date.now() - hours * HOUR);
  await utimes(path, then, then);
}

test('a file is made once, and found again by another process', async (t) => {
  const folder = join(await temporaryFolder(t), 'side');
  const first = new SideFiles({ folder, limit: 100 });
  let made = 0;
  const open = () =>
    first.open(['a'], 10, async (file) => {
      made++;
      await file.write(Buffer.alloc(10, 7));
    });
  const [one, other] = await Promise.all([open(), open()]);
  assert.equal(made, 1);
  assert.equal(one!.path, other!.path);
  assert.deepEqual(await readFile(one!.path), Buffer.alloc(10, 7));
  await first.settled();
  const second = new SideFiles({ folder, limit: 100 });
  assert.equal((await second.open(['a'], 10, never))!.path, one!.path);
  assert.deepEqual(await second.usage(), { bytes: 10, files: 1 });
});

test('a file that was cut, or that never reached the disk, is made again', async (t) => {
  const folder = join(await temporaryFolder(t), 'side');
  const files = new SideFiles({ folder, limit: 100 });
  const { path } = (await files.open(['a'], 10, filled(1, 10)))!;
  await files.settled();
  await truncate(path, 4);
  assert.deepEqual(await readFile((await files.open(['a'], 10, filled(2, 10)))!.path), Buffer.alloc(10, 2));
  await files.settled();
  await rm(`${path}.whole`);
  assert.deepEqual(await readFile((await files.open(['a'], 10, filled(3, 10)))!.path), Buffer.alloc(10, 3));
  await files.settled();
});

test('the least recently used files make room, but never one in use', async (t) => {
  const folder = join(await temporaryFolder(t), 'side');
  const files = new SideFiles({ folder, limit: 30 });
  const paths: string[] = [];
  for (const [i, key] of ['a', 'b', 'c'].entries()) {
    const file = (await files.open([key], 10, filled(i, 10)))!;
    await files.settled();
    await age(file.path, 10 - i);
    paths.push(file.path);
    if (key !== 'a') file.release();
  }
  assert.ok(await files.open(['d'], 10, filled(4, 10)));
  await files.settled();
  const left = await readdir(folder);
  assert.deepEqual(
    paths.map((path) => left.includes(path.slice(folder.length + 1))),
    [true, false, true],
  );
  assert.equal(await files.open(['too large'], 31, never), undefined);
});

test('a folder has the limit that was asked for last', async (t) => {
  const folder = join(await temporaryFolder(t), 'side');
  assert.equal(await sideFilesOf({ folder, limit: 5 }).open(['a'], 10, never), undefined);
  const roomy = sideFilesOf({ folder, limit: 10 });
  assert.ok(await roomy.open(['a'], 10, filled(1, 10)));
  await roomy.settled();
});

test('what a process that died has left is cleared away', async (t) => {
  const folder = join(await temporaryFolder(t), 'side');
  const files = new SideFiles({ folder, limit: 30 });
  const { path } = (await files.open(['a'], 10, filled(1, 10)))!;
  await writeFile(`${path}.1.part`, 'half');
  await age(`${path}.1.part`, 2);
  assert.ok(await files.open(['b'], 10, filled(2, 10)));
  await files.settled();
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('without room or permission there is no file, and no error', async (t) => {
  const parent = await temporaryFolder(t);
  const missing = new SideFiles({ folder: join(parent, 'no', 'side'), limit: 30 });
  assert.equal(await missing.open(['a'], 10, never), undefined);
  assert.deepEqual(await missing.usage(), { bytes: 0, files: 0 });
  assert.equal(
    await new SideFiles({ folder: join(parent, 'side'), limit: 0 }).open(['a'], 1, never),
    undefined,
  );
  const files = new SideFiles({ folder: join(parent, 'full'), limit: 30 });
  const full = async () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
  assert.equal(await files.open(['a'], 10, full), undefined);
  assert.deepEqual(await readdir(join(parent, 'full')), []);
  await assert.rejects(
    files.open(['a'], 10, async () => Promise.reject(new Error('bad weights'))),
    /bad weights/,
  );
  await writeFile(join(parent, 'file'), '');
  await chmod(join(parent, 'file'), 0o444);
  const notFolder = new SideFiles({ folder: join(parent, 'file', 'side'), limit: 30 });
  assert.equal(await notFolder.open(['a'], 10, never), undefined);
});

test('a source that changes is another source', async (t) => {
  const path = join(await temporaryFolder(t), 'model.safetensors');
  await writeFile(path, 'one');
  const before = await sourceOf(path);
  await age(path, 1);
  assert.notEqual(await sourceOf(path), before);
});
