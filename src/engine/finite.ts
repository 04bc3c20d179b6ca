/** Latents that are no numbers end a run with a sentence about the likely cause. */
import { DarkroomError } from '../errors.ts';
import type { ModelSpec } from '../models/spec.ts';
import { type GenerationRequest, LIMITS } from '../request.ts';
import { sentence } from '../sentences.ts';

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
      ? sentence('engine.cause_guidance', { guidance: guidanceScale, usual: spec.defaults.guidanceScale })
      : sentence('engine.cause_weights', { model: spec.name, sampler });
  throw new DarkroomError('engine_failed', sentence('engine.not_finite', { call, calls, cause }));
}
