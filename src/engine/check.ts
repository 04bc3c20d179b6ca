/** Refuses what a model cannot draw before any of its weights are loaded. */
import { DarkroomError } from '../errors.ts';
import type { ModelSpec } from '../models/spec.ts';
import type { GenerationRequest } from '../request.ts';
import { sentence } from '../sentences.ts';
import { checkClipSkip } from './prompt/prompt.ts';

/** @throws DarkroomError('bad_request' | 'unsupported') naming value, limit and way out */
export function checkRequest(request: GenerationRequest, spec: ModelSpec): void {
  checkClipSkip(request, spec);
  checkMask(request, spec);
  checkSize({ width: request.width, height: request.height }, spec);
  const { hires } = request;
  if (hires !== undefined) checkSize({ 'hires width': hires.width, 'hires height': hires.height }, spec);
}

/** Whether the denoiser takes a mask and a masked picture as further channels. */
export const isInpaintingModel = ({ denoiser: { inChannels, outChannels } }: ModelSpec): boolean =>
  inChannels === 2 * outChannels + 1;

function checkMask({ maskImage, outpaint }: GenerationRequest, spec: ModelSpec): void {
  const { name, denoiser } = spec;
  const { inChannels, outChannels } = denoiser;
  if (inChannels === outChannels) return;
  if (!isInpaintingModel(spec)) {
    throw new DarkroomError(
      'unsupported',
      sentence('engine.channels', {
        model: name,
        channels: inChannels,
        own: outChannels,
        inpainting: 2 * outChannels + 1,
      }),
    );
  }
  if (maskImage !== undefined || outpaint !== undefined) return;
  throw new DarkroomError('bad_request', sentence('engine.needs_mask', { model: name }));
}

function checkSize(size: Readonly<Record<string, number>>, spec: ModelSpec): void {
  const { sizeMultiple: multiple, defaults, name } = spec;
  for (const [label, side] of Object.entries(size)) {
    if (side % multiple !== 0) {
      const near = Math.max(1, Math.round(side / multiple)) * multiple;
      throw new DarkroomError(
        'bad_request',
        sentence('engine.multiple', { label, side, multiple, model: name, near }),
      );
    }
    if (side > defaults.maxSize) {
      throw new DarkroomError(
        'bad_request',
        sentence('engine.too_large', {
          label,
          side,
          model: name,
          limit: defaults.maxSize,
          width: defaults.width,
          height: defaults.height,
        }),
      );
    }
  }
}
