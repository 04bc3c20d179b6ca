/** Runs a graph and holds what it gives against golden numbers. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { openSession } from '../../src/engine/session.ts';
import type { Graph } from '../../src/graph/component.ts';
import type { Feeds, Tensor } from '../../src/tensor.ts';

/** As the make_*goldens.py scripts pack a tensor: float32 in base64. */
export interface PackedTensor {
  dims: number[];
  data: string;
}

/** Largest error over the largest value that is allowed: float32 sums in another order, which differs by the CPU, too. */
const TOLERANCE = 2e-5;

export function agree(actual: Tensor, expected: Tensor, what: string): void {
  assert.deepEqual(actual.dims, expected.dims, what);
  const scale = expected.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  const error = expected.data.reduce((max, v, i) => Math.max(max, Math.abs(v - actual.data[i]!)), 0);
  assert.ok(error <= TOLERANCE * scale, `${what}: error ${error} at a scale of ${scale}`);
}

export function unpacked({ dims, data }: PackedTensor): Tensor {
  return { data: new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer), dims };
}

export async function outputs(graph: Graph, feeds: Feeds, names: string[]): Promise<Record<string, Tensor>> {
  const session = await openSession(graph, cpuDevice({ threads: 1 }));
  try {
    return await session.run(feeds, names);
  } finally {
    await session.close();
  }
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-graph-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
