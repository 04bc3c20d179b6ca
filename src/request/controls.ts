/** Pictures that steer the denoiser through ControlNets. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { LIMITS } from './limits.ts';
import { image, name, number, said, UNIT } from './schemas.ts';

/** What a control picture shows; `raw` is the conditioning as it stands. */
export const CONTROL_KINDS = ['canny', 'openpose', 'scribble', 'lineart', 'depth', 'raw'] as const;
export type ControlKind = (typeof CONTROL_KINDS)[number];

/** Poses that have a name and need no picture; src/image draws them. */
export const POSES = ['standing', 'walking', 'dancing', 'sitting', 'jumping', 'waving'] as const;

export const isNamedPose = ({ kind, image: reference }: { readonly kind: string; readonly image: string }) =>
  kind === 'openpose' && POSES.some((pose) => pose === reference);

/** One ControlNet (Zhang et al. 2023) and its picture. */
export interface ControlRequest {
  readonly kind: ControlKind;
  /** Name or folder of the ControlNet; the model's own for that kind where left out. */
  readonly controlnet?: string;
  /** Reference of the picture (or keypoints), as `image`; for openpose also the name of a known pose. */
  readonly image: string;
  /** controlnet_conditioning_scale: 0 has no effect. */
  readonly scale: number;
  /** Part of the steps in which it acts, 0 to 1. */
  readonly start: number;
  readonly end: number;
}

export const controlShape = {
  kind: name('control kind', CONTROL_KINDS),
  controlnet: z.string(said(sentence('field.name_or_folder', { label: 'controlnet' }))).optional(),
  image: image('control image'),
  scale: number('control scale', LIMITS.controlScale).optional(),
  start: number('control start', UNIT).optional(),
  end: number('control end', UNIT).optional(),
};
export const controlSchema = z.strictObject(
  controlShape,
  said(sentence('field.objects', { label: 'controls' })),
);
export type ControlDraft = z.input<typeof controlSchema>;

/** @throws DarkroomError('bad_request') where it would act in no step */
export function freezeControl(draft: ControlDraft): ControlRequest {
  const { kind, controlnet, image: picture, scale = 1, start = 0, end = 1 } = draft;
  if (start >= end) {
    throw new DarkroomError('bad_request', sentence('request.control_start', { start, end }));
  }
  const net = controlnet === undefined ? {} : { controlnet };
  return Object.freeze({ kind, ...net, image: picture, scale, start, end });
}
