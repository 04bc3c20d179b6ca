/** A job made ready to be drawn: its pictures read and encoded, its words too, its passes planned. */
import type { Job } from '../job.ts';
import type { ModelSpec } from '../models/spec.ts';
import { checkRequest, isInpaintingModel } from './check.ts';
import type { Components } from './components.ts';
import { grow } from './hires.ts';
import { maskOfLatents } from './inpaint.ts';
import type { Inpainting, Pass } from './pass.ts';
import { conditionsOf, isGuided, type PlannedPass, planPasses } from './passes.ts';
import { type Pictures, readPictures } from './pictures.ts';
import { encodePrompt } from './prompt.ts';
import type { Prepared } from './run.ts';
import { encodePicture, type Posterior, scaleOf } from './vae.ts';

/** What needs no weights: everything here is refused before the GPU is asked for. */
export interface Draft {
  readonly pictures: Pictures;
  readonly plans: readonly PlannedPass[];
}

/** @throws DarkroomError for what the model cannot draw or a picture that cannot be used */
export async function draftJob(job: Job, spec: ModelSpec): Promise<Draft> {
  checkRequest(job.request, spec);
  return { plans: planPasses(job.request, spec), pictures: await readPictures(job) };
}

/** Runs the encoders. */
export async function prepareJob(
  { request }: Job,
  { pictures, plans }: Draft,
  components: Components,
): Promise<Omit<Prepared, 'loan' | 'seconds'>> {
  const { spec } = components;
  const { start, masked } = pictures;
  const prompt = await encodePrompt(components, request, isGuided(request));
  const encode = async (picture: Pictures['start']): Promise<Posterior | undefined> =>
    picture && encodePicture(await components.session('vaeEncoder'), picture);
  const inpainting: Inpainting | undefined = masked && {
    mask: maskOfLatents(masked.mask, request, spec.vaeScaleFactor),
    masked: isInpaintingModel(spec) ? await encode(masked.masked) : undefined,
    isPure: request.strength === 1,
  };
  return {
    passes: plans.map(
      (plan): Pass => ({ ...plan, inpainting, conditions: conditionsOf(request, plan, prompt) }),
    ),
    start: await encode(start),
    grow: (latents, pass) => grow(components, request.hires?.upscaler ?? 'lanczos', latents, pass),
    decodeScale: scaleOf(spec),
    finish: masked?.finish ?? ((picture) => picture),
    notes: [...pictures.notes, ...prompt.notes],
  };
}
