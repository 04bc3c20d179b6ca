/** Opens a single-file checkpoint as a model. Only headers are read; the weights stay where they are. */
import { basename, parse } from 'node:path';
import { DarkroomError } from '../../errors.ts';
import { FAMILIES } from '../families/index.ts';
import { openModel } from '../folder.ts';
import { unknownArchitecture } from '../foreign-weights.ts';
import { SeenFiles } from '../seen.ts';
import type { ModelSpec } from '../spec.ts';
import { readWeights } from '../weights.ts';
import { readBeside } from './beside.ts';
import { CheckpointFiles } from './files.ts';
import { type Lenders, withLent } from './lend.ts';

/**
 * @param path of a checkpoint; links are followed
 * @param name under which the catalogue knows it; the file's own name where left out
 * @param lenders files that may hold what this one lacks
 * @throws DarkroomError('not_found' | 'bad_model' | 'unsupported') with a sentence that names file and value
 */
export async function openCheckpoint(
  path: string,
  name: string = parse(path).name,
  lenders: Lenders = async () => [],
): Promise<ModelSpec> {
  const seen = new SeenFiles();
  await seen.note(path);
  const weights = await readWeights(path);
  const beside = await readBeside(path, seen);
  for (const { checkpoint } of FAMILIES) {
    const traits = checkpoint?.recognise(weights);
    if (checkpoint === undefined || traits === undefined) continue;
    if (traits.refusal !== undefined) throw new DarkroomError('unsupported', traits.refusal);
    const own = await checkpoint.read(weights, beside);
    const { parts, lent } = await withLent(weights, own, { path, beside, layout: checkpoint, lenders, seen });
    return { ...(await openModel(new CheckpointFiles(weights, parts, beside, seen), name)), lent };
  }
  throw new DarkroomError(
    'unsupported',
    unknownArchitecture(weights.label, weights.metadata) ??
      `${basename(path)} is no checkpoint that this version of Darkroom knows: its tensors are named as in no family that it runs.`,
  );
}
