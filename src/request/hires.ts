/** A second pass over the enlarged picture, in the same job. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { ModelDefaults } from './defaults.ts';
import { LIMITS } from './limits.ts';
import { integer, number, said, UNIT } from './schemas.ts';
import { multipleOf, requireSize } from './sizes.ts';
import { requireStep } from './strength.ts';
import {
  type ChosenUpscaler,
  chooseUpscaler,
  HIRES_UPSCALERS,
  type KnownUpscalers,
  upscalerHash,
  upscalerName,
} from './upscalers.ts';

/** How the picture of the first pass grows: its pixels by Lanczos or by a network, or its latents. */
export interface HiresRequest extends ChosenUpscaler {
  readonly width: number;
  readonly height: number;
  readonly strength: number;
  readonly numInferenceSteps: number;
}

export const hiresShape = {
  scale: number('hires scale', LIMITS.hiresScale).optional(),
  width: integer('hires width', LIMITS.size).optional(),
  height: integer('hires height', LIMITS.size).optional(),
  upscaler: upscalerName('hires upscaler').optional(),
  upscaler_hash: upscalerHash('hires upscaler_hash').optional(),
  strength: number('hires strength', UNIT).optional(),
  num_inference_steps: integer('hires steps', LIMITS.steps).optional(),
};
export const hiresSchema = z.strictObject(hiresShape, said(sentence('field.scaled', { label: 'hires' })));
export type HiresDraft = z.input<typeof hiresSchema>;

/** Enough to draw detail that enlarging cannot, too little to draw another picture. */
export const HIRES_STRENGTH = 0.5;

/**
 * @param first size and steps of the first pass
 * @param known the upscalers that are installed; undefined where nobody has looked for them
 * @throws DarkroomError('bad_request')
 */
export function freezeHires(
  hires: HiresDraft,
  defaults: ModelDefaults,
  first: { readonly width: number; readonly height: number; readonly numInferenceSteps: number },
  known?: KnownUpscalers,
): HiresRequest {
  const isSized = hires.width !== undefined && hires.height !== undefined;
  if (
    isSized === (hires.scale !== undefined) ||
    (hires.width === undefined) !== (hires.height === undefined)
  ) {
    throw new DarkroomError('bad_request', sentence('request.hires_size'));
  }
  const multiple = multipleOf(defaults);
  const grow = (side: number) => Math.round((side * (hires.scale ?? 1)) / multiple) * multiple;
  const size = { width: hires.width ?? grow(first.width), height: hires.height ?? grow(first.height) };
  requireSize({ 'hires width': size.width, 'hires height': size.height }, defaults);
  const strength = hires.strength ?? HIRES_STRENGTH;
  const numInferenceSteps = hires.num_inference_steps ?? first.numInferenceSteps;
  requireStep('hires strength', strength, numInferenceSteps, defaults);
  const upscaler = chooseUpscaler(hires.upscaler ?? 'lanczos', {
    label: 'hires upscaler',
    builtIn: HIRES_UPSCALERS,
    hasOwn: defaults.enlarges !== undefined,
    known,
    hash: hires.upscaler_hash,
  });
  return Object.freeze({ ...size, ...upscaler, strength, numInferenceSteps });
}

export const hiresToJson = ({ numInferenceSteps, upscalerHash, ...hires }: HiresRequest): HiresDraft => ({
  ...hires,
  ...(upscalerHash !== undefined && { upscaler_hash: upscalerHash }),
  num_inference_steps: numInferenceSteps,
});
