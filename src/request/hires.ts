/** A second pass over the enlarged picture, in the same job. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import type { ModelDefaults } from './defaults.ts';
import { LIMITS } from './limits.ts';
import { integer, name, number, UNIT } from './schemas.ts';
import { multipleOf, requireSize } from './sizes.ts';
import { requireStep } from './strength.ts';

/** How the picture of the first pass grows: its pixels by Lanczos before the VAE, or its latents after it. */
export const UPSCALERS = ['lanczos', 'latent'] as const;
export type Upscaler = (typeof UPSCALERS)[number];

export interface HiresRequest {
  readonly width: number;
  readonly height: number;
  readonly upscaler: Upscaler;
  readonly strength: number;
  readonly numInferenceSteps: number;
}

export const hiresShape = {
  scale: number('hires scale', LIMITS.hiresScale).optional(),
  width: integer('hires width', LIMITS.size).optional(),
  height: integer('hires height', LIMITS.size).optional(),
  upscaler: name('hires upscaler', UPSCALERS).optional(),
  strength: number('hires strength', UNIT).optional(),
  num_inference_steps: integer('hires steps', LIMITS.steps).optional(),
};
export const hiresSchema = z.strictObject(
  hiresShape,
  'hires must be an object with scale, or width and height.',
);
export type HiresDraft = z.input<typeof hiresSchema>;

/** Enough to draw detail that enlarging cannot, too little to draw another picture. */
export const HIRES_STRENGTH = 0.5;

/**
 * @param first size and steps of the first pass
 * @throws DarkroomError('bad_request')
 */
export function freezeHires(
  hires: HiresDraft,
  defaults: ModelDefaults,
  first: { readonly width: number; readonly height: number; readonly numInferenceSteps: number },
): HiresRequest {
  const isSized = hires.width !== undefined && hires.height !== undefined;
  if (
    isSized === (hires.scale !== undefined) ||
    (hires.width === undefined) !== (hires.height === undefined)
  ) {
    throw new DarkroomError('bad_request', 'hires takes either scale, or width and height. Try scale 2.');
  }
  const multiple = multipleOf(defaults);
  const grow = (side: number) => Math.round((side * (hires.scale ?? 1)) / multiple) * multiple;
  const size = { width: hires.width ?? grow(first.width), height: hires.height ?? grow(first.height) };
  requireSize({ 'hires width': size.width, 'hires height': size.height }, defaults);
  const strength = hires.strength ?? HIRES_STRENGTH;
  const numInferenceSteps = hires.num_inference_steps ?? first.numInferenceSteps;
  requireStep('hires strength', strength, numInferenceSteps, defaults);
  return Object.freeze({ ...size, upscaler: hires.upscaler ?? 'lanczos', strength, numInferenceSteps });
}

export const hiresToJson = ({ numInferenceSteps, ...hires }: HiresRequest): HiresDraft => ({
  ...hires,
  num_inference_steps: numInferenceSteps,
});
