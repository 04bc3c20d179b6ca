/** What diffusers' pipelines do to a scheduler before they use it; each family of models says which of it holds. */
import { DarkroomError } from '../errors.ts';
import { sentence, type Words } from '../sentences.ts';
import { samplerOfConfig } from './names.ts';
import type { ModelKind, Sampler } from './sampler.ts';
import { SAMPLERS, samplerNamed } from './samplers/index.ts';

type Json = Readonly<Record<string, unknown>>;

export interface PipelineHabits {
  /** Its pipelines replace some options of the folder's scheduler (correctedByPipeline). */
  readonly correctsConfig: boolean;
  /** How the steps of a strength are counted: `whole` ones only, or also one that is left in `part`. */
  readonly strengthSteps: 'whole' | 'part';
  /** All steps of LCM and TCD are made within what is left of a picture, as latent consistency pipelines do. */
  readonly squeezesSteps: boolean;
  /** A flow's sigmas fall evenly from 1 to 1 / steps before any shift, and not to the scheduler's lowest sigma. */
  readonly evenSigmas: boolean;
  /** use_dynamic_shifting takes FLUX.2's own fit (empiricalMu) in place of the scheduler's line. */
  readonly empiricalShift?: true;
}

/** Pipelines that use a folder's scheduler as it is. */
export const PLAIN_HABITS: PipelineHabits = {
  correctsConfig: false,
  strengthSteps: 'whole',
  squeezesSteps: false,
  evenSigmas: false,
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
  if (kindOfConfig(base) === 'flow' && sampler.scheduler.options.has('use_flow_sigmas')) {
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

const KINDS: Readonly<Record<ModelKind, Words>> = {
  diffusion: sentence('scheduler.kind.diffusion'),
  flow: sentence('scheduler.kind.flow'),
  edm: sentence('scheduler.kind.edm'),
};

/**
 * Models of different kinds are not drawn by each other's samplers.
 * @throws DarkroomError('unsupported')
 */
export function requireKinship(base: Json, sampler: Sampler): void {
  const kind = kindOfConfig(base);
  if (kind === undefined || kind === sampler.kind) return;
  const takesFlows = (one: Sampler) => one.scheduler.options.has('use_flow_sigmas');
  if (kind === 'flow' && takesFlows(sampler)) return;
  const own = SAMPLERS.filter((one) => one.kind === kind || (kind === 'flow' && takesFlows(one)));
  const names = own.map(({ name }) => name);
  throw new DarkroomError(
    'unsupported',
    sentence('scheduler.other_kind', {
      sampler: sampler.name,
      kind: KINDS[sampler.kind],
      own: KINDS[kind],
      names: [samplerOfConfig(base)!, ...names.slice(0, 3)].join(', '),
    }),
  );
}

/** Of the model whose scheduler_config.json it is; undefined where its class is none of ours. */
function kindOfConfig(config: Json): ModelKind | undefined {
  const name = samplerOfConfig(config);
  return name && samplerNamed(name).kind;
}

/** How many steps are skipped because a picture is kept in part. */
export function stepsSkipped({ strengthSteps }: PipelineHabits, steps: number, strength: number): number {
  const wanted = Math.min(steps * strength, steps);
  return Math.floor(Math.max(steps - (strengthSteps === 'part' ? wanted : Math.floor(wanted)), 0));
}
