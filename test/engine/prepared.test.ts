import assert from 'node:assert/strict';
import { readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { cpuDevice, targetOf } from '../../src/engine/device.ts';
import { preparedSettled } from '../../src/engine/prepared.ts';
import { openSession } from '../../src/engine/session.ts';
import { modelFolders } from '../../src/installed-models.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { temporaryFolder } from '../models/forge.ts';

test('a graph that was opened before is opened from what was kept, with the same numbers to the bit', async (t) => {
  const spec = await openModelFolder(modelFolders([])[0]!);
  const folder = join(await temporaryFolder(t), 'weights');
  const draw = async (limit: number) => {
    const device = { ...cpuDevice({ threads: 1 }), sideFiles: { folder, limit, least: 0 } };
    const session = await openSession(spec.graph('denoiser', targetOf(device)), device);
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
    await preparedSettled();
    return data;
  };
  const kept = async () => (await readdir(folder)).filter((name) => name.endsWith('.weights'));

  const first = await draw(1e9);
  const [name] = await kept();
  const path = join(folder, name!);
  const { ino, size } = await stat(path);
  assert.deepEqual(await draw(1e9), first);
  assert.equal((await stat(path)).ino, ino, 'it was made once');

  // The mark says that these bytes are whole, and they are no model.
  await truncate(path, 1000);
  await writeFile(`${path}.whole`, '1000');
  assert.deepEqual(await draw(1e9), first);
  assert.deepEqual(await kept(), [], 'what cannot be used is deleted');
  assert.deepEqual(await draw(1e9), first);
  assert.equal((await stat(path)).size, size, 'and made again');
});
