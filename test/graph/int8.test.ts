/** Layers in 8 bits against the same layers in float32. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withBranches } from '../../src/engine/lora/branches.ts';
import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import type { Component } from '../../src/graph/component.ts';
import { conv, linear } from '../../src/graph/layers.ts';
import { outlineOf } from '../../src/graph/outline.ts';
import { PORTABLE } from '../../src/graph/target.ts';
import type { Feeds } from '../../src/tensor.ts';
import { skipWithoutInt8 } from '../engine/int8.ts';
import { outputs, temporaryFolder } from './agree.ts';
import { field, forgeComponent } from './forge.ts';

const CHANNELS = 40;
/** An image that is neither square nor even. */
const DIMS = [2, CHANNELS, 7, 10];

type Layer = (b: GraphBuilder, x: Value) => Value;
const sized =
  (outputs: number, options: Parameters<typeof conv>[5]): Layer =>
  (b, x) =>
    conv(b, x, 'layer', CHANNELS, outputs, options);

const CASES: readonly { name: string; shape: readonly number[]; dims: readonly number[]; layer: Layer }[] = [
  { name: 'convolution', shape: [48, CHANNELS, 3, 3], dims: DIMS, layer: sized(48, {}) },
  { name: 'stride 2', shape: [48, CHANNELS, 3, 3], dims: DIMS, layer: sized(48, { stride: 2 }) },
  {
    name: 'stride 2, zeros at the far sides',
    ...{ shape: [48, CHANNELS, 3, 3], dims: DIMS },
    layer: sized(48, { stride: 2, pads: [0, 0, 1, 1] }),
  },
  { name: '1x1', shape: [48, CHANNELS, 1, 1], dims: DIMS, layer: sized(48, { kernel: 1 }) },
  {
    name: 'linear',
    ...{ shape: [48, CHANNELS], dims: [2, 5, CHANNELS] },
    layer: (b, x) => linear(b, x, 'layer', CHANNELS, 48),
  },
  {
    name: 'rows of a linear layer',
    ...{ shape: [48, CHANNELS], dims: [2, 5, CHANNELS] },
    layer: (b, x) => linear(b, x, 'layer', CHANNELS, 48, { rows: { first: 16, count: 20 } }),
  },
];

async function run(
  component: Component,
  { dims, layer }: (typeof CASES)[number],
  int8: boolean,
  more: Feeds = {},
) {
  const b = new GraphBuilder('layer', component, { ...PORTABLE, int8 });
  const x = b.input('x', 'float', ['batch', ...dims.slice(1, -1).map((_, i) => `side${i}`), dims.at(-1)!]);
  b.output('y', layer(b, x), []);
  const graph = b.finish();
  assert.deepEqual(outlineOf(graph).unknown, []);
  const feeds = { x: { data: field('x', dims).data, dims }, ...more };
  return { y: (await outputs(graph, feeds, ['y']))['y']!, weights: outlineOf(graph).weights };
}

for (const one of CASES) {
  test(`8 bits and float32 agree: ${one.name}`, async (t) => {
    if (await skipWithoutInt8(t)) return;
    const tensors = { 'layer.weight': one.shape, 'layer.bias': [one.shape[0]!] };
    const component = await forgeComponent(await temporaryFolder(t), {}, tensors);
    const [wide, narrow] = [await run(component, one, false), await run(component, one, true)];
    assert.deepEqual(narrow.y.dims, wide.y.dims);
    const off = error(narrow.y.data, wide.y.data);
    assert.ok(off > 0 && off < 0.015, `${off} off`);
    assert.ok(narrow.weights < wide.weights / 2, 'the weights are planned as they are held');
  });
}

test('a LoRA stays in float32 beside a layer of 8 bits', async (t) => {
  if (await skipWithoutInt8(t)) return;
  const one = CASES[0]!;
  const tensors = { 'layer.weight': one.shape, 'layer.bias': [one.shape[0]!] };
  const plain = await forgeComponent(await temporaryFolder(t), {}, tensors);
  const component = withBranches(plain, new Set(['layer']));
  const factors = (size: number): Feeds => ({
    [`lora_down.convolutions.${9 * CHANNELS}`]: {
      ...field('down', [1, 1, 8, 9 * CHANNELS]),
      data: field('down', [8, 9 * CHANNELS]).data.map((v) => v * size),
    },
    'lora_up.convolutions.48': field('up', [1, 1, 48, 8]),
  });
  const [wide, narrow, none] = [
    await run(component, one, false, factors(1)),
    await run(component, one, true, factors(1)),
    await run(component, one, true, factors(0)),
  ];
  assert.ok(error(none.y.data, wide.y.data) > 0.5, 'the LoRA is what matters here');
  assert.ok(error(narrow.y.data, wide.y.data) < 0.015);
});

/** Of the root of the summed squares. */
function error(own: Float32Array | Float16Array, reference: Float32Array | Float16Array): number {
  let [off, all] = [0, 0];
  for (const [i, value] of reference.entries()) {
    off += (own[i]! - value) ** 2;
    all += value ** 2;
  }
  return Math.sqrt(off / all);
}
