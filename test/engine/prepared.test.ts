import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { cpuDevice, targetOf } from '../../src/engine/device.ts';
import { Preparing, prepareModel } from '../../src/engine/model/model-cache.ts';
import type { PreparedOptions } from '../../src/engine/prepared.ts';
import { openSession, prepareSession } from '../../src/engine/session.ts';
import { modelFolders } from '../../src/installed-models.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { sideFilesSettled } from '../../src/models/side-files.ts';
import { temporaryFolder } from '../models/forge.ts';

const spec = await openModelFolder(modelFolders([])[0]!);

function deviceWith(sideFiles: PreparedOptions) {
  return { ...cpuDevice({ threads: 1 }), sideFiles };
}

const graphFor = (device: ReturnType<typeof deviceWith>) => spec.graph('denoiser', targetOf(device));

/** One call of a fresh session. */
async function draw(device: ReturnType<typeof deviceWith>) {
  const session = await openSession(graphFor(device), device);
  const field = (dims: readonly number[]) => {
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => (i % 101) / 50 - 1);
    return { data, dims };
  };
  const states = spec.denoiser.component.config['cross_attention_dim'] as number;
  const feeds = {
    sample: field([1, spec.latentChannels, 8, 8]),
    timestep: { data: Float32Array.of(500), dims: [1] },
    encoder_hidden_states: field([1, 16, states]),
  };
  const { data } = (await session.run(feeds, ['out_sample'])).out_sample;
  await session.close();
  await sideFilesSettled();
  return { data, isProvisional: session.isProvisional };
}

const keptIn = async (folder: string) =>
  (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.weights'));

test('a graph that was opened before is opened from what was kept, with the same numbers to the bit', async (t) => {
  const folder = join(await temporaryFolder(t), 'weights');
  const device = deviceWith({ folder, limit: 1e9, least: 0 });
  const { data } = await draw(device);
  assert.deepEqual(await keptIn(folder), [], 'nobody waits for its file');
  assert.ok(await prepareSession(graphFor(device), device));
  const first = await draw(device);
  assert.deepEqual(first, { data, isProvisional: false });
  const [name] = await keptIn(folder);
  const path = join(folder, name!);
  const { ino, size } = await stat(path);
  const { bytes } = graphFor(device).source!;
  assert.ok(size < 1.05 * bytes + 1e6, `each weight is kept once: ${size} bytes for ${bytes}`);
  assert.deepEqual(await draw(device), first);
  assert.equal((await stat(path)).ino, ino, 'it was made once');

  // The mark says that these bytes are whole, and they are no model.
  await truncate(path, 1000);
  await writeFile(`${path}.whole`, '1000');
  assert.deepEqual(await draw(device), { data, isProvisional: true });
  assert.deepEqual(await keptIn(folder), [], 'what cannot be used is deleted');
  assert.ok(await prepareSession(graphFor(device), device));
  assert.deepEqual(await draw(device), first);
  assert.equal((await stat(path)).size, size, 'and made again');
});

test('a large graph is mapped at first, and made faster while the engine is idle', async (t) => {
  const folder = join(await temporaryFolder(t), 'weights');
  const device = deviceWith({ folder, limit: 1e9, least: 0, leastMapped: 0 });
  const mapped = await draw(device);
  assert.ok(mapped.isProvisional);
  assert.deepEqual(await keptIn(folder), [], 'nobody waits for it');

  const isKept = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let starts = 0;
  const preparing = new Preparing(device, {
    quietMs: 0,
    niceness: 0,
    free: async () => {
      starts++;
      begun.resolve();
      return Number.POSITIVE_INFINITY;
    },
  });
  t.after(() => preparing.close());
  preparing.add(graphFor(device), isKept.resolve);
  await begun.promise;
  const end = await preparing.hold();
  assert.deepEqual(await readdir(folder).catch(() => []), [], 'a job ends it, and nothing of it stays');
  end();
  await isKept.promise;
  assert.equal(starts, 2);
  assert.equal((await keptIn(folder)).length, 1);
  const kept = await draw(device);
  assert.equal(kept.isProvisional, false);
  assert.ok(mapped.data.every((value, i) => Math.abs(value - kept.data[i]!) < 1e-4));
});

test('a process that has nothing else to do still waits for the end of what is being made', async (t) => {
  const folder = join(await temporaryFolder(t), 'weights');
  const device = deviceWith({ folder, limit: 1e9, least: 0, leastMapped: 0 });
  const code = `
    const { Preparing } = await import(${JSON.stringify(new URL('../../src/engine/model/preparing.ts', import.meta.url).href)});
    const device = ${JSON.stringify(device)};
    const begun = Promise.withResolvers();
    const preparing = new Preparing(device, {
      quietMs: 0,
      free: async () => {
        setTimeout(begun.resolve, 100);
        return Number.POSITIVE_INFINITY;
      },
    });
    preparing.add({ bytes: new Uint8Array(), folder: '', source: { files: [], bytes: 1, isCast: true } }, () => {});
    const alive = setInterval(() => {}, 1000);
    await begun.promise;
    clearInterval(alive);
    await preparing.close();
    console.log('closed');
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  assert.equal(stdout, 'closed\n');
});

test('a model is prepared ahead of its first picture, and what cannot be kept is told apart', async (t) => {
  const folder = await temporaryFolder(t);
  const kept = { folder: join(folder, 'kept'), limit: 1e9, least: 0, leastMapped: 0 };
  const outcomes = async (sideFiles: PreparedOptions, free = Number.POSITIVE_INFINITY) =>
    (await Array.fromAsync(prepareModel(spec, deviceWith(sideFiles), async () => free))).map(
      ({ outcome }) => outcome,
    );
  const all = (outcome: string) => new Array(spec.textEncoders.length + 3).fill(outcome);
  assert.deepEqual(await outcomes({ ...kept, least: 1e9 }), all('small'));
  assert.deepEqual(await outcomes({ ...kept, folder: join(folder, 'small'), limit: 1000 }), all('disk'));
  assert.deepEqual(await outcomes(kept, 1000), all('memory'));
  assert.deepEqual(await outcomes(kept), all('kept'));
  assert.equal((await draw(deviceWith(kept))).isProvisional, false);
});

test('nothing is made where memory is short or the folder may not grow so far', async (t) => {
  const folder = join(await temporaryFolder(t), 'weights');
  const device = deviceWith({ folder, limit: 1e9, least: 0, leastMapped: 0 });
  const asked = Promise.withResolvers<void>();
  const preparing = new Preparing(device, {
    quietMs: 0,
    free: async () => {
      asked.resolve();
      return 1000;
    },
  });
  t.after(() => preparing.close());
  preparing.add(graphFor(device), () => assert.fail('it was made'));
  await asked.promise;
  await (await preparing.hold())();
  assert.deepEqual(await keptIn(folder), []);
  const { isProvisional } = await draw(deviceWith({ folder, limit: 1000, least: 0, leastMapped: 0 }));
  assert.equal(isProvisional, false, 'without a file to come, it is opened as fast as it can run');
});
