/** Opens a single-file checkpoint as a model. Only headers are read; the weights stay where they are. */
import { basename, parse } from 'node:path';
import { DarkroomError } from '../../errors.ts';
import { isRecord } from '../../json.ts';
import { FEW_STEPS_HABITS, type FewSteps, fewStepsOfFile } from '../../request.ts';
import { FAMILIES } from '../families/index.ts';
import { openModel } from '../folder.ts';
import { foreignFamily, partOfFolder, sayUnknown, unknownArchitecture } from '../foreign-weights.ts';
import { SeenFiles } from '../seen.ts';
import type { ModelSpec } from '../spec.ts';
import { readWeights } from '../weights.ts';
import { type Beside, nameOfBeside, readBeside } from './beside.ts';
import { CheckpointFiles } from './files.ts';
import { idleBeside } from './idle.ts';
import { type Lenders, withLent } from './lend.ts';
import type { SchedulerConfig } from './schedulers.ts';

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
    const read = await checkpoint.read(weights, beside);
    const { parts, lent } = await withLent(weights, read, {
      path,
      beside,
      layout: checkpoint,
      lenders,
      seen,
    });
    const fewSteps = knowsTimesteps(parts.scheduler) ? fewStepsOfFile(weights.metadata, beside) : undefined;
    if (fewSteps === undefined && (beside.fewSteps ?? null) !== null) throw noFewSteps(path, beside);
    const own = fewSteps === undefined ? beside : withHabits(fewSteps, beside);
    const scheduler = fewSteps === undefined ? parts.scheduler : schedulerFor(fewSteps, parts.scheduler);
    const files = new CheckpointFiles(weights, { ...parts, scheduler }, own, seen);
    const idle = await idleBeside(path, { beside, lent, layout: checkpoint, base: traits.base, seen });
    return {
      ...(await openModel(files, name)),
      lent,
      ...(idle.length > 0 && { idle }),
      ...(fewSteps !== undefined && { fewSteps }),
    };
  }
  throw new DarkroomError(
    'unsupported',
    foreignFamily(weights)?.refusal ??
      partOfFolder(weights) ??
      unknownArchitecture(weights.label, weights.metadata) ??
      sayUnknown(basename(path)),
  );
}

/** What the operator says of steps and guidance takes precedence. */
function withHabits(fewSteps: FewSteps, beside: Beside): Beside {
  const { steps, guidance, sampler } = FEW_STEPS_HABITS[fewSteps];
  const own = beside.card?.['defaults'];
  const defaults = { num_inference_steps: steps, guidance_scale: guidance, sampler };
  return {
    ...beside,
    card: { ...beside.card, defaults: isRecord(own) ? { ...defaults, ...own } : defaults },
  };
}

/** Flow models are distilled too, and their families tell. */
const knowsTimesteps = (config: SchedulerConfig): boolean => config['beta_schedule'] !== undefined;

function noFewSteps(path: string, { fewSteps }: Beside): DarkroomError {
  return new DarkroomError(
    'bad_model',
    `${nameOfBeside(path)}: few_steps is ${fewSteps}, which only Stable Diffusion 1, 2 and XL know. Take the key out.`,
  );
}

function schedulerFor(fewSteps: FewSteps, config: SchedulerConfig): SchedulerConfig {
  const { spacing } = FEW_STEPS_HABITS[fewSteps];
  return spacing === undefined ? config : { ...config, timestep_spacing: spacing };
}
