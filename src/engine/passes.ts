/** The passes of a request: their sizes and samplers, before any picture is drawn. */
import { planSampling } from '../diffusion/sampling.ts';
import type { ModelSpec } from '../models/spec.ts';
import type { GenerationRequest } from '../request.ts';
import type { Pass } from './pass.ts';

export type PlannedPass = Pick<Pass, 'width' | 'height' | 'dims' | 'plan'>;

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
  const { latentChannels: channels, vaeScaleFactor: scaleFactor, sizeMultiple, schedulerConfig } = spec;
  return {
    width,
    height,
    dims: spec.latentShape(request, { channels, scaleFactor }),
    plan: planSampling(request, schedulerConfig, {
      habits: spec.habits(request),
      imageSeqLen: (height / sizeMultiple) * (width / sizeMultiple),
    }),
  };
}
