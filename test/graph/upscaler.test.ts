import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { upscalerGraph } from '../../src/graph/upscaler.ts';
import { agree, outputs, type PackedTensor, temporaryFolder, unpacked } from './agree.ts';
import { field, forgeComponent } from './forge.ts';

interface Golden {
  name: string;
  config: Record<string, unknown>;
  tensors: Record<string, number[]>;
  picture: number[];
  enlarged: PackedTensor;
}
const goldens: Golden[] = JSON.parse(
  await readFile(join(import.meta.dirname, 'upscaler.golden.json'), 'utf8'),
);

for (const { name, config, tensors, picture, enlarged } of goldens) {
  test(`an upscaler, ${name}, agrees with torch`, async (t) => {
    const component = await forgeComponent(await temporaryFolder(t), config, tensors);
    const { data, dims } = field('picture', picture);
    const found = await outputs(upscalerGraph(component), { picture: { data: data.map(Math.abs), dims } }, [
      'enlarged',
    ]);
    agree(found['enlarged']!, unpacked(enlarged), 'enlarged');
  });
}

for (const [what, change] of [
  ['grey pictures', { num_in_ch: 1 }],
  ['another activation', { act_type: 'silu' }],
  ['eight times longer sides', { upscale: 8 }],
  ['an option of another version', { norm: true }],
] as const) {
  test(`an upscaler with ${what} is refused by name`, async (t) => {
    const [{ config, tensors }] = goldens as [Golden];
    const component = await forgeComponent(await temporaryFolder(t), { ...config, ...change }, tensors);
    assert.throws(() => upscalerGraph(component), new RegExp(Object.keys(change)[0]!));
  });
}
