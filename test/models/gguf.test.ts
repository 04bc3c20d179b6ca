/** GGUF files against what gguf's own package decodes, and transformers and diffusers run (make_gguf.py). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { linear } from '../../src/graph/layers.ts';
import { PORTABLE, type Target, WEBGPU } from '../../src/graph/target.ts';
import { readWeights } from '../../src/models/weights.ts';
import { agree, outputs, type PackedTensor, unpacked } from '../graph/agree.ts';
import { FIXTURES } from './forge.ts';

const FOLDER = join(FIXTURES, '../gguf');
const goldens = JSON.parse(await readFile(join(FOLDER, 'goldens.json'), 'utf8')) as {
  products: { x: PackedTensor; types: Record<string, { product: PackedTensor; rows: PackedTensor }> };
};

const TARGETS: readonly (readonly [string, Target])[] = [
  ['in place', PORTABLE],
  ['folded', { ...PORTABLE, blocksInPlace: false }],
  ['for WebGPU', WEBGPU],
];

for (const [how, target] of TARGETS) {
  test(`weights of every type, ${how}: products, parts of rows, swapped halves and looked-up rows`, async () => {
    const { x, types } = goldens.products;
    const { tensors } = await readWeights(join(FOLDER, 'blocks.gguf'));
    const halvesSwapped = new Map(
      Array.from(tensors, ([name, stored]) => [
        `swapped.${name}`,
        { ...stored, decode: { halvesSwapped: true as const } },
      ]),
    );
    const component = { configFile: 'blocks', config: {}, tensors: new Map([...tensors, ...halvesSwapped]) };
    const b = new GraphBuilder('products', component, target);
    const input = b.input('x', 'float', ['rows', 512]);
    const ids = b.input('ids', 'int64', ['words']);
    for (const type of Object.keys(types)) {
      const bare = { bias: false };
      b.output(type, linear(b, input, type, 512, 6, bare), ['rows', 6]);
      const part = linear(b, input, type, 512, 6, { ...bare, rows: { first: 2, count: 3 } });
      b.output(`${type} part`, part, ['rows', 3]);
      b.output(`${type} swapped`, linear(b, input, `swapped.${type}`, 512, 6, bare), ['rows', 6]);
      b.output(`${type} found`, b.lookup(`${type}.weight`, [6, 512], ids), ['words', 512]);
    }
    const names = Object.keys(types).flatMap((type) => [
      type,
      `${type} part`,
      `${type} swapped`,
      `${type} found`,
    ]);
    const feeds = { x: unpacked(x), ids: { data: BigInt64Array.of(5n, 0n), dims: [2] } };
    const made = await outputs(b.finish(), feeds, names);
    for (const [type, golden] of Object.entries(types)) {
      const product = unpacked(golden.product);
      const columns = (of: readonly number[]) => ({
        data: Float32Array.from(
          [0, 1, 2].flatMap((row) => of.map((column) => product.data[row * 6 + column]!)),
        ),
        dims: [3, of.length],
      });
      agree(made[type]!, product, type);
      agree(made[`${type} part`]!, columns([2, 3, 4]), `${type} part`);
      agree(made[`${type} swapped`]!, columns([3, 4, 5, 0, 1, 2]), `${type} swapped`);
      const { data } = made[`${type} found`]!;
      const found = {
        data: Float32Array.from([0, 1].flatMap((row) => [...data.subarray(row * 512, row * 512 + 40)])),
        dims: [2, 40],
      };
      agree(found, unpacked(golden.rows), `${type} found`);
    }
  });
}
