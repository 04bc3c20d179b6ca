/** The process of probe.ts: `probe-child.ts DEVICE`, DEVICE as JSON. It answers with one message. */
import { scaledAttention } from '../graph/attention.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/component.ts';
import type { Target } from '../graph/target.ts';
import type { Tensor } from '../tensor.ts';
import { cpuDevice, type Device, targetOf } from './device.ts';
import type { Probe } from './probe.ts';
import { openSession } from './session.ts';

const [SIDE, CHANNELS, HEADS] = [16, 64, 2];
/** Of the root of the summed squares; float16 over four layers. */
const TOLERANCE = { float32: 1e-3, float16: 2e-2 };

/** A convolution, a linear layer and attention over the image's positions. */
function probeGraph(target: Target): Graph {
  const b = new GraphBuilder('probe', { configFile: 'probe', config: {}, tensors: new Map() }, target);
  const image = b.enter(b.input('image', 'float', [1, CHANNELS, SIDE, SIDE]));
  const kernel = b.narrow(b.input('kernel', 'float', [CHANNELS, CHANNELS, 3, 3]));
  const how = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] };
  const convolved = target.channelsLast
    ? b.fused('NhwcConv', [image, b.op('Transpose', [kernel], { perm: [0, 2, 3, 1] })], how)
    : b.op('Conv', [image, kernel], how);
  const flat = b.op('Reshape', [b.leave(convolved), b.ints([0, CHANNELS, SIDE * SIDE])]);
  const sequence = b.op('Transpose', [flat], { perm: [0, 2, 1] });
  const weight = b.narrow(b.input('weight', 'float', [CHANNELS, CHANNELS]));
  const product = b.fused('FusedMatMul', [sequence, weight], { transB: 1 });
  const mixed = scaledAttention(b, [product, sequence, sequence], { channels: CHANNELS, heads: HEADS });
  b.output('mixed', mixed, [1, SIDE * SIDE, CHANNELS]);
  return b.finish();
}

function field(seed: number, dims: readonly number[], scale: number): Tensor {
  const count = dims.reduce((a, b) => a * b);
  const data = Float32Array.from({ length: count }, (_, i) => scale * Math.sin(seed + i * 12.9898));
  return { data, dims };
}

const feeds = {
  image: field(1, [1, CHANNELS, SIDE, SIDE], 1),
  kernel: field(2, [CHANNELS, CHANNELS, 3, 3], 0.06),
  weight: field(3, [CHANNELS, CHANNELS], 0.2),
};

async function run(device: Device): Promise<Float32Array> {
  const session = await openSession(probeGraph(targetOf(device)), device);
  return Float32Array.from((await session.run(feeds, ['mixed'])).mixed.data);
}

async function probe(device: Device): Promise<Probe> {
  // The device first: CUDA's libraries must be open before onnxruntime is.
  const actual = await run(device);
  const expected = await run(cpuDevice());
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const error = norm(expected.map((v, i) => v - actual[i]!)) / norm(expected);
  if (error <= TOLERANCE[device.precision]) return { works: true };
  return { works: false, reason: `its numbers are ${(100 * error).toFixed(1)} % off the CPU's` };
}

const answer = await probe(JSON.parse(process.argv[2]!) as Device).catch(
  (error: unknown): Probe => ({
    works: false,
    reason: error instanceof Error ? error.message : String(error),
  }),
);
process.send?.(answer);
