/**
 * What somebody asks for, before defaults: contract.md's fields, snake_case. Each field is checked alone here;
 * what depends on the model or on another field is checked by freezeRequest.
 */
import { z } from 'zod';
import { RNGS } from '../diffusion/random.ts';
import { DarkroomError, offerNames } from '../errors.ts';
import { LIMITS } from './limits.ts';

/** What a control picture shows; `raw` is the conditioning as it stands. */
export const CONTROL_KINDS = ['canny', 'openpose', 'scribble', 'lineart', 'depth', 'raw'] as const;
export type ControlKind = (typeof CONTROL_KINDS)[number];

/** How the picture of the first pass grows: its pixels by Lanczos before the VAE, or its latents after it. */
export const UPSCALERS = ['lanczos', 'latent'] as const;
export type Upscaler = (typeof UPSCALERS)[number];

export const PROMPT_SYNTAXES = ['a1111', 'plain'] as const;
export type PromptSyntax = (typeof PROMPT_SYNTAXES)[number];

interface Range {
  readonly min: number;
  readonly max: number;
}
const number = (label: string, { min, max }: Range) =>
  z.number(`${label} must be a number from ${min} to ${max}.`).refine((v) => v >= min && v <= max, {
    error: ({ input }) =>
      `${label} ${input} is outside ${min} to ${max}. Try ${Number(input) > max ? max : min}.`,
  });
const integer = (label: string, range: Range) =>
  number(label, range).refine(Number.isInteger, {
    error: ({ input }) => `${label} ${input} must be a whole number. Try ${Math.round(Number(input))}.`,
  });
const text = (label: string) =>
  z.string(`${label} must be text.`).refine((v) => v.length <= LIMITS.promptCharacters, {
    error: ({ input }) =>
      `${label} has ${String(input).length} characters; the limit is ${LIMITS.promptCharacters}. Shorten it.`,
  });
const flag = (label: string) => z.boolean(`${label} must be true or false.`);
const name = <const T extends readonly string[]>(label: string, names: T) =>
  z.enum(names, {
    error: ({ input }) =>
      `${label} ${JSON.stringify(input)} is not known. ${offerNames(String(input), names)}`,
  });
const picture = (label: string) =>
  z.string(`${label} must be a file name or a picture.`).min(1, `${label} is empty.`);
const pair = (label: string, order: string) =>
  z.tuple(
    [integer(label, LIMITS.told), integer(label, LIMITS.told)],
    `${label} must be two whole numbers, [${order}].`,
  );
const UNIT: Range = { min: 0, max: 1 };

const controlShape = {
  kind: name('control kind', CONTROL_KINDS),
  controlnet: z.string('controlnet must be a name or a folder.').optional(),
  image: picture('control image'),
  scale: number('control scale', LIMITS.controlScale).optional(),
  start: number('control start', UNIT).optional(),
  end: number('control end', UNIT).optional(),
};

const hiresShape = {
  scale: number('hires scale', LIMITS.hiresScale).optional(),
  width: integer('hires width', LIMITS.size).optional(),
  height: integer('hires height', LIMITS.size).optional(),
  upscaler: name('hires upscaler', UPSCALERS).optional(),
  strength: number('hires strength', UNIT).optional(),
  num_inference_steps: integer('hires steps', LIMITS.steps).optional(),
};

const draftShape = {
  model: z.string('model must be a name or a folder.').optional(),
  prompt: text('prompt').refine((v) => v.trim().length > 0, {
    error: 'The prompt is empty. Say what to draw, for example: a red mug on a table, watercolor.',
  }),
  prompt_2: text('prompt_2').optional(),
  prompt_3: text('prompt_3').optional(),
  negative_prompt: text('negative_prompt').optional(),
  negative_prompt_2: text('negative_prompt_2').optional(),
  negative_prompt_3: text('negative_prompt_3').optional(),
  prompt_syntax: name('prompt_syntax', PROMPT_SYNTAXES).optional(),
  width: integer('width', LIMITS.size).optional(),
  height: integer('height', LIMITS.size).optional(),
  num_inference_steps: integer('steps', LIMITS.steps).optional(),
  guidance_scale: number('guidance', LIMITS.guidance).optional(),
  guidance_rescale: number('guidance_rescale', UNIT).optional(),
  seed: integer('seed', LIMITS.seed).optional(),
  num_images: integer('count', LIMITS.images).optional(),
  rng: name('rng', RNGS).optional(),
  sampler: z.string('sampler must be a name.').optional(),
  schedule: z.string('schedule must be a name.').optional(),
  scheduler_config: z.record(z.string(), z.unknown(), 'scheduler_config must be an object.').optional(),
  eta: number('eta', UNIT).optional(),
  clip_skip: integer('clip_skip', LIMITS.clipSkip).optional(),
  max_sequence_length: integer('max_sequence_length', LIMITS.sequence).optional(),
  original_size: pair('original_size', 'height, width').optional(),
  crops_coords_top_left: pair('crops_coords_top_left', 'top, left').optional(),
  target_size: pair('target_size', 'height, width').optional(),
  image: picture('image').optional(),
  strength: number('strength', UNIT).optional(),
  mask_image: picture('mask_image').optional(),
  mask_blur: number('mask_blur', LIMITS.maskBlur).optional(),
  keep_unmasked: flag('keep_unmasked').optional(),
  only_masked_padding: integer('only_masked_padding', LIMITS.maskPadding).optional(),
  controls: z
    .array(z.strictObject(controlShape), 'controls must be a list of objects.')
    .max(LIMITS.controls, `Up to ${LIMITS.controls} controls are taken. Leave some out.`)
    .optional(),
  guess_mode: flag('guess_mode').optional(),
  hires: z.strictObject(hiresShape, 'hires must be an object with scale, or width and height.').optional(),
};
const draftSchema = z.strictObject(draftShape);
export type RequestDraft = z.input<typeof draftSchema>;

/** Fields of the contract that this version refuses by name instead of ignoring. */
const LATER = new Set(['loras']);

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
  const within = issue.path[0];
  const shape = within === 'controls' ? controlShape : within === 'hires' ? hiresShape : draftShape;
  const where = within === undefined ? '' : ` of ${String(within)}`;
  throw new DarkroomError(
    'bad_request',
    `Unknown field ${key}${where}. ${offerNames(key, Object.keys(shape))}`,
  );
}
