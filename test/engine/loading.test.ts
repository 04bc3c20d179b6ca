import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { LoadingWatch } from '../../src/engine/model/loading.ts';
import { readAhead } from '../../src/engine/read-ahead.ts';
import type { Loading } from '../../src/job.ts';
import { temporaryFolder } from '../models/forge.ts';

test('files that are not in memory are read from front to back, others not', async (t) => {
  const folder = await temporaryFolder(t);
  const files = [join(folder, 'a'), join(folder, 'b')];
  for (const file of files) await writeFile(file, Buffer.alloc(9 * 2 ** 20));
  const sharesOf = async (options: Parameters<typeof readAhead>[2]) => {
    const shares: number[] = [];
    await readAhead([...files, join(folder, 'missing')], (share) => shares.push(share), options);
    return shares;
  };
  const fromDisk = { fromMemoryMs: 0, free: async () => 2 ** 30 };
  assert.deepEqual(await sharesOf(fromDisk), [8 / 18, 0.5, 17 / 18, 1]);
  assert.deepEqual(await sharesOf({ ...fromDisk, fromMemoryMs: 1e9 }), []);
  assert.deepEqual(
    await sharesOf({ ...fromDisk, free: async () => 1000 }),
    [],
    'memory has no room for them',
  );
});

test('only a large model is told of, from its beginning on and not too often', () => {
  const told: Loading[] = [];
  const bytes = (a: number, b: number) => new Map(Object.entries({ a, b }));
  const watch = new LoadingWatch(bytes(2e9, 5e9), (loading) => told.push(loading));
  assert.deepEqual(told, [{ opened: 0, total: 7e9 }]);
  for (let share = 0; share < 1; share += 0.001) watch.read('a', share);
  assert.ok(told.length < 5);
  new LoadingWatch(bytes(5e8, 4e8), () => assert.fail('it is small'));
});
