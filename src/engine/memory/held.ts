/** What the weights of a component take up, by how its session is opened. */
import type { Device } from '../device.ts';
import { expectOpening, keepsMemory } from '../prepared.ts';
import { filesFor, staysStored } from '../session.ts';
import type { Footprint } from './outlines.ts';

/** Bytes of a component's weights. */
interface Held {
  /** While it is open: what is mapped from a file counts, since a run reads all of it. */
  readonly weights: number;
  /** Besides, while it runs: weights that a run casts, one after another. */
  readonly cast: number;
  /** Besides, while it is opened. */
  readonly opening: number;
  /** Whether what a run has taken stays with it while it is open. */
  readonly keepsMemory: boolean;
}

/**
 * Largest weights, cast, that are in memory at once. One would do, but from the second call on all values of a run share one
 * block, in which they leave gaps (measured with SD 1.5 and SDXL: 2.6).
 */
const CASTS = 2.6;

/** @param asStored whether weights stay as they are stored, wherever a graph can be run so */
export async function heldBytes(
  { graph, outline }: Footprint,
  device: Device,
  asStored: boolean,
): Promise<Held> {
  const { largest, lookedUp } = outline;
  // The CPU maps its files, and of a weight of which rows are looked up only those are ever in memory.
  const unread = device.provider === 'cpu' ? lookedUp : 0;
  const [weights, stored] = [outline.weights - unread, outline.stored - unread];
  const isInPlace = graph.blocks === undefined ? graph.weightsInPlace === true : graph.blocks === 'in place';
  // A device that may lack float16 gets all weights cast.
  if (isInPlace && device.provider !== 'webgpu')
    return { weights: stored, cast: largest, opening: 0, keepsMemory: false };
  // A card gets its weights as they are to be: what they are made from is in the machine's memory.
  if (device.provider !== 'cpu') return { weights, cast: 0, opening: 0, keepsMemory: false };
  const cast = stored < weights ? CASTS * largest : 0;
  const mapped = { weights: stored, cast, opening: 0, keepsMemory: false };
  if (staysStored(graph, device, asStored)) return mapped;
  const files = filesFor(graph, device);
  if (files === undefined) return { weights, cast: 0, opening: stored, keepsMemory: false };
  const expected = await expectOpening(graph, files);
  const keeps = { keepsMemory: keepsMemory(graph, expected, files) };
  if (expected.kind === 'mapped') return { ...mapped, ...keeps };
  // The kernels pack what they read of its file, which is then no longer in use.
  if (expected.kind === 'prepared')
    return { weights: Math.min(expected.bytes, weights), cast: 0, opening: 0, ...keeps };
  return { weights, cast: 0, opening: stored, ...keeps };
}
