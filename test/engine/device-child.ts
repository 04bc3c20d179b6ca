/**
 * Parts of models on a device and on the CPU, in a process of its own: a software driver may crash at its end.
 * `device-child.ts DEVICE [NAME...]` prints the error of each output of the parts named, or of all, as JSON. Sizes are
 * fixed in the graph, so that what remains of it is arithmetic of tensors, and on WebGPU none of that may fall back to the
 * CPU.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuDevice, type Device, parseDevice, targetOf } from '../../src/engine/device.ts';
import { openSession } from '../../src/engine/session.ts';
import type { Graph } from '../../src/graph/component.ts';
import type { Feeds } from '../../src/tensor.ts';
import { type Case, everyPart } from '../graph/every-part.ts';
import { decodeGraph, encodeGraph } from '../graph/lower.ts';

function withFixedSizes(graph: Graph, feeds: Feeds): Graph {
  const model = decodeGraph(graph);
  const input = model.graph.input.map(({ name, type }) => {
    const dim = feeds[name]!.dims.map((dimValue) => ({ dimValue }));
    return { name, type: { tensorType: { ...type.tensorType, shape: { dim } } } };
  });
  return encodeGraph({ ...model, graph: { ...model.graph, input } }, graph);
}

async function run({ build, feeds }: Case, device: Device) {
  const graph = withFixedSizes(build(targetOf(device)), feeds);
  const session = await openSession(graph, device, { cpuFallback: device.provider !== 'webgpu' });
  const result = await session.run(feeds, session.outputNames);
  await session.close();
  return result;
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
const errors: Record<string, number> = {};
const [device, ...names] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'darkroom-device-'));
for await (const one of everyPart(folder, names)) {
  const [expected, actual] = [
    await run(one, cpuDevice({ threads: 1 })),
    await run(one, parseDevice(device!)),
  ];
  for (const [output, { data }] of Object.entries(expected)) {
    const difference = (data as Float32Array).map((v, i) => v - actual[output]!.data[i]!);
    errors[`${one.name}: ${output}`] = norm(difference) / norm(data as Float32Array);
  }
}
await rm(folder, { recursive: true, force: true });
// All at once and at the very end: the driver may crash when the process ends.
process.stdout.write(JSON.stringify(errors), () => process.kill(process.pid, 'SIGKILL'));
