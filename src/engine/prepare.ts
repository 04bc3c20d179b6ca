/** A job made ready to be drawn: its pictures read and encoded, its words too, its passes planned. */
import type { Detectors } from '../image/detector.ts';
import type { Job } from '../job.ts';
import type { ModelSpec } from '../models/spec.ts';
import { checkRequest, isInpaintingModel } from './check.ts';
import { type ControlPictures, readControls } from './control/control-images.ts';
import { prepareControls } from './control/control-scales.ts';
import { type ControlNet, openControlnets } from './control/controlnets.ts';
import type { Components } from './model/components.ts';
import type { Inpainting, Pass } from './pass.ts';
import { type PlannedPass, planPasses } from './passes.ts';
import { grow } from './picture/hires.ts';
import { maskOfLatents } from './picture/inpaint.ts';
import { type Pictures, readPictures } from './picture/source.ts';
import { encodePicture, type Posterior } from './picture/vae.ts';
import { encodePrompt } from './prompt/prompt.ts';
import type { Prepared } from './run.ts';

/** What needs no weights: everything here is refused before the GPU is asked for. */
export interface Draft {
  readonly pictures: Pictures;
  readonly plans: readonly PlannedPass[];
  readonly nets: readonly ControlNet[];
  /** For each pass the pictures that the nets see, at its size. */
  readonly controls: readonly ControlPictures[];
}

/**
 * @param folders that hold models and ControlNets
 * @throws DarkroomError for what the model cannot draw or a picture that cannot be used
 */
export async function draftJob(
  job: Job,
  spec: ModelSpec,
  folders: readonly string[],
  detectors: Detectors,
): Promise<Draft> {
  checkRequest(job.request, spec);
  const plans = planPasses(job.request, spec);
  const nets = await openControlnets(job.request, spec, folders);
  const pictures = await readPictures(job, spec.sizeMultiple);
  const controls: ControlPictures[] = [];
  for (const plan of plans) controls.push(await readControls(job, plan, pictures.masked?.frame, detectors));
  return { plans, nets, pictures, controls };
}

/** Runs the encoders. */
export async function prepareJob(
  { request }: Job,
  { pictures, plans, nets, controls }: Draft,
  components: Components,
): Promise<Omit<Prepared, 'lease' | 'seconds'>> {
  const { spec } = components;
  const { start, masked } = pictures;
  const prompt = await encodePrompt(components.textEncoders, request, spec.isGuided(request.guidanceScale));
  const batch = prompt.context.dims[0]!;
  const encode = async (picture: Pictures['start']): Promise<Posterior | undefined> =>
    picture && encodePicture(await components.session('vaeEncoder'), picture);
  const inpainting: Inpainting | undefined = masked && {
    mask: maskOfLatents(masked.mask, request, spec.vaeScaleFactor),
    masked: isInpaintingModel(spec) ? await encode(masked.masked) : undefined,
    isPure: request.strength === 1,
  };
  return {
    passes: plans.map((plan, i): Pass => {
      const inputs = nets.map((net, j) => ({
        ...net,
        request: request.controls[j]!,
        picture: controls[i]!.pictures[j]!,
      }));
      const conditions = {
        batch,
        feeds: spec.denoiser.conditioning({ request, size: plan, prompt }),
        guidanceScale: request.guidanceScale,
        guidanceRescale: request.guidanceRescale,
        ...(inputs.length > 0 && { controls: prepareControls(inputs, batch, request.guessMode) }),
      };
      return { ...plan, inpainting, conditions };
    }),
    nets,
    start: await encode(start),
    grow: (latents, pass) => grow(components, request.hires?.upscaler ?? 'lanczos', latents, pass),
    decodeScale: {
      scalingFactor: spec.scalingFactor,
      shiftFactor: spec.inpaintsUnshifted && masked !== undefined ? 0 : spec.shiftFactor,
    },
    finish: masked?.finish ?? ((picture) => picture),
    notes: [...pictures.notes, ...controls[0]!.notes, ...prompt.notes],
  };
}
