import type { ControlRequest, GenerationRequest } from '../request.ts';
import type { RequestDraft } from './draft.ts';

/** The request as people and files see it: the contract's snake_case fields, all filled. */
export function requestToJson(request: GenerationRequest): RequestDraft {
  const { hires } = request;
  return withoutGaps({
    model: request.model,
    prompt: request.prompt,
    prompt_2: request.prompt2,
    prompt_3: request.prompt3,
    negative_prompt: request.negativePrompt,
    negative_prompt_2: request.negativePrompt2,
    negative_prompt_3: request.negativePrompt3,
    prompt_syntax: request.promptSyntax,
    width: request.width,
    height: request.height,
    num_inference_steps: request.numInferenceSteps,
    guidance_scale: request.guidanceScale,
    guidance_rescale: request.guidanceRescale,
    seed: request.seed,
    num_images: request.numImages,
    rng: request.rng,
    sampler: request.sampler,
    schedule: request.schedule,
    scheduler_config: { ...request.schedulerConfig },
    eta: request.eta,
    clip_skip: request.clipSkip,
    max_sequence_length: request.maxSequenceLength,
    original_size: copyPair(request.originalSize),
    crops_coords_top_left: copyPair(request.cropsCoordsTopLeft),
    target_size: copyPair(request.targetSize),
    image: request.image,
    strength: request.strength,
    mask_image: request.maskImage,
    mask_blur: request.maskBlur,
    keep_unmasked: request.keepUnmasked,
    only_masked_padding: request.onlyMaskedPadding,
    controls: request.controls.length === 0 ? undefined : request.controls.map(controlToJson),
    guess_mode: request.guessMode ? true : undefined,
    hires: hires && {
      width: hires.width,
      height: hires.height,
      upscaler: hires.upscaler,
      strength: hires.strength,
      num_inference_steps: hires.numInferenceSteps,
    },
  });
}

function controlToJson({ controlnet, ...control }: ControlRequest) {
  return { ...control, ...(controlnet !== undefined && { controlnet }) };
}

const copyPair = (pair: readonly [number, number] | undefined): [number, number] | undefined =>
  pair && [...pair];

/** A field left out stays out: JSON and exactOptionalPropertyTypes both tell it from undefined. */
function withoutGaps(fields: { [K in keyof RequestDraft]: RequestDraft[K] | undefined }): RequestDraft {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as RequestDraft;
}
