/** What diffusers' pipelines do to a scheduler before they use it, each family its own way. */
import { DarkroomError } from '../errors.ts';
import { SAMPLER_CLASS, type SamplerName, samplerOfConfig } from '../request.ts';
import { SCHEDULER_CLASSES } from './scheduler-classes.ts';

type Json = Readonly<Record<string, unknown>>;

export interface PipelineHabits {
  /** `sd`: Stable Diffusion 1.x and 2.x; `lcm`: latent consistency models with a pipeline of their own. */
  readonly family: 'sd' | 'sdxl' | 'sd3' | 'lcm';
  /** The request has a mask or ControlNets: other pipelines of the family, with other habits. */
  readonly inpaints: boolean;
  readonly controlled: boolean;
  /** Tokens that a transformer sees of the latents: for use_dynamic_shifting. */
  readonly imageSeqLen: number;
}

/**
 * Stable Diffusion's own pipelines take neither a clipped estimate nor another offset than 1 from a folder, and
 * its inpainting one no Runge-Kutta steps of PNDM: they correct what the folder says, and the defaults of the
 * folder's own class. A solver over a rectified flow's config is given that flow's sigmas.
 */
export function correctedByPipeline(base: Json, sampler: SamplerName, habits: PipelineHabits): Json {
  const corrected = { ...base };
  const isOwnClass = base['_class_name'] === SAMPLER_CLASS[sampler];
  if (isFlowConfig(base) && SCHEDULER_CLASSES[sampler].options.has('use_flow_sigmas')) {
    corrected['use_flow_sigmas'] ??= true;
    corrected['prediction_type'] ??= 'flow_prediction';
    corrected['flow_shift'] ??= base['shift'] ?? 1;
  }
  if (habits.family !== 'sd' || habits.controlled) return corrected;
  const stands = (key: string) => isOwnClass || key in base;
  if (stands('steps_offset')) corrected['steps_offset'] = 1;
  if (stands('clip_sample') && !habits.inpaints) corrected['clip_sample'] = false;
  if (stands('skip_prk_steps') && habits.inpaints) corrected['skip_prk_steps'] = true;
  return corrected;
}

/**
 * A rectified flow and a diffusion are different models: neither draws by the other's samplers.
 * @throws DarkroomError('unsupported')
 */
export function demandKinship(base: Json, sampler: SamplerName): void {
  const own = samplerOfConfig(base);
  if (own === undefined || isFlow(own) === isFlow(sampler)) return;
  if (isFlow(own) && SCHEDULER_CLASSES[sampler].options.has('use_flow_sigmas')) return;
  throw new DarkroomError(
    'unsupported',
    isFlow(own)
      ? `${sampler} is not for a rectified flow, which this model is. Try ${own}, dpmpp_2m or unipc.`
      : `${sampler} is for rectified flows, which this model is not. Try ${own} or euler.`,
  );
}

const isFlow = (sampler: SamplerName) => sampler === 'flow_euler' || sampler === 'flow_heun';
const isFlowConfig = (config: Json): boolean => {
  const own = samplerOfConfig(config);
  return own !== undefined && isFlow(own);
};

/** A latent consistency pipeline squeezes all steps of its own samplers into what is left of a picture. */
export const squeezesSteps = (family: PipelineHabits['family'], sampler: SamplerName): boolean =>
  family === 'lcm' && (sampler === 'lcm' || sampler === 'tcd');

/** How many of the steps a picture skips: those of the strength it keeps, which SD3 rounds its own way. */
export function stepsSkipped(family: PipelineHabits['family'], steps: number, strength: number): number {
  const wanted = Math.min(steps * strength, steps);
  return Math.floor(Math.max(steps - (family === 'sd3' ? wanted : Math.floor(wanted)), 0));
}
