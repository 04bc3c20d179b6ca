/** The process of probe.ts: `probe-child.ts DEVICE`, DEVICE as JSON. It answers with one message. */
import { readFile } from 'node:fs/promises';
import { isSoftware, listGraphics } from '../gpu/graphics.ts';
import { scaledAttention } from '../graph/attention.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/component.ts';
import { DataType } from '../graph/onnx.ts';
import type { Target } from '../graph/target.ts';
import type { Tensor } from '../tensor.ts';
import { cpuDevice, type Device, targetOf } from './device.ts';
import type { Probe } from './probe.ts';
import { areSumsExact, distance, sumsFeeds, sumsGraph } from './probe-sums.ts';
import { openSession } from './session.ts';

interface Size {
  readonly side: number;
  readonly channels: number;
  readonly convolutions: number;
}

const SMALL: Size = { side: 16, channels: 64, convolutions: 1 };
/** Enough arithmetic (5 GFLOP) that the way to a device and back counts for little. */
const LARGE: Size = { side: 32, channels: 256, convolutions: 4 };
const HEADS = 4;
/** As `distance` has it; float16 over some layers, int8 over one. */
const TOLERANCE = { float32: 1e-3, float16: 2e-2, int8: 2e-2 };

/** Convolutions, a linear layer and attention over the image's positions. */
function probeGraph(target: Target, { side, channels, convolutions }: Size): Graph {
  const b = new GraphBuilder('probe', { configFile: 'probe', config: {}, tensors: new Map() }, target);
  let image = b.enter(b.input('image', 'float', [1, channels, side, side]));
  const kernel = b.narrow(b.input('kernel', 'float', [channels, channels, 3, 3]));
  const how = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] };
  const turned = target.channelsLast ? b.op('Transpose', [kernel], { perm: [0, 2, 3, 1] }) : kernel;
  for (let i = 0; i < convolutions; i++)
    image = target.channelsLast
      ? b.fused('NhwcConv', [image, turned], how)
      : b.op('Conv', [image, turned], how);
  const flat = b.op('Reshape', [b.leave(image), b.ints([0, channels, side * side])]);
  const sequence = b.op('Transpose', [flat], { perm: [0, 2, 1] });
  const weight = b.narrow(b.input('weight', 'float', [channels, channels]));
  const product = target.fusedMatMul
    ? b.fused('FusedMatMul', [sequence, weight], { transB: 1 })
    : b.op('MatMul', [sequence, b.op('Transpose', [weight], { perm: [1, 0] })]);
  const mixed = scaledAttention(b, [product, sequence, sequence], { channels, heads: HEADS });
  b.output('mixed', mixed, [1, side * side, channels]);
  return b.finish();
}

function field(seed: number, dims: readonly number[], scale: number): Tensor {
  const count = dims.reduce((a, b) => a * b);
  const data = Float32Array.from({ length: count }, (_, i) => scale * Math.sin(seed + i * 12.9898));
  return { data, dims };
}

const feedsOf = ({ side, channels }: Size) => ({
  image: field(1, [1, channels, side, side], 1),
  kernel: field(2, [channels, channels, 3, 3], 0.03),
  weight: field(3, [channels, channels], 0.1),
});

interface Outcome {
  readonly values: Float32Array;
  /** Of the second run: the first one compiles. */
  readonly seconds: number;
}

async function run(device: Device, size: Size): Promise<Outcome> {
  const feeds = feedsOf(size);
  const session = await openSession(probeGraph(targetOf(device), size), device, {
    cpuFallback: device.provider !== 'webgpu',
  });
  await session.run(feeds, ['mixed']);
  const started = performance.now();
  const { mixed } = await session.run(feeds, ['mixed']);
  const seconds = (performance.now() - started) / 1000;
  const values = Float32Array.from(mixed.data);
  await session.close();
  return { values, seconds };
}

/** A product of matrices [rows, inputs] x [inputs, outputs]: about a layer of SD 1.5. */
const PRODUCT = { rows: 1024, inputs: 1280, outputs: 1280 };
/** Of which the fastest counts: other programs use the machine as well. */
const TRIES = 5;
/** Below this share of the time in float32, int8 is worth its errors. */
const WORTH = 0.8;

function productGraph(isInt8: boolean): Graph {
  const { rows, inputs, outputs } = PRODUCT;
  const b = new GraphBuilder('product', { configFile: 'probe', config: {}, tensors: new Map() });
  const x = b.input('x', 'float', [rows, inputs]);
  const weight = b.input('weight', 'float', [inputs, outputs]);
  const quantised = () => {
    const { values, scale, zero } = b.quantise(x);
    const whole = b.op('Cast', [weight], { to: DataType.int8 });
    return b.fused('MatMulIntegerToFloat', [values, whole, scale, b.floats([1], []), zero]);
  };
  b.output('product', isInt8 ? quantised() : b.op('MatMul', [x, weight]), [rows, outputs]);
  return b.finish();
}

/**
 * Whether int8 is faster than float32, and right. Without AMX, VNNI or their like onnxruntime's kernels add two products in
 * 16 bits, where large ones overflow: the weights here are as large as they get.
 */
async function probeInt8(device: Device): Promise<Probe> {
  const { rows, inputs, outputs } = PRODUCT;
  // Eight inputs in a row share a sign, so that neighbours add up.
  const weight = Float32Array.from({ length: inputs * outputs }, (_, i) =>
    noise((i % outputs) + outputs * Math.floor(i / outputs / 8)) > 0 ? 127 : -127,
  );
  const x = Float32Array.from({ length: rows * inputs }, (_, i) => noise(i));
  const feeds = {
    x: { data: x, dims: [rows, inputs] },
    weight: { data: weight, dims: [inputs, outputs] },
  };
  const sessions = await Promise.all(
    [true, false].map((isInt8) => openSession(productGraph(isInt8), device)),
  );
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const values: Float32Array[] = [];
  for (let i = 0; i < TRIES; i++) {
    for (const [k, session] of sessions.entries()) {
      const started = performance.now();
      const { product } = await session.run(feeds, ['product']);
      best[k] = Math.min(best[k]!, (performance.now() - started) / 1000);
      values[k] = product.data;
    }
  }
  const [seconds, cpuSeconds] = best as [number, number];
  const error = distance(values[0]!, values[1]!);
  if (error <= TOLERANCE.int8 && seconds <= WORTH * cpuSeconds)
    return { works: true, precision: 'int8', seconds, cpuSeconds };
  const times = `a product of matrices takes ${milliseconds(seconds)} in int8 and ${milliseconds(cpuSeconds)} in float32`;
  const wrong = error <= TOLERANCE.int8 ? '' : ', and is wrong in int8 where weights are large';
  return { works: false, reason: `${times}${wrong}`, seconds, cpuSeconds };
}

/** Evenly spread from -1 to 1, without a pattern. */
const noise = (i: number): number => ((((Math.sin(i * 12.9898) * 43758.5453) % 1) + 1) % 1) * 2 - 1;

const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`;

async function sums(device: Device): Promise<Float32Array[]> {
  const session = await openSession(sumsGraph(targetOf(device)), device);
  const { product, convolved } = await session.run(sumsFeeds(), ['product', 'convolved']);
  const values = [product, convolved].map(({ data }) => Float32Array.from(data));
  await session.close();
  return values;
}

async function probe(device: Device): Promise<Probe> {
  if (device.precision === 'int8') return probeInt8(device);
  // The device first: CUDA's libraries must be open before onnxruntime is.
  const own = await run(device, SMALL);
  const cpuTwin = cpuDevice({ threads: device.threads });
  const cpu = await run(cpuTwin, SMALL);
  const error = distance(own.values, cpu.values);
  const { precision, provider } = device;
  // Numbers that are not finite fail as well.
  if (!(error <= TOLERANCE[precision]))
    return { works: false, reason: `its numbers are ${(100 * error).toFixed(1)} % off the CPU's` };
  if (provider !== 'webgpu') return { works: true, precision };
  if (precision === 'float16') {
    const { isExact, error: off } = areSumsExact(await sums(device), await sums(cpuTwin));
    if (!isExact) {
      const reason = `it adds up products in float16, ${(100 * off).toFixed(1)} % off for long sums`;
      return { works: false, reason, addsInFloat16: true };
    }
  }
  if (isSoftware(await readFile('/proc/self/maps', 'utf8').catch(() => ''), await listGraphics()))
    return { works: true, precision, isSoftware: true };
  const [{ seconds }, { seconds: cpuSeconds }] = [await run(device, LARGE), await run(cpuTwin, LARGE)];
  return { works: true, precision, seconds, cpuSeconds };
}

const answer = await probe(JSON.parse(process.argv[2]!) as Device).catch(
  (error: unknown): Probe => ({
    works: false,
    isUnopened: true,
    reason: error instanceof Error ? error.message : String(error),
  }),
);
process.send?.(answer);
