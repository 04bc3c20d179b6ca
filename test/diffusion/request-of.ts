import { freezeRequest, type GenerationRequest } from '../../src/request.ts';

/** A request of a model that has 20 steps of euler for its defaults. */
export function requestOf(draft: Record<string, unknown>): GenerationRequest {
  const defaults = {
    numInferenceSteps: 20,
    guidanceScale: 5,
    sampler: 'euler',
    schedule: 'normal',
    width: 64,
    height: 64,
    strength: 0.75,
    maxSize: 512,
  } as const;
  return freezeRequest({ prompt: 'a', ...draft }, { model: 'm', defaults }).request;
}
