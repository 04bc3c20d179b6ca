/** The process of probe.ts: `probe-child.ts DEVICE`, DEVICE as JSON. It answers with one message. */
import { readFile } from 'node:fs/promises';
import { isSoftware, listGraphics } from '../gpu/graphics.ts';
import { scaledAttention } from '../graph/attention.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/component.ts';
import type { Target } from '../graph/target.ts';
import type { Tensor } from '../tensor.ts';
import { cpuDevice, type Device, targetOf } from './device.ts';
import type { Probe } from './probe.ts';
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
/** Of the root of the summed squares; float16 over some layers. */
const TOLERANCE = { float32: 1e-3, float16: 2e-2 };

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

async function probe(device: Device): Promise<Probe> {
  // The device first: CUDA's libraries must be open before onnxruntime is.
  const own = await run(device, SMALL);
  const cpuTwin = cpuDevice({ threads: device.threads });
  const cpu = await run(cpuTwin, SMALL);
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const error = norm(cpu.values.map((v, i) => v - own.values[i]!)) / norm(cpu.values);
  const { precision, provider } = device;
  // Numbers that are not finite fail as well.
  if (!(error <= TOLERANCE[precision]))
    return { works: false, reason: `its numbers are ${(100 * error).toFixed(1)} % off the CPU's` };
  if (provider !== 'webgpu') return { works: true, precision };
  if (isSoftware(await readFile('/proc/self/maps', 'utf8').catch(() => ''), await listGraphics()))
    return { works: true, precision, isSoftware: true };
  const [{ seconds }, { seconds: cpuSeconds }] = [await run(device, LARGE), await run(cpuTwin, LARGE)];
  return { works: true, precision, seconds, cpuSeconds };
}

const answer = await probe(JSON.parse(process.argv[2]!) as Device).catch(
  (error: unknown): Probe => ({
    works: false,
    reason: error instanceof Error ? error.message : String(error),
  }),
);
process.send?.(answer);
