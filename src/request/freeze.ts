/** From a draft to the frozen request: gaps filled from the model's defaults, its seed drawn. */
import { randomInt } from 'node:crypto';
import {
  curveFor,
  diffusersClassOf,
  parseSampler,
  parseSchedule,
  samplerOfConfig,
  scheduleOfConfig,
} from '../diffusion/names.ts';
import { DarkroomError } from '../errors.ts';
import type { ControlRequest, GenerationRequest, HiresRequest, ModelDefaults } from '../request.ts';
import { parseDraft, type RequestDraft } from './draft.ts';
import { LIMITS } from './limits.ts';

export interface DraftContext {
  /** The model's name as the catalogue resolved it from the draft. */
  readonly model: string;
  readonly defaults: ModelDefaults;
  /** Width and height in pixels of the picture behind `draft.image`; needed where the draft has one. */
  readonly imageSize?: { readonly width: number; readonly height: number };
}

/**
 * Fills a draft's gaps, checks what depends on the model, draws the seed.
 * @returns the frozen request, and sentences for the user about values that are allowed but rarely meant
 * @throws DarkroomError('bad_request') before any GPU work
 */
export function freezeRequest(
  input: unknown,
  context: DraftContext,
): { request: GenerationRequest; notes: string[] } {
  const draft = parseDraft(input);
  const { defaults } = context;
  const { sampler, schedule } = chooseSampler(draft, defaults);
  const numInferenceSteps = draft.num_inference_steps ?? defaults.numInferenceSteps;
  const { width, height } = chooseSize(draft, context);
  const numImages = draft.num_images ?? 1;
  const seed = draft.seed ?? randomInt(LIMITS.seed.max - LIMITS.images.max);
  const strength = chooseStrength(draft, defaults, numInferenceSteps);
  demandMask(draft);
  const guidanceScale = draft.guidance_scale ?? defaults.guidanceScale;
  const notes: string[] = [];
  if (guidanceScale > LIMITS.guidance.artefactsAbove) {
    notes.push(
      `Guidance ${guidanceScale} often brings burnt colours and artefacts; ${defaults.guidanceScale} suits this model.`,
    );
  }
  const { image, mask_image: mask } = draft;
  const hires = chooseHires(draft, context, { width, height, numInferenceSteps });
  const request: GenerationRequest = Object.freeze({
    model: context.model,
    prompt: draft.prompt,
    ...given('prompt2', draft.prompt_2),
    ...given('prompt3', draft.prompt_3),
    ...given('negativePrompt', draft.negative_prompt),
    ...given('negativePrompt2', draft.negative_prompt_2),
    ...given('negativePrompt3', draft.negative_prompt_3),
    promptSyntax: draft.prompt_syntax ?? 'a1111',
    width,
    height,
    numInferenceSteps,
    guidanceScale,
    guidanceRescale: draft.guidance_rescale ?? 0,
    seed,
    numImages,
    rng: draft.rng ?? 'torch',
    sampler,
    schedule,
    schedulerConfig: Object.freeze({ ...draft.scheduler_config }),
    eta: draft.eta ?? 0,
    clipSkip: draft.clip_skip ?? 0,
    ...given('maxSequenceLength', draft.max_sequence_length),
    ...given('originalSize', draft.original_size),
    ...given('cropsCoordsTopLeft', draft.crops_coords_top_left),
    ...given('targetSize', draft.target_size),
    ...(image === undefined ? {} : { image, strength }),
    ...(mask === undefined ? {} : { maskImage: mask, ...maskOptions(draft) }),
    controls: Object.freeze((draft.controls ?? []).map(chooseControl)),
    guessMode: draft.guess_mode ?? false,
    ...given('hires', hires),
  });
  return { request, notes };
}

const given = <K extends string, V>(key: K, value: V | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };

function chooseSampler(draft: RequestDraft, defaults: ModelDefaults) {
  const named = draft.sampler === undefined ? undefined : parseSampler(draft.sampler);
  const schedule = draft.schedule === undefined ? undefined : parseSchedule(draft.schedule);
  const config = draft.scheduler_config ?? {};
  const className = config['_class_name'];
  const ofClass = samplerOfConfig(config);
  if (named !== undefined && ofClass !== undefined && diffusersClassOf(named.sampler) !== className) {
    throw new DarkroomError(
      'bad_request',
      `sampler ${draft.sampler} and scheduler_config's _class_name ${className} name two samplers. Leave one out.`,
    );
  }
  const sampler = named?.sampler ?? ofClass ?? defaults.sampler;
  const isOwn = named === undefined && className === undefined;
  // Another sampler keeps the model's curve of sigmas where its class knows it, as diffusers' from_config does.
  const inherited = isOwn ? defaults.schedule : curveFor(sampler, defaults.schedule);
  const isFlagged = Object.keys(config).some((key) => /^use_\w+_sigmas$/.test(key));
  return {
    sampler,
    schedule: schedule ?? named?.schedule ?? (isFlagged ? scheduleOfConfig(config) : inherited),
  };
}

function chooseSize(draft: RequestDraft, { defaults, imageSize }: DraftContext) {
  const multiple = multipleOf(defaults);
  const down = (side: number) => Math.floor(side / multiple) * multiple;
  // A picture to start from keeps its own size where the model can draw it, as in diffusers.
  const fits =
    imageSize !== undefined &&
    Math.max(imageSize.width, imageSize.height) <= defaults.maxSize &&
    Math.min(imageSize.width, imageSize.height) >= multiple;
  const size = {
    width: draft.width ?? (fits ? down(imageSize.width) : defaults.width),
    height: draft.height ?? (fits ? down(imageSize.height) : defaults.height),
  };
  demandSize(size, defaults);
  return size;
}

const multipleOf = ({ sizeMultiple = LIMITS.size.multiple }: ModelDefaults) => sizeMultiple;

function demandSize(size: Readonly<Record<string, number>>, defaults: ModelDefaults): void {
  const multiple = multipleOf(defaults);
  for (const [label, side] of Object.entries(size)) {
    if (side % multiple !== 0) {
      throw new DarkroomError(
        'bad_request',
        `${label} ${side} is not a multiple of ${multiple}. Try ${Math.max(multiple, Math.floor(side / multiple) * multiple)}.`,
      );
    }
    if (side > defaults.maxSize) {
      throw new DarkroomError(
        'bad_request',
        `${label} ${side} is beyond this model; it draws up to ${defaults.maxSize}. Try ${defaults.width}x${defaults.height}.`,
      );
    }
  }
}

function chooseStrength(draft: RequestDraft, defaults: ModelDefaults, steps: number): number {
  if (draft.image === undefined) demandImage(draft);
  const usual = draft.mask_image === undefined ? defaults.strength : (defaults.inpaintStrength ?? 1);
  const strength = draft.strength ?? usual;
  if (draft.image !== undefined) demandStep('strength', strength, steps, defaults);
  return strength;
}

function demandImage(draft: RequestDraft): void {
  if (draft.strength !== undefined) {
    throw new DarkroomError(
      'bad_request',
      'strength needs a picture to start from. Attach one or leave it out.',
    );
  }
  if (draft.mask_image !== undefined) {
    throw new DarkroomError(
      'bad_request',
      'mask_image needs a picture to start from. Attach one or leave it out.',
    );
  }
}

function demandMask(draft: RequestDraft): void {
  if (draft.mask_image !== undefined) return;
  const stray = (['mask_blur', 'keep_unmasked', 'only_masked_padding'] as const).find(
    (key) => draft[key] !== undefined && draft[key] !== false,
  );
  if (stray === undefined) return;
  throw new DarkroomError('bad_request', `${stray} needs a mask_image. Give one or leave it out.`);
}

function demandStep(
  label: string,
  strength: number,
  steps: number,
  { runsAtAnyStrength = false }: ModelDefaults,
): void {
  if (Math.floor(steps * strength) >= 1 || (runsAtAnyStrength && strength > 0)) return;
  const least = Math.ceil(100 / steps) / 100;
  throw new DarkroomError(
    'bad_request',
    `${label} ${strength} of ${steps} steps leaves no step to run. Try ${least} or more.`,
  );
}

function maskOptions({ mask_blur, keep_unmasked, only_masked_padding }: RequestDraft) {
  return {
    maskBlur: mask_blur ?? 0,
    keepUnmasked: keep_unmasked ?? false,
    ...given('onlyMaskedPadding', only_masked_padding),
  };
}

function chooseControl(draft: NonNullable<RequestDraft['controls']>[number]): ControlRequest {
  const { kind, controlnet, image, scale = 1, start = 0, end = 1 } = draft;
  if (start >= end) {
    throw new DarkroomError(
      'bad_request',
      `control start ${start} is not below its end ${end}. Try 0 to 1, all of the steps.`,
    );
  }
  return Object.freeze({ kind, ...given('controlnet', controlnet), image, scale, start, end });
}

function chooseHires(
  { hires, mask_image: mask }: RequestDraft,
  { defaults }: DraftContext,
  first: { readonly width: number; readonly height: number; readonly numInferenceSteps: number },
): HiresRequest | undefined {
  if (hires === undefined) return undefined;
  if (mask !== undefined) {
    throw new DarkroomError('bad_request', 'hires and mask_image do not go together. Leave one out.');
  }
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
  demandSize({ 'hires width': size.width, 'hires height': size.height }, defaults);
  const strength = hires.strength ?? HIRES_STRENGTH;
  const numInferenceSteps = hires.num_inference_steps ?? first.numInferenceSteps;
  demandStep('hires strength', strength, numInferenceSteps, defaults);
  return Object.freeze({ ...size, upscaler: hires.upscaler ?? 'lanczos', strength, numInferenceSteps });
}

/** Enough to draw detail that upscaling cannot, too little to draw another picture. */
const HIRES_STRENGTH = 0.5;
