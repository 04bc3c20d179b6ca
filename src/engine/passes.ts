/** The passes of a request: their sizes, samplers and conditions, before any picture is drawn. */
import { planSampling } from '../diffusion/sampling.ts';
import type { ModelSpec } from '../models/spec.ts';
import type { GenerationRequest } from '../request.ts';
import type { Conditions } from './denoiser.ts';
import type { Pass } from './pass.ts';
import type { PromptEmbeddings } from './prompt.ts';

export type PlannedPass = Pick<Pass, 'width' | 'height' | 'dims' | 'plan'>;

/** Guidance of 1 or less leaves the negative prompt out, as in diffusers. */
export function isGuided({ guidanceScale }: GenerationRequest): boolean {
  return guidanceScale > 1;
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
  const { latentChannels, vaeScaleFactor } = spec;
  return {
    width,
    height,
    dims: [1, latentChannels, height / vaeScaleFactor, width / vaeScaleFactor],
    plan: planSampling(request, spec.schedulerConfig),
  };
}

export function conditionsOf(
  { guidanceScale, guidanceRescale }: GenerationRequest,
  { dims }: PlannedPass,
  prompt: PromptEmbeddings,
): Conditions {
  return { isTransformer: false, dims, prompt, guidanceScale, guidanceRescale };
}
