/** Latents that are no numbers end a run with a sentence about the likely cause. */
import { DarkroomError } from '../errors.ts';
import type { ModelSpec } from '../models/spec.ts';
import { type GenerationRequest, LIMITS } from '../request.ts';

/** @throws DarkroomError('engine_failed') */
export function requireFinite(
  values: Float32Array,
  { guidanceScale, sampler }: GenerationRequest,
  spec: ModelSpec,
  { call, calls }: { readonly call: number; readonly calls: number },
): void {
  // A sum is finite only if all its parts are; latents are far too small to overflow it.
  if (Number.isFinite(values.reduce((sum, value) => sum + value, 0))) return;
  const cause =
    guidanceScale > LIMITS.guidance.artefactsAbove
      ? `Guidance ${guidanceScale} is the likely cause; try ${spec.defaults.guidanceScale}.`
      : `The likely cause is damaged weights of ${spec.name}, or ${sampler} with this scheduler_config.`;
  throw new DarkroomError(
    'engine_failed',
    `The latents became NaN or infinite at step ${call} of ${calls}. ${cause}`,
  );
}
