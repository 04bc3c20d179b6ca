/** What diffusers' pipelines do to a scheduler before they use it; each family of models says which of it holds. */
import { DarkroomError } from '../errors.ts';
import { samplerOfConfig } from './names.ts';
import type { Sampler } from './sampler.ts';
import { samplerNamed } from './samplers/index.ts';

type Json = Readonly<Record<string, unknown>>;

export interface PipelineHabits {
  /** Its pipelines replace some options of the folder's scheduler (correctedByPipeline). */
  readonly correctsConfig: boolean;
  /** How the steps of a strength are counted: `whole` ones only, or also one that is left in `part`. */
  readonly strengthSteps: 'whole' | 'part';
  /** All steps of LCM and TCD are made within what is left of a picture, as latent consistency pipelines do. */
  readonly squeezesSteps: boolean;
}

/** Pipelines that use a folder's scheduler as it is. */
export const PLAIN_HABITS: PipelineHabits = {
  correctsConfig: false,
  strengthSteps: 'whole',
  squeezesSteps: false,
};

/** What of a request makes other pipelines of the family, with other habits. */
export interface PipelineUse {
  readonly inpaints: boolean;
  readonly controlled: boolean;
}

/**
 * Stable Diffusion's own pipelines take neither a clipped estimate nor another offset than 1 from a folder, and
 * its inpainting pipeline no Runge-Kutta steps of PNDM: they correct what the folder says, and the defaults of the
 * folder's own class. A solver over a rectified flow's config is given that flow's sigmas.
 */
export function correctedByPipeline(
  base: Json,
  sampler: Sampler,
  { correctsConfig }: PipelineHabits,
  { inpaints, controlled }: PipelineUse,
): Json {
  const corrected = { ...base };
  if (isFlowConfig(base) && sampler.scheduler.options.has('use_flow_sigmas')) {
    corrected['use_flow_sigmas'] ??= true;
    corrected['prediction_type'] ??= 'flow_prediction';
    corrected['flow_shift'] ??= base['shift'] ?? 1;
  }
  if (!correctsConfig || controlled) return corrected;
  const isOwnClass = base['_class_name'] === sampler.diffusers?.name;
  const stands = (key: string) => isOwnClass || key in base;
  if (stands('steps_offset')) corrected['steps_offset'] = 1;
  if (stands('clip_sample') && !inpaints) corrected['clip_sample'] = false;
  if (stands('skip_prk_steps') && inpaints) corrected['skip_prk_steps'] = true;
  return corrected;
}

/**
 * A rectified flow and a diffusion are different models: neither is drawn by the other's samplers.
 * @throws DarkroomError('unsupported')
 */
export function requireKinship(base: Json, sampler: Sampler): void {
  const name = samplerOfConfig(base);
  if (name === undefined) return;
  const { isFlow } = samplerNamed(name);
  if (isFlow === sampler.isFlow) return;
  if (isFlow && sampler.scheduler.options.has('use_flow_sigmas')) return;
  throw new DarkroomError(
    'unsupported',
    isFlow
      ? `${sampler.name} is not for a rectified flow, which this model is. Try ${name}, dpmpp_2m or unipc.`
      : `${sampler.name} is for rectified flows, which this model is not. Try ${name} or euler.`,
  );
}

function isFlowConfig(config: Json): boolean {
  const name = samplerOfConfig(config);
  return name !== undefined && samplerNamed(name).isFlow;
}

/** How many steps are skipped because a picture is kept in part. */
export function stepsSkipped({ strengthSteps }: PipelineHabits, steps: number, strength: number): number {
  const wanted = Math.min(steps * strength, steps);
  return Math.floor(Math.max(steps - (strengthSteps === 'part' ? wanted : Math.floor(wanted)), 0));
}
