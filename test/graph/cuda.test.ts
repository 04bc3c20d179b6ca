/** The graphs for CUDA, with the operators that only CUDA has taken apart, against the graphs of the CPU. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { textEncoderGraph } from '../../src/graph/clip.ts';
import type { Component, Graph } from '../../src/graph/component.ts';
import { sd3TransformerGraph } from '../../src/graph/mmdit.ts';
import type { ModelProto, NodeProto, ValueInfoProto } from '../../src/graph/onnx.ts';
import { DataType } from '../../src/graph/onnx.ts';
import { CUDA, inFloat32, PORTABLE, type Target } from '../../src/graph/target.ts';
import { unetGraph } from '../../src/graph/unet.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../src/graph/vae.ts';
import type { Feeds, Tensor } from '../../src/tensor.ts';
import { outputs, temporaryFolder } from './agree.ts';
import { flowCases } from './flow-cases.ts';
import { field, forgeComponent } from './forge.ts';
import { decodeGraph, encodeGraph, lower } from './lower.ts';

interface Golden {
  readonly name: string;
  readonly kind: string;
  readonly config: Record<string, unknown>;
  readonly tensors: Record<string, number[]>;
  readonly nets?: readonly Pick<Golden, 'config' | 'tensors'>[];
  readonly inputs?: Record<string, number[]>;
  readonly timesteps: readonly number[];
  readonly ids: readonly (readonly number[])[];
}

const read = async (name: string): Promise<Golden[]> =>
  JSON.parse(await readFile(join(import.meta.dirname, name), 'utf8'));
const goldens = [...(await read('components.golden.json')), ...(await read('sd3.golden.json'))];

/** Of the largest value: float32 sums in another order, and float16's 11 bits over some dozens of layers. */
const TOLERANCE = { float: 2e-5, float16: 5e-2 };

for (const golden of goldens.filter(({ kind }) => kind !== 't5')) {
  for (const type of ['float', 'float16'] as const) {
    test(`${golden.name}: CUDA's graph in ${type} gives the CPU's numbers, layer by layer`, async (t) => {
      for (const one of await casesOf(t, golden)) await agreeOnCuda(one, type);
    });
  }
}

for (const one of await flowCases()) {
  for (const type of ['float', 'float16'] as const) {
    test(`${one.name}: CUDA's graph in ${type} gives the CPU's numbers, layer by layer`, () =>
      agreeOnCuda(one, type));
  }
}

/**
 * Channels of the sums between blocks pass 65,504 in real models, and so do states of language models. Here the last layer of
 * each part of a block is made so much larger, and the words too.
 */
const LARGE =
  /\.(?:ff(?:_context)?\.(?:net\.2|linear_out)|feed_forward\.w2|proj_out|attn\.to_out|to_out\.0)\.weight$/;

for (const one of (await flowCases()).filter(({ denoiser }) => denoiser !== undefined)) {
  test(`${one.name}: sums and words beyond float16's range stay numbers in float16`, async (t) => {
    const file = join(await temporaryFolder(t), 'scale');
    await writeFile(file, new Uint8Array(Float32Array.of(3e4).buffer));
    const scale = { name: 'scale', dtype: 'F32', shape: [1], file, offset: 0, length: 4 };
    const { component, graph } = one.denoiser!;
    const tensors = new Map(
      Array.from(component.tensors, ([name, stored]) => [
        name,
        LARGE.test(name) && /block|layers|refiner/.test(name) ? { ...stored, decode: { scale } } : stored,
      ]),
    );
    const build = (target: Target) => graph([], target, { ...component, tensors });
    const words = one.feeds['encoder_hidden_states'] as Tensor;
    const isNormed = one.name.includes('flux');
    const large = { ...words, data: Float32Array.from(words.data, (value) => value * (isNormed ? 1 : 1e6)) };
    const feeds = { ...one.feeds, encoder_hidden_states: large };
    const [plain, cuda] = [build(PORTABLE), build(CUDA)];
    const { out_hidden_states: expected } = await outputs(plain, feeds, ['out_hidden_states']);
    const lowered = encodeGraph(lower(decodeGraph(cuda)), cuda);
    const { out_hidden_states: actual } = await outputs(lowered, feeds, ['out_hidden_states']);
    assert.ok(actual!.data.every(Number.isFinite), 'all numbers are finite');
    compare(actual!, expected!, 'float16', 'out_hidden_states');
  });
}

async function agreeOnCuda({ build, feeds }: Case, type: 'float' | 'float16'): Promise<void> {
  const target = type === 'float' ? inFloat32(CUDA) : CUDA;
  const [cpu, cuda] = [build(PORTABLE), build(target)];
  const [plain, fused] = [decodeGraph(cpu), lower(decodeGraph(cuda))];
  const layers = commonLayers(plain, fused);
  assert.ok(layers.length > 5, 'there are layers to compare');
  const names = plain.graph.output.map(({ name }) => name);
  const expected = await probed(
    cpu,
    plain,
    layers.map(({ plain: at }) => at),
    feeds,
    names,
  );
  const actual = await probed(
    cuda,
    fused,
    layers.map(({ fused: at }) => at),
    feeds,
    names,
  );
  for (const name of names) compare(actual.outputs[name]!, expected.outputs[name]!, type, name);
  for (const [i, { name, isTurned }] of layers.entries()) {
    const tensor = actual.probes[i]!;
    compare(isTurned ? channelsFirst(tensor) : tensor, expected.probes[i]!, type, name);
  }
}

interface Case {
  readonly build: (target: Target) => Graph;
  readonly feeds: Feeds;
}

async function casesOf(t: TestContext, golden: Golden): Promise<Case[]> {
  const forge = async ({ config, tensors }: Pick<Golden, 'config' | 'tensors'>): Promise<Component> =>
    forgeComponent(await temporaryFolder(t), config, tensors);
  const component = await forge(golden);
  const fields = Object.fromEntries(
    Object.entries(golden.inputs ?? {}).map(([name, dims]) => [name, field(name, dims)]),
  );
  const timestep = () => ({ data: Float32Array.from(golden.timesteps), dims: [golden.timesteps.length] });
  switch (golden.kind) {
    case 'unet': {
      const nets = await Promise.all((golden.nets ?? []).map(forge));
      return [
        { build: (target) => unetGraph(component, nets, target), feeds: { ...fields, timestep: timestep() } },
      ];
    }
    case 'vae':
      return [
        { build: (target) => vaeEncoderGraph(component, target), feeds: { sample: fields['sample']! } },
        {
          build: (target) => vaeDecoderGraph(component, target),
          feeds: { latent_sample: fields['latent_sample']! },
        },
      ];
    case 'clip': {
      const { ids } = golden;
      const data = BigInt64Array.from(ids.flat().map(BigInt));
      const feeds = { input_ids: { data, dims: [ids.length, ids[0]!.length] } };
      return [{ build: (target) => textEncoderGraph(component, target), feeds }];
    }
    default:
      return [
        {
          build: (target) => sd3TransformerGraph(component, target),
          feeds: { ...fields, timestep: timestep() },
        },
      ];
  }
}

interface Layer {
  readonly name: string;
  readonly plain: string;
  readonly fused: string;
  /** The second graph's is a channels-last image. */
  readonly isTurned: boolean;
}

/** Linear layers and convolutions that both graphs have, by the names of their weights. */
function commonLayers(plain: ModelProto, fused: ModelProto): Layer[] {
  const [here, there] = [layersOf(plain), layersOf(fused)];
  return [...here].flatMap(([name, value]) => {
    const other = there.get(name);
    return other === undefined
      ? []
      : [
          {
            name,
            ...{
              plain: value,
              fused: other,
              isTurned:
                other !== value &&
                fused.graph.node.some(({ opType, output }) => opType === 'Transpose' && output[0] === other),
            },
          },
        ];
  });
}

function layersOf({ graph }: ModelProto): Map<string, string> {
  const weights = new Map(
    graph.initializer.map(({ name, dims }) => [name, `${name} ${dims.length === 2 ? dims : ''}`]),
  );
  const layers = new Map<string, string>();
  for (const [i, { opType, input, output }] of graph.node.entries()) {
    const source = weights.get(input[0] ?? '');
    if (source !== undefined && (opType === 'Cast' || opType === 'Transpose'))
      weights.set(output[0]!, source);
    const layer = weights.get(input[1] ?? '');
    // One row for the whole batch on the CPU, one for each picture on CUDA.
    if (layer === undefined || !layer.includes('.weight') || layer.includes('time_emb_proj')) continue;
    if (opType === 'FusedMatMul') layers.set(layer, madeWhole(graph.node, output[0]!));
    // Without its bias, which a later operator adds, it is no tensor of the other graph.
    if (opType === 'Conv' && input.length < 3) continue;
    // A lowered convolution is followed by the way back to channels last.
    if (opType === 'Conv') layers.set(layer, afterConv(graph.node, i) ?? output[0]!);
  }
  return layers;
}

/** A product that was made smaller to fit into float16 (wide-stream.ts) is cast and multiplied again. */
function madeWhole(nodes: readonly NodeProto[], product: string): string {
  const after = (value: string, type: string) =>
    nodes.find(({ opType, input }) => opType === type && input[0] === value)?.output[0];
  const wide = after(product, 'Cast');
  return (wide && after(wide, 'Mul')) ?? product;
}

function afterConv(nodes: readonly NodeProto[], at: number): string | undefined {
  return nodes[at]!.name.startsWith('lowered.') ? nodes[at + 1]!.output[0] : undefined;
}

async function probed(
  graph: Graph,
  model: ModelProto,
  probes: readonly string[],
  feeds: Feeds,
  names: string[],
): Promise<{ outputs: Record<string, Tensor>; probes: Tensor[] }> {
  const node = [...model.graph.node];
  const declared: ValueInfoProto[] = probes.map((probe, i) => {
    const name = `probe.${i}`;
    node.push({
      ...{ input: [probe], output: [name], name, opType: 'Cast', domain: '' },
      attribute: [{ name: 'to', type: 2, i: DataType.float }],
    });
    return { name, type: { tensorType: { elemType: DataType.float, shape: { dim: [] } } } };
  });
  // A shape that is not said is inferred.
  const output = [
    ...model.graph.output,
    ...declared.map(
      ({ name }) => ({ name, type: { tensorType: { elemType: DataType.float } } }) as ValueInfoProto,
    ),
  ];
  const changed = encodeGraph({ ...model, graph: { ...model.graph, node, output } }, graph);
  const all = await outputs(changed, feeds, [...names, ...declared.map(({ name }) => name)]);
  return { outputs: all, probes: declared.map(({ name }) => all[name]!) };
}

/** [B,H,W,C] -> [B,C,H,W] */
function channelsFirst({ data, dims }: Tensor): Tensor {
  const [batch, height, width, channels] = dims as [number, number, number, number];
  const turned = new Float32Array(data.length);
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < height * width; i++) turned[at++] = data[(n * height * width + i) * channels + c]!;
    }
  }
  return { data: turned, dims: [batch, channels, height, width] };
}

function compare(actual: Tensor, expected: Tensor, type: keyof typeof TOLERANCE, what: string): void {
  assert.deepEqual(actual.dims, expected.dims, what);
  const scale = expected.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  const error = expected.data.reduce((max, v, i) => Math.max(max, Math.abs(v - actual.data[i]!)), 0);
  assert.ok(error <= TOLERANCE[type] * scale, `${what}: error ${error} at a scale of ${scale}`);
}
