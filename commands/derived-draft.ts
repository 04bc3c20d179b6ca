/** A request as the start of another one that is made from one of its pictures. */
import { randomInt } from 'node:crypto';
import { DarkroomError } from '../src/errors.ts';
import { type GenerationRequest, LIMITS, type RequestDraft, requestToJson } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';

/** Never the same seed: that would draw the same picture. */
export const otherSeed = ({ seed }: GenerationRequest) =>
  (seed + randomInt(1, LIMITS.seed.max)) % LIMITS.seed.max;

/**
 * For what is made of the picture's own pixels: without what steered its drawing, which would steer the rest to the same
 * place, and without its size.
 */
export function pictureBaseOf(request: GenerationRequest): RequestDraft {
  const {
    controls: _controls,
    guess_mode: _guess,
    enlarge: _enlarge,
    width: _width,
    height: _height,
    ...drawn
  } = baseOf(request);
  return drawn;
}

/** The request as a draft of one picture with another seed, without what belonged to its own source. */
export function baseOf(request: GenerationRequest): RequestDraft {
  const {
    image: _image,
    strength: _strength,
    mask_image: _mask,
    reference_images: _references,
    mask_blur: _blur,
    keep_unmasked: _keep,
    only_masked_padding: _padding,
    hires: _hires,
    upscale_image: upscaled,
    templates: _templates,
    picture_words: _words,
    outpaint: extended,
    ...draft
  } = requestToJson(request);
  // Its width and height are those of its tiles.
  const { width: _width, height: _height, ...sizeless } = draft;
  return {
    ...(upscaled === undefined && extended === undefined ? draft : sizeless),
    ...{ prompt: request.prompt, seed: otherSeed(request), num_images: 1 },
  };
}

/**
 * The id of a picture of a job.
 * @param index from 0
 * @throws DarkroomError('bad_request') if the job has no such picture
 */
export function pictureOf({ pictures }: JobRecord, index: number): string {
  const picture = pictures[index];
  if (picture !== undefined) return picture.id;
  throw new DarkroomError(
    'bad_request',
    pictures.length === 0
      ? sentence('action.no_picture_yet')
      : sentence('action.choose_picture', { count: pictures.length }),
  );
}
