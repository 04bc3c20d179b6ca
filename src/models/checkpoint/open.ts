/** Opens a single-file checkpoint as a model. Only headers are read; the weights stay where they are. */
import { basename, parse } from 'node:path';
import { DarkroomError } from '../../errors.ts';
import { FAMILIES } from '../families/index.ts';
import { openModel } from '../folder.ts';
import { SeenFiles } from '../seen.ts';
import type { ModelSpec } from '../spec.ts';
import { readWeights } from '../weights.ts';
import { readBeside } from './beside.ts';
import { CheckpointFiles } from './files.ts';

/**
 * @param path of a checkpoint; links are followed
 * @param name under which the catalogue knows it; the file's own name where left out
 * @throws DarkroomError('not_found' | 'bad_model' | 'unsupported') with a sentence that names file and value
 */
export async function openCheckpoint(path: string, name: string = parse(path).name): Promise<ModelSpec> {
  const seen = new SeenFiles();
  await seen.note(path);
  const weights = await readWeights(path);
  const beside = await readBeside(path, seen);
  for (const { checkpoint } of FAMILIES) {
    const traits = checkpoint?.recognise(weights);
    if (checkpoint === undefined || traits === undefined) continue;
    if (traits.refusal !== undefined) throw new DarkroomError('unsupported', traits.refusal);
    const parts = await checkpoint.read(weights, beside);
    if (parts.missing.length > 0) {
      const what = parts.missing.map((part) => part.what).join(' and ');
      throw new DarkroomError('bad_model', `${weights.label} does not hold ${what}.`);
    }
    return openModel(new CheckpointFiles(weights, parts, beside, seen), name);
  }
  throw new DarkroomError(
    'unsupported',
    `${basename(path)} is no checkpoint that this version of Darkroom knows: its tensors are named as in no family that it runs.`,
  );
}
