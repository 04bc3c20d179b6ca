import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { outlineOf } from '../../src/graph/outline.ts';
import { CUDA, PORTABLE } from '../../src/graph/target.ts';
import { findUpscaler } from '../../src/models/upscaler/network.ts';
import { agree, outputs, type PackedTensor, temporaryFolder, unpacked } from './agree.ts';
import { field, forgeComponent } from './forge.ts';

interface Golden {
  name: string;
  tensors: Record<string, number[]>;
  picture: number[];
  scale: number;
  enlarged: PackedTensor;
}
const goldens: Golden[] = JSON.parse(await readFile(join(import.meta.dirname, 'rrdb.golden.json'), 'utf8'));

for (const { name, tensors, picture, scale, enlarged } of goldens) {
  test(`an upscaler's file, ${name}, agrees with spandrel`, async (t) => {
    const component = await forgeComponent(await temporaryFolder(t), {}, tensors);
    const found = findUpscaler(component.tensors, 'upscaler.safetensors');
    assert.ok(found !== undefined && 'network' in found);
    const { network } = found;
    assert.equal(network.scale, scale);
    const graph = network.graph(PORTABLE);
    const { data, dims } = field('picture', picture);
    const made = await outputs(graph, { picture: { data: data.map(Math.abs), dims } }, ['enlarged']);
    agree(made['enlarged']!, unpacked(enlarged), 'enlarged');
    // Its memory can be planned, and it can be built for a card.
    assert.deepEqual(outlineOf(graph).unknown, []);
    assert.deepEqual(outlineOf(network.graph(CUDA)).unknown, []);
  });
}

test('an upscaler for other channels, one of another architecture, and what is none are told apart', async (t) => {
  const [{ tensors }] = goldens as [Golden];
  const found = async (change: Record<string, number[]>) => {
    const component = await forgeComponent(await temporaryFolder(t), {}, { ...tensors, ...change });
    return findUpscaler(component.tensors, 'x.pth');
  };
  assert.deepEqual(await found({ 'model.0.weight': [8, 1, 3, 3] }), {
    refusal:
      'The upscaler x.pth cannot be used: it reads 1 and writes 3 channels, and pictures in colour have 3.',
  });
  const foreign = await found({ 'layers.0.residual_group.blocks.0.norm1.weight': [4] });
  assert.deepEqual(foreign, { foreign: 'SwinIR' });
  assert.equal(findUpscaler(new Map(), 'x.pth'), undefined);
});
