/**
 * The one description of a picture to be made. A draft (what somebody typed, snake_case as in contract) is
 * checked here once, its gaps filled from the model's defaults, its seed drawn; the result is frozen and
 * travels unchanged to the engine and into the PNG.
 */
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { DarkroomError, offerNames } from './errors.ts';

export const SAMPLERS = ['ddim', 'euler', 'euler_a', 'dpmpp_2m'] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** The class of diffusers that each sampler stands for; a scheduler_config names one as `_class_name`. */
export const SAMPLER_CLASS: Readonly<Record<SamplerName, string>> = {
  ddim: 'DDIMScheduler',
  euler: 'EulerDiscreteScheduler',
  euler_a: 'EulerAncestralDiscreteScheduler',
  dpmpp_2m: 'DPMSolverMultistepScheduler',
};

/** @returns undefined where no sampler of ours stands for that class */
export const samplerOfClass = (className: unknown): SamplerName | undefined =>
  SAMPLERS.find((sampler) => SAMPLER_CLASS[sampler] === className);

export const SCHEDULES = ['normal', 'karras'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** Fixed limits; a model's own limits are narrower (ModelDefaults). */
export const LIMITS = {
  promptCharacters: 10_000,
  steps: { min: 1, max: 150 },
  guidance: { min: 0, max: 30, artefactsAbove: 15 },
  images: { min: 1, max: 8 },
  size: { min: 8, max: 2048, multiple: 8 },
  seed: { min: 0, max: 2 ** 32 - 1 },
} as const;

export interface GenerationRequest {
  /** Catalogue name or folder, as the catalogue resolves it. */
  readonly model: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly width: number;
  readonly height: number;
  readonly numInferenceSteps: number;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  /** Seed of the first picture; picture i uses seed + i. */
  readonly seed: number;
  readonly numImages: number;
  readonly sampler: SamplerName;
  readonly schedule: ScheduleName;
  /** Laid over the model's scheduler_config.json. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  readonly eta: number;
  readonly clipSkip: number;
  /** Reference of the picture to start from; its bytes travel beside the request (JobInputs). */
  readonly image?: string;
  /** 0 keeps the picture, 1 forgets it; only with `image`. */
  readonly strength?: number;
}

/** What a model folder says of itself; fills the gaps of a draft. */
export interface ModelDefaults {
  readonly numInferenceSteps: number;
  readonly guidanceScale: number;
  readonly sampler: SamplerName;
  readonly schedule: ScheduleName;
  readonly width: number;
  readonly height: number;
  readonly strength: number;
  /** Longest side, in pixels, that the model can draw. */
  readonly maxSize: number;
}

const number = (label: string, min: number, max: number) =>
  z.number(`${label} must be a number from ${min} to ${max}.`).refine((v) => v >= min && v <= max, {
    error: ({ input }) =>
      `${label} ${input} is outside ${min} to ${max}. Try ${nearestWithin(input, min, max)}.`,
  });
const integer = (label: string, min: number, max: number) =>
  number(label, min, max).refine(Number.isInteger, {
    error: ({ input }) => `${label} ${input} must be a whole number. Try ${Math.round(Number(input))}.`,
  });
const nearestWithin = (value: unknown, min: number, max: number) => (Number(value) > max ? max : min);
const text = (label: string) =>
  z.string(`${label} must be text.`).refine((v) => v.length <= LIMITS.promptCharacters, {
    error: ({ input }) =>
      `${label} has ${String(input).length} characters; the limit is ${LIMITS.promptCharacters}. Shorten it.`,
  });

/**
 * What somebody asks for, before defaults: contract.md's fields, snake_case. Unknown fields are refused, and
 * so are known ones that this version does not carry out.
 */
const draftShape = {
  model: z.string('model must be a name or a folder.').optional(),
  prompt: text('prompt').refine((v) => v.trim().length > 0, {
    error: 'The prompt is empty. Say what to draw, for example: a red mug on a table, watercolor.',
  }),
  negative_prompt: text('negative_prompt').optional(),
  prompt_syntax: z.enum(['plain'], 'prompt_syntax must be plain; a1111 weights come later.').optional(),
  width: integer('width', LIMITS.size.min, LIMITS.size.max).optional(),
  height: integer('height', LIMITS.size.min, LIMITS.size.max).optional(),
  num_inference_steps: integer('steps', LIMITS.steps.min, LIMITS.steps.max).optional(),
  guidance_scale: number('guidance', LIMITS.guidance.min, LIMITS.guidance.max).optional(),
  guidance_rescale: number('guidance_rescale', 0, 1).optional(),
  seed: integer('seed', LIMITS.seed.min, LIMITS.seed.max).optional(),
  num_images: integer('count', LIMITS.images.min, LIMITS.images.max).optional(),
  rng: z.enum(['torch'], 'rng must be torch; philox comes later.').optional(),
  sampler: z.string('sampler must be a name.').optional(),
  schedule: z.string('schedule must be a name.').optional(),
  scheduler_config: z.record(z.string(), z.unknown(), 'scheduler_config must be an object.').optional(),
  eta: number('eta', 0, 1).optional(),
  clip_skip: integer('clip_skip', 0, 12).optional(),
  image: z.string('image must be a file name or a picture.').optional(),
  strength: number('strength', 0, 1).optional(),
};
const draftSchema = z.strictObject(draftShape);
export type RequestDraft = z.input<typeof draftSchema>;

/** Fields of the contract that this version refuses by name instead of ignoring. */
const LATER = new Set(
  (
    'prompt_2 prompt_3 negative_prompt_2 negative_prompt_3 max_sequence_length original_size ' +
    'crops_coords_top_left target_size mask_image mask_blur keep_unmasked only_masked_padding controls guess_mode loras'
  ).split(' '),
);

/** Samplers as A1111 spells them, without its schedule suffix. */
const A1111_SAMPLERS: Readonly<Record<string, SamplerName>> = {
  ddim: 'ddim',
  euler: 'euler',
  'euler a': 'euler_a',
  'dpm++ 2m': 'dpmpp_2m',
};

export interface DraftContext {
  /** The model's name as the catalogue resolved it from the draft. */
  readonly model: string;
  readonly defaults: ModelDefaults;
  /** Width and height in pixels of the picture behind `draft.image`; needed where the draft has one. */
  readonly imageSize?: { readonly width: number; readonly height: number };
}

/** Checks the fields of a draft one by one, without a model. Throws DarkroomError('bad_request'). */
export function parseDraft(input: unknown): RequestDraft {
  const parsed = draftSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  if (issue.code !== 'unrecognized_keys') throw new DarkroomError('bad_request', issue.message);
  const key = issue.keys[0]!;
  if (LATER.has(key)) {
    throw new DarkroomError('unsupported', `${key} is not in this version of Darkroom. Leave it out.`);
  }
  throw new DarkroomError('bad_request', `Unknown field ${key}. ${offerNames(key, Object.keys(draftShape))}`);
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
  const guidanceScale = draft.guidance_scale ?? defaults.guidanceScale;
  const notes: string[] = [];
  if (guidanceScale > LIMITS.guidance.artefactsAbove) {
    notes.push(
      `Guidance ${guidanceScale} often brings burnt colours and artefacts; ${defaults.guidanceScale} suits this model.`,
    );
  }
  const request: GenerationRequest = Object.freeze({
    model: context.model,
    prompt: draft.prompt,
    negativePrompt: draft.negative_prompt ?? '',
    width,
    height,
    numInferenceSteps,
    guidanceScale,
    guidanceRescale: draft.guidance_rescale ?? 0,
    seed,
    numImages,
    sampler,
    schedule,
    schedulerConfig: Object.freeze({ ...draft.scheduler_config }),
    eta: draft.eta ?? 0,
    clipSkip: draft.clip_skip ?? 0,
    ...(draft.image === undefined ? {} : { image: draft.image, strength }),
  });
  return { request, notes };
}

/** The request as people and files see it: the contract's snake_case fields, all filled. */
export function requestToJson(request: GenerationRequest): RequestDraft {
  return {
    model: request.model,
    prompt: request.prompt,
    negative_prompt: request.negativePrompt,
    prompt_syntax: 'plain',
    width: request.width,
    height: request.height,
    num_inference_steps: request.numInferenceSteps,
    guidance_scale: request.guidanceScale,
    guidance_rescale: request.guidanceRescale,
    seed: request.seed,
    num_images: request.numImages,
    rng: 'torch',
    sampler: request.sampler,
    schedule: request.schedule,
    scheduler_config: { ...request.schedulerConfig },
    eta: request.eta,
    clip_skip: request.clipSkip,
    ...(request.image === undefined ? {} : { image: request.image }),
    ...(request.strength === undefined ? {} : { strength: request.strength }),
  };
}

/** A sampler by our name or A1111's ("DPM++ 2M Karras"), which may carry the schedule with it. */
export function parseSampler(name: string): { sampler: SamplerName; schedule?: ScheduleName } {
  const plain = name.trim().toLowerCase();
  const schedule = SCHEDULES.find((s) => plain.endsWith(` ${s}`));
  const stem = schedule === undefined ? plain : plain.slice(0, -schedule.length - 1);
  const sampler = SAMPLERS.find((s) => s === stem) ?? A1111_SAMPLERS[stem];
  if (sampler === undefined) {
    throw new DarkroomError('bad_request', `Unknown sampler ${name}. ${offerNames(name, SAMPLERS)}`);
  }
  return schedule === undefined ? { sampler } : { sampler, schedule };
}

function chooseSampler(draft: RequestDraft, defaults: ModelDefaults) {
  const named = draft.sampler === undefined ? undefined : parseSampler(draft.sampler);
  const wanted = draft.schedule?.toLowerCase();
  const schedule = SCHEDULES.find((s) => s === wanted);
  if (wanted !== undefined && schedule === undefined) {
    throw new DarkroomError('bad_request', `Unknown schedule ${wanted}. ${offerNames(wanted, SCHEDULES)}`);
  }
  const className = draft.scheduler_config?.['_class_name'];
  const ofClass = samplerOfClass(className);
  if (named !== undefined && ofClass !== undefined && named.sampler !== ofClass) {
    throw new DarkroomError(
      'bad_request',
      `sampler ${draft.sampler} and scheduler_config's _class_name ${className} name two samplers. Leave one out.`,
    );
  }
  return {
    sampler: named?.sampler ?? ofClass ?? defaults.sampler,
    // A sampler chosen without a schedule gets the plain one, not the one that suits the model's own sampler.
    schedule:
      schedule ??
      named?.schedule ??
      (named === undefined && className === undefined ? defaults.schedule : 'normal'),
  };
}

function chooseSize(draft: RequestDraft, { defaults, imageSize }: DraftContext) {
  const { multiple } = LIMITS.size;
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
  for (const [label, side] of Object.entries(size)) {
    if (side % multiple !== 0) {
      throw new DarkroomError(
        'bad_request',
        `${label} ${side} is not a multiple of ${multiple}. Try ${Math.max(multiple, down(side))}.`,
      );
    }
    if (side > defaults.maxSize) {
      throw new DarkroomError(
        'bad_request',
        `${label} ${side} is beyond this model; it draws up to ${defaults.maxSize}. Try ${defaults.width}x${defaults.height}.`,
      );
    }
  }
  return size;
}

function chooseStrength(draft: RequestDraft, defaults: ModelDefaults, steps: number): number {
  if (draft.strength !== undefined && draft.image === undefined) {
    throw new DarkroomError(
      'bad_request',
      'strength needs a picture to start from. Attach one or leave it out.',
    );
  }
  const strength = draft.strength ?? defaults.strength;
  if (draft.image !== undefined && Math.floor(steps * strength) < 1) {
    const least = Math.ceil(100 / steps) / 100;
    throw new DarkroomError(
      'bad_request',
      `strength ${strength} of ${steps} steps leaves no step to run. Try ${least} or more.`,
    );
  }
  return strength;
}
