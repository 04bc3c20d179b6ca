/** Makes one optimised graph and ends: a process of its own, since it blocks for seconds and takes memory that must come back. */
import { getPriority, setPriority } from 'node:os';
import type { Graph } from '../graph/component.ts';
import type { Device } from './device.ts';
import { prepareSession } from './session.ts';

export interface PrepareOrder {
  readonly graph: Graph;
  readonly device: Device;
  readonly niceness: number;
}

export interface PrepareAnswer {
  readonly isKept: boolean;
}

process.on('disconnect', () => process.exit(0));
process.once('message', (order: PrepareOrder) => void prepare(order));

async function prepare({ graph, device, niceness }: PrepareOrder): Promise<void> {
  // Threads made from here on inherit it.
  setPriority(Math.max(niceness, getPriority()));
  // One thread: the work is to move bytes, and a second one would only take time from others.
  const isKept = await prepareSession(graph, { ...device, threads: 1 }).catch((error: unknown) => {
    process.stderr.write(`A graph could not be prepared for its next opening: ${detailOf(error)}\n`);
    return false;
  });
  process.send?.({ isKept } satisfies PrepareAnswer, () => process.exit(0));
}

const detailOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
