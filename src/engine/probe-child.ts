/** The process of probe.ts: `probe-child.ts DEVICE`, DEVICE as JSON. It answers with one message. */
import { readFile } from 'node:fs/promises';
import { isSoftware, listGraphics } from '../gpu/graphics.ts';
import { scaledAttention } from '../graph/attention.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/component.ts';
import type { Target } from '../graph/target.ts';
import type { Tensor } from '../tensor.ts';
import { cpuDevice, type Device, type Precision, targetOf } from './device.ts';
import type { Probe } from './probe.ts';
import { openSession } from './session.ts';

/** Enough arithmetic (5 GFLOP) that the way to a card and back counts for little. */
const [SIDE, CHANNELS, HEADS, CONVOLUTIONS] = [32, 256, 4, 4];
/** Of the root of the summed squares; float16 over some layers. */
const TOLERANCE = { float32: 1e-3, float16: 2e-2 };

/** Convolutions, a linear layer and attention over the image's positions. */
function probeGraph(target: Target): Graph {
  const b = new GraphBuilder('probe', { configFile: 'probe', config: {}, tensors: new Map() }, target);
  let image = b.enter(b.input('image', 'float', [1, CHANNELS, SIDE, SIDE]));
  const kernel = b.narrow(b.input('kernel', 'float', [CHANNELS, CHANNELS, 3, 3]));
  const how = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] };
  const turned = target.channelsLast ? b.op('Transpose', [kernel], { perm: [0, 2, 3, 1] }) : kernel;
  for (let i = 0; i < CONVOLUTIONS; i++)
    image = target.channelsLast
      ? b.fused('NhwcConv', [image, turned], how)
      : b.op('Conv', [image, turned], how);
  const flat = b.op('Reshape', [b.leave(image), b.ints([0, CHANNELS, SIDE * SIDE])]);
  const sequence = b.op('Transpose', [flat], { perm: [0, 2, 1] });
  const weight = b.narrow(b.input('weight', 'float', [CHANNELS, CHANNELS]));
  const product = target.fusedMatMul
    ? b.fused('FusedMatMul', [sequence, weight], { transB: 1 })
    : b.op('MatMul', [sequence, b.op('Transpose', [weight], { perm: [1, 0] })]);
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
  kernel: field(2, [CHANNELS, CHANNELS, 3, 3], 0.03),
  weight: field(3, [CHANNELS, CHANNELS], 0.1),
};

interface Outcome {
  readonly values: Float32Array;
  /** Of the second run: the first one compiles. */
  readonly seconds: number;
}

async function run(device: Device): Promise<Outcome> {
  const session = await openSession(probeGraph(targetOf(device)), device, {
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
  // The device first: CUDA's libraries must be open before onnxruntime is. A graphics device may lack float16.
  const tries: Precision[] = device.provider === 'webgpu' ? ['float16', 'float32'] : [device.precision];
  const outcomes = new Map<Precision, Outcome>();
  let reason = '';
  for (const precision of tries) {
    const one = await run({ ...device, precision }).catch((error: unknown) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    if (one !== undefined) outcomes.set(precision, one);
  }
  const isOnlySoftware =
    device.provider === 'webgpu' &&
    isSoftware(await readFile('/proc/self/maps', 'utf8').catch(() => ''), await listGraphics());
  const cpu = await run(cpuDevice({ threads: device.threads }));
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  for (const precision of tries) {
    const one = outcomes.get(precision);
    if (one === undefined) continue;
    const error = norm(cpu.values.map((v, i) => v - one.values[i]!)) / norm(cpu.values);
    if (error <= TOLERANCE[precision]) {
      const speed = { seconds: one.seconds, cpuSeconds: cpu.seconds };
      return { works: true, precision, isSoftware: isOnlySoftware, ...speed };
    }
    reason = `its numbers are ${(100 * error).toFixed(1)} % off the CPU's`;
  }
  return { works: false, reason };
}

const answer = await probe(JSON.parse(process.argv[2]!) as Device).catch(
  (error: unknown): Probe => ({
    works: false,
    reason: error instanceof Error ? error.message : String(error),
  }),
);
process.send?.(answer);
