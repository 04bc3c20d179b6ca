/** GGUF files against what gguf's own package decodes, and transformers and diffusers run (make_gguf.py). */
import assert from 'node:assert/strict';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { cpuDevice } from '../../src/engine/device.ts';
import { Multiplier, readBlocks } from '../../src/engine/lora/arithmetic.ts';
import { branchFeeds, canBranch, withBranches } from '../../src/engine/lora/branches.ts';
import { planFold, withFold, writeFold } from '../../src/engine/lora/fold.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Component, StoredTensor } from '../../src/graph/component.ts';
import { fluxTransformerGraph } from '../../src/graph/flux.ts';
import { flux2Graph } from '../../src/graph/flux2.ts';
import { linear } from '../../src/graph/layers.ts';
import { qwen3Graph } from '../../src/graph/qwen3.ts';
import { t5EncoderGraph } from '../../src/graph/t5.ts';
import { PORTABLE, type Target, WEBGPU } from '../../src/graph/target.ts';
import { zImageGraph } from '../../src/graph/z-image.ts';
import { readQwenText } from '../../src/models/checkpoint/qwen-text.ts';
import { readT5Text } from '../../src/models/checkpoint/t5-text.ts';
import type { Denoiser } from '../../src/models/families/family.ts';
import { fluxCheckpoint } from '../../src/models/families/flux-checkpoint.ts';
import { flux2Checkpoint } from '../../src/models/families/flux2-checkpoint.ts';
import { gridPositions, rotaryTables } from '../../src/models/families/rotary.ts';
import { zImageCheckpoint } from '../../src/models/families/z-image-checkpoint.ts';
import type { Arithmetic } from '../../src/models/lora/delta.ts';
import { openLora } from '../../src/models/lora/file.ts';
import { planLora } from '../../src/models/lora/plan.ts';
import { ValueReader } from '../../src/models/lora/values.ts';
import { readWeights } from '../../src/models/weights.ts';
import { agree, outputs, type PackedTensor, temporaryFolder, unpacked } from '../graph/agree.ts';
import { FIXTURES, write } from './forge.ts';
import { gguf } from './forge-gguf.ts';
import { random, writeLora } from './lora-files.ts';

const FOLDER = join(FIXTURES, '../gguf');
const goldens = JSON.parse(await readFile(join(FOLDER, 'goldens.json'), 'utf8')) as {
  products: { x: PackedTensor; types: Record<string, { product: PackedTensor; rows: PackedTensor }> };
  t5: { ids: number[]; states: PackedTensor };
  qwen: { ids: number[]; layer: number; states: PackedTensor };
  flux: Transformer & { pooled: PackedTensor; guidance: number };
  zImage: Transformer;
  klein: Transformer;
};

interface Transformer {
  latents: PackedTensor;
  words: PackedTensor;
  timestep: number;
  out: PackedTensor;
}

const TARGETS: readonly (readonly [string, Target])[] = [
  ['in place', PORTABLE],
  ['folded', { ...PORTABLE, blocksInPlace: false }],
  ['for WebGPU', WEBGPU],
];

const idsOf = (ids: readonly number[]) => ({ data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] });
const one = (value: number) => ({ data: Float32Array.of(value), dims: [1] });

test('a T5 in llama.cpp’s names gives the states that transformers gives for the decoded weights', async () => {
  const { ids, states } = goldens.t5;
  const { tensors, label } = await readWeights(join(FOLDER, 't5.gguf'));
  const graph = t5EncoderGraph({ configFile: label, ...readT5Text(tensors) });
  const { last_hidden_state: made } = await outputs(graph, { input_ids: idsOf(ids) }, ['last_hidden_state']);
  agree(made!, unpacked(states), 'states');
});

test('a Qwen3 in llama.cpp’s names gives the states that transformers gives for the decoded weights', async () => {
  const { ids, layer, states } = goldens.qwen;
  const { tensors, label } = await readWeights(join(FOLDER, 'qwen.gguf'));
  const graph = qwen3Graph({ configFile: label, ...readQwenText(tensors) }, [layer]);
  const feeds = {
    input_ids: idsOf(ids),
    padding: { data: new Float32Array(ids.length), dims: [1, ids.length] },
    ...rotaryTables(
      ids.map((_, i) => [i]),
      { channels: [16], theta: 1e6, precision: 'float32' },
    ),
  };
  const name = `hidden_states.${layer}`;
  agree((await outputs(graph, feeds, [name]))[name]!, unpacked(states), 'states');
});

test('a FLUX.1 in its authors’ names predicts what diffusers predicts with the decoded weights', async () => {
  const { latents, words, pooled, timestep, guidance, out } = goldens.flux;
  const weights = await readWeights(join(FOLDER, 'flux.gguf'));
  assert.deepEqual(fluxCheckpoint.recognise(weights), {
    ...{ base: 'FLUX.1', variant: 'dev', hasVae: false, hasTextEncoders: false },
  });
  const { components } = await fluxCheckpoint.read(weights, {});
  const grid = gridPositions(2, 3, (row, column) => [0, row, column]);
  const feeds = {
    hidden_states: unpacked(latents),
    encoder_hidden_states: unpacked(words),
    pooled_projections: unpacked(pooled),
    timestep: one(timestep),
    guidance: one(guidance),
    ...rotaryTables([...grid, ...Array.from({ length: 5 }, () => [0, 0, 0])], {
      ...{ channels: [4, 14, 14], theta: 10_000, precision: 'float64' },
    }),
  };
  const graph = fluxTransformerGraph(components.get('transformer')!);
  const made = await outputs(graph, feeds, ['out_hidden_states']);
  agree(made['out_hidden_states']!, unpacked(out), 'velocity');
});

test('a Z-Image in its authors’ names predicts what diffusers predicts with the decoded weights', async (t) => {
  const { latents, words, timestep, out } = goldens.zImage;
  const file = join(await temporaryFolder(t), 'z-image.gguf');
  await writeFile(file, gunzipSync(await readFile(join(FOLDER, 'z-image.gguf.gz'))));
  const weights = await readWeights(file);
  assert.equal(zImageCheckpoint.recognise(weights)?.base, 'Z-Image');
  const { components } = await zImageCheckpoint.read(weights, {});
  const grid = gridPositions(2, 3, (row, column) => [33, row, column]);
  const filling = Array.from({ length: 32 - grid.length }, () => [0, 0, 0]);
  const text = Array.from({ length: 32 }, (_, i) => [i + 1, 0, 0]);
  const feeds = {
    hidden_states: unpacked(latents),
    encoder_hidden_states: unpacked(words),
    timestep: one(timestep),
    ...rotaryTables([...grid, ...filling, ...text], {
      ...{ channels: [4, 6, 6], theta: 256, precision: 'rounded' },
    }),
  };
  const graph = zImageGraph(components.get('transformer')!);
  const made = await outputs(graph, feeds, ['out_hidden_states']);
  agree(made['out_hidden_states']!, unpacked(out), 'velocity');
});

test('a FLUX.2 klein in its authors’ names predicts what diffusers predicts with the decoded weights', async () => {
  const { latents, words, timestep, out } = goldens.klein;
  const weights = await readWeights(join(FOLDER, 'klein.gguf'));
  assert.equal(flux2Checkpoint.recognise(weights)?.base, 'FLUX.2 klein');
  const { components } = await flux2Checkpoint.read(weights, {});
  const grid = gridPositions(2, 3, (row, column) => [0, row, column, 0]);
  const feeds = {
    hidden_states: unpacked(latents),
    reference_states: { data: new Float32Array(), dims: [1, 0, 32] },
    encoder_hidden_states: unpacked(words),
    timestep: one(timestep),
    ...rotaryTables([...grid, ...Array.from({ length: 5 }, (_, i) => [0, 0, 0, i])], {
      ...{ channels: [8, 8, 8, 8], theta: 2000, precision: 'float64' },
    }),
  };
  const graph = flux2Graph(components.get('transformer')!);
  const made = await outputs(graph, feeds, ['out_hidden_states']);
  agree(made['out_hidden_states']!, unpacked(out), 'velocity');
});

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

test('a large weight in blocks is read out a part at a time, with the numbers that it has at once', async (t) => {
  const [rows, columns] = [4098, 4096];
  const bytes = gguf({ tensors: [['large.weight', 8, [columns, rows], (rows * columns * 34) / 32]] });
  const start = bytes.length - (rows * columns * 34) / 32;
  // Blocks of Q8_0: a scale of 1, and numbers that tell their row.
  for (let at = start, i = 0; at < bytes.length; at += 34, i++) {
    bytes.writeUInt16LE(0x3c00, at);
    bytes.writeInt8(Math.floor((i * 32) / columns) % 100, at + 2);
  }
  const file = await write(join(await temporaryFolder(t), 'large.gguf'), bytes);
  const component = { configFile: 'large', config: {}, tensors: (await readWeights(file)).tensors };
  const b = new GraphBuilder('large', component, PORTABLE);
  const input = b.input('x', 'float', [1, columns]);
  b.output('all', linear(b, input, 'large', columns, rows, { bias: false }), [1, rows]);
  const some = { bias: false, rows: { first: 3, count: 4000 } };
  b.output('some', linear(b, input, 'large', columns, rows, some), [1, 4000]);
  const graph = b.finish();
  const products = Buffer.from(graph.bytes).toString('latin1').split('com.microsoft').length;
  assert.ok(products > 4, `${products} products`);
  const x = { data: new Float32Array(columns).fill(1), dims: [1, columns] };
  const made = await outputs(graph, { x }, ['all', 'some']);
  const sums = Float32Array.from({ length: rows }, (_, row) => (row % 100) * (columns / 32));
  assert.deepEqual(made['all']!.data, sums);
  assert.deepEqual(made['some']!.data, sums.subarray(3, 4003));
});

async function folded(
  component: Component,
  changes: Parameters<typeof planFold>[1],
  path: string,
  arithmetic: Arithmetic,
): Promise<Component> {
  const fold = planFold(component, changes, 'F32');
  const file = await open(path, 'wx');
  await writeFold(fold, file, arithmetic).finally(() => file.close());
  return withFold(component, fold, path);
}

test('LoRAs over weights in blocks: factors beside them, and differences folded into what they are read out to', async (t) => {
  const { x, types } = goldens.products;
  const input = unpacked(x);
  const { tensors } = await readWeights(join(FOLDER, 'blocks.gguf'));
  const component = { configFile: 'blocks', config: {}, tensors };
  const folder = await temporaryFolder(t);
  const [up, down, whole] = [random(1, 6, 2), random(2, 2, 512), random(3, 6, 512)];
  const reader = new ValueReader();
  const device = cpuDevice({ threads: 1 });
  const multiplier = new Multiplier(device);
  t.after(() => Promise.all([reader.close(), multiplier.close()]));
  const arithmetic = {
    multiply: multiplier.multiply.bind(multiplier),
    read: (stored: StoredTensor) =>
      stored.dtype === 'F32' ? reader.read(stored) : readBlocks(stored, device),
  };
  /** What a change of rank 2, or a whole difference, adds to x W^T in each column. */
  const added = (matrix: (row: number, column: number) => number) =>
    Float32Array.from({ length: 18 }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < 512; k++) sum += input.data[Math.floor(i / 6) * 512 + k]! * matrix(i % 6, k);
      return sum;
    });
  const ofFactors = added(
    (row, k) => up.data[row * 2]! * down.data[k]! + up.data[row * 2 + 1]! * down.data[512 + k]!,
  );
  const ofWhole = added((row, k) => whole.data[row * 512 + k]!);
  for (const [name, values] of [
    [
      'factors',
      (type: string) => ({
        [`transformer.${type}.lora_A.weight`]: down,
        [`transformer.${type}.lora_B.weight`]: up,
      }),
    ],
    ['whole', (type: string) => ({ [`transformer.${type}.diff`]: whole })],
  ] as const) {
    const file = await openLora(
      await writeLora(folder, name, Object.assign({}, ...Object.keys(types).map(values))),
    );
    const { changes } = planLora(file, {
      name: 'blocks',
      denoiser: { component, originalNames: () => [] } as unknown as Denoiser,
      textEncoders: [],
    });
    const weighted = changes.map((change) => ({ ...change, weight: 1, lora: name }));
    const isBeside = canBranch(weighted, component);
    assert.equal(isBeside, name === 'factors');
    const changed = isBeside
      ? withBranches(component, new Set(Object.keys(types)))
      : await folded(component, weighted, join(folder, 'folded'), arithmetic);
    const b = new GraphBuilder('products', changed);
    const value = b.input('x', 'float', ['rows', 512]);
    for (const type of Object.keys(types))
      b.output(type, linear(b, value, type, 512, 6, { bias: false }), ['rows', 6]);
    const factors = isBeside ? await branchFeeds(changed, weighted, { type: 'float', arithmetic }) : {};
    const made = await outputs(b.finish(), { x: input, ...factors }, Object.keys(types));
    for (const [type, golden] of Object.entries(types)) {
      const plain = unpacked(golden.product);
      const change = isBeside ? ofFactors : ofWhole;
      agree(
        made[type]!,
        { dims: plain.dims, data: plain.data.map((number, i) => number + change[i]!) },
        `${name} ${type}`,
      );
    }
  }
});
