import assert from 'node:assert/strict';
import { cp, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openControlnets } from '../../src/engine/control/controlnets.ts';
import { cpuDevice } from '../../src/engine/device.ts';
import { Components } from '../../src/engine/model/components.ts';
import { LoadingWatch } from '../../src/engine/model/loading.ts';
import { Parts } from '../../src/engine/model/parts.ts';
import { Preparing } from '../../src/engine/model/preparing.ts';
import { readAhead } from '../../src/engine/read-ahead.ts';
import type { Loading } from '../../src/job.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { freezeRequest } from '../../src/request.ts';
import { copyModel, FIXTURES, type ForgedTensor, safetensors, temporaryFolder } from '../models/forge.ts';

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

test('a large model is told of with its ControlNets, and where its parts are loaded in turn', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  await enlargeTable(join(folder, 'text_encoder'));
  await cp(join(FIXTURES, '../controlnets/sd15-canny'), join(folder, 'controlnets/canny'), {
    recursive: true,
  });
  const spec = await openModelFolder(folder);
  const { request } = freezeRequest(
    { prompt: 'a mug', controls: [{ kind: 'canny', image: 'edges.png' }] },
    { model: 'tiny-sd15', defaults: spec.defaults },
  );
  const nets = await openControlnets(request, spec, {
    folders: [join(folder, '..')],
    inventory: new Inventory([join(folder, '..')]),
  });
  // What is mapped opens at once.
  const sideFiles = { folder: join(folder, 'weights'), limit: 1e12 };
  const device = { ...cpuDevice({ threads: 1 }), sideFiles };
  const preparing = new Preparing(device);
  t.after(() => preparing.close());
  const told = async (
    open: (components: Components, onLoading: (loading: Loading) => void) => Promise<unknown>,
  ) => {
    const components = new Components(spec, device, { parts: new Parts(device, preparing) });
    const first = Promise.withResolvers<Loading>();
    await open(components, first.resolve);
    await components.close();
    first.reject(new Error('nothing was told'));
    return first.promise;
  };
  const needs = { isTiled: false, spare: undefined };
  const plain = await told((components, onLoading) => components.openAll({ ...needs, onLoading }));
  const controlled = await told((components, onLoading) => components.openAll({ ...needs, nets, onLoading }));
  assert.ok(controlled.total > plain.total, 'the ControlNet counts');
  const inTurn = await told((components, onLoading) =>
    components.openInTurn({ onLoading }, () => components.session('textEncoder')),
  );
  assert.ok(inTurn.total > 1e9 && inTurn.total < plain.total, 'the VAE comes later');
});

/** Makes a text encoder's table of positions so large that its model counts as large; the new rows are a hole in the file. */
async function enlargeTable(folder: string): Promise<void> {
  const [table, rows] = ['text_model.embeddings.position_embedding.weight', 2 ** 24];
  const path = join(folder, 'model.safetensors');
  const bytes = await readFile(path);
  const start = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, ForgedTensor>;
  const { shape } = header[table]!;
  // A file may hold tensors that nobody reads, and no gaps.
  header['old'] = header[table]!;
  const size = bytes.length - start;
  const end = size + rows * Number(shape[1]) * 4;
  header[table] = { dtype: 'F32', shape: [rows, shape[1]], data_offsets: [size, end] };
  const json = JSON.stringify(header);
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  await writeFile(path, Buffer.concat([safetensors(padded, 0), bytes.subarray(start)]));
  await truncate(path, 8 + padded.length + end);
  const config = join(folder, 'config.json');
  await writeFile(
    config,
    (await readFile(config, 'utf8')).replace(
      /"max_position_embeddings": \d+/,
      `"max_position_embeddings": ${rows}`,
    ),
  );
}
