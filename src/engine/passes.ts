/** The passes of a request: their sizes, samplers and conditions, before any picture is drawn. */
import { PLAIN_HABITS } from '../diffusion/pipeline-habits.ts';
import { type PipelineHabits, planSampling } from '../diffusion/sampling.ts';
import type { ModelSpec } from '../models/spec.ts';
import type { GenerationRequest } from '../request.ts';
import { guidanceEmbedding, timeIds } from './conditions.ts';
import type { Conditions, Pass } from './pass.ts';
import type { PromptEmbeddings } from './prompt/prompt.ts';

export type PlannedPass = Pick<Pass, 'width' | 'height' | 'dims' | 'plan'>;

/**
 * Whether the negative prompt is drawn against: guidance of 1 or less leaves it out, and a guidance-distilled model
 * is told its guidance instead, as in diffusers.
 */
export function isGuided({ guidanceScale }: GenerationRequest, spec: ModelSpec): boolean {
  return guidanceScale > 1 && spec.timeCondProjDim === undefined && !spec.isLatentConsistency;
}

/** @throws DarkroomError('unsupported' | 'bad_request') for a sampler or an option that is not carried out */
export function planPasses(request: GenerationRequest, spec: ModelSpec): PlannedPass[] {
  const { hires } = request;
  const first = planPass(request, spec);
  if (hires === undefined) return [first];
  const { width, height, strength, numInferenceSteps } = hires;
  // The second pass is one over a picture, whatever the first was.
  const second = {
    ...request,
    width,
    height,
    strength,
    numInferenceSteps,
    image: request.image ?? 'first pass',
  };
  return [first, planPass(second, spec)];
}

function planPass(request: GenerationRequest, spec: ModelSpec): PlannedPass {
  const { width, height } = request;
  const { latentChannels, vaeScaleFactor, sizeMultiple, schedulerConfig } = spec;
  return {
    width,
    height,
    dims: [1, latentChannels, height / vaeScaleFactor, width / vaeScaleFactor],
    plan: planSampling(request, schedulerConfig, {
      habits: habitsOf(request, spec),
      imageSeqLen: (height / sizeMultiple) * (width / sizeMultiple),
    }),
  };
}

const HABITS: Readonly<Record<ModelSpec['family'], PipelineHabits>> = {
  sd: { ...PLAIN_HABITS, correctsConfig: true },
  sdxl: PLAIN_HABITS,
  sd3: { ...PLAIN_HABITS, strengthSteps: 'part' },
};

/** Latent consistency models have a pipeline of their own, but none for masks and ControlNets. */
function habitsOf({ maskImage, controls }: GenerationRequest, spec: ModelSpec): PipelineHabits {
  const isOwn = spec.isLatentConsistency && maskImage === undefined && controls.length === 0;
  return isOwn ? { ...PLAIN_HABITS, squeezesSteps: true } : HABITS[spec.family];
}

export function conditionsOf(
  request: GenerationRequest,
  pass: PlannedPass,
  prompt: PromptEmbeddings,
  { family, denoiser, timeCondProjDim }: ModelSpec,
): Conditions {
  const { guidanceScale, guidanceRescale } = request;
  const batch = prompt.context.dims[0]!;
  return {
    isTransformer: denoiser.kind === 'transformer',
    prompt,
    guidanceScale,
    guidanceRescale,
    ...(family === 'sdxl' && { timeIds: timeIds(request, pass, batch) }),
    ...(timeCondProjDim !== undefined && { timestepCond: guidanceEmbedding(guidanceScale, timeCondProjDim) }),
  };
}
