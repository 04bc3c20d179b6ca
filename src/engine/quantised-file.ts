/** The file in which a session finds the weights that were quantised for it: it lasts until the session has packed them. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Graph } from '../graph/component.ts';
import { withQuantisedFile } from '../graph/external.ts';
import { writeQuantised } from '../models/quantise.ts';

/**
 * @param open is given the graph with all of its weights in files
 * @param onRead is told which share of the weights has been read
 * @throws what `open` throws, and where the weights cannot be read or written
 */
export async function withWeights<Session>(
  graph: Graph,
  open: (whole: Graph) => Promise<Session>,
  onRead?: (share: number) => void,
): Promise<Session> {
  if (graph.quantised === undefined) return open(graph);
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'darkroom-int8-'));
  try {
    const file = join(folder, 'weights');
    await writeQuantised(graph.quantised, file, onRead);
    return await open(withQuantisedFile(graph, file));
  } finally {
    // What is mapped stays mapped; a system that keeps such files gives this one up with its folder for temporary files.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}
