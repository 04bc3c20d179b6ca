/**
 * Every field of a request, one row each. The draft's schema, the frozen request, its JSON, the options of shell and
 * chats, A1111's text and the recipe's command all derive from these rows: a new field is a row, and what uses it.
 */
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { a1111Schedule, PART_OF_SAMPLER, parseSampler, parseSchedule } from '../diffusion/names.ts';
import { RNGS, type Rng } from '../diffusion/random.ts';
import { SAMPLER_NAMES, samplerNamed } from '../diffusion/samplers/index.ts';
import { SCHEDULES } from '../diffusion/schedule.ts';
import { DarkroomError } from '../errors.ts';
import type { Chosen } from './chosen.ts';
import { type ControlRequest, controlSchema, freezeControl, isNamedPose } from './controls.ts';
import {
  HIRES_STRENGTH,
  type HiresDraft,
  type HiresRequest,
  hiresSchema,
  hiresToJson,
  UPSCALERS,
} from './hires.ts';
import { LIMITS } from './limits.ts';
import { type FieldOption, type OptionValue, option, parseSize, SIZE } from './option.ts';
import { flag, image, integer, longSeed, name, number, pair, SEEDS, seed, text, UNIT } from './schemas.ts';

export const PROMPT_SYNTAXES = ['a1111', 'plain'] as const;
export type PromptSyntax = (typeof PROMPT_SYNTAXES)[number];

type Json = Readonly<Record<string, unknown>>;
/** One `Key: value` of A1111's text; left out where undefined. */
export type Pair = readonly [key: string, value: string | number | undefined];

/** What A1111's text says of a picture beside its request. */
export interface PictureFacts {
  /** The seed of this picture, which is not the request's where it makes several. */
  readonly seed: number;
  /** Short hash of the model's weights, hexadecimal. */
  readonly modelHash?: string;
  /** The model's name without its folder. */
  readonly modelName: string;
}

interface Field<Name extends string, Draft, Frozen, Options extends readonly FieldOption[]> {
  /** In files and JSON, snake_case as in diffusers. */
  readonly name: Name;
  /** Of what a draft holds. */
  readonly schema: z.ZodType<Draft, Draft>;
  /** From the draft to the frozen request; undefined leaves the field out. */
  readonly fill: (value: Draft | undefined, chosen: Chosen) => Frozen;
  /** Back to a draft, where that is not the value itself; undefined leaves the field out. */
  readonly json?: (value: Exclude<Frozen, undefined>) => Draft | undefined;
  /** A fixed default: a recipe's command does not write it. */
  readonly plain?: Draft;
  readonly options?: Options;
  /** What A1111's text says of it. */
  readonly a1111?: (request: GenerationRequest, facts: PictureFacts) => readonly Pair[];
  /** A sentence about what a recipe's command cannot say of this draft; undefined where it says all. */
  readonly notCarried?: (draft: RequestDraft) => string | undefined;
}

const field = <
  const Name extends string,
  Draft,
  Frozen,
  const Options extends readonly FieldOption[] = readonly [],
>(
  row: Field<Name, Draft, Frozen, Options>,
): Field<Name, Draft, Frozen, Options> => row;

const same = <T>(value: T | undefined): T | undefined => value;
const or =
  <T>(fallback: T) =>
  (value: T | undefined): T =>
    value ?? fallback;

/** A text that only some text encoders read. */
const textField = <const Name extends string, const Flag extends string>(
  snake: Name,
  flagName: Flag,
  description: string,
) =>
  field({
    name: snake,
    schema: text(snake),
    fill: same,
    options: [option({ names: [flagName], type: 'text', description, example: 'a red mug' })],
  });

/** Two numbers that are written as WIDTHxHEIGHT and kept as [height, width], as in diffusers. */
const sizeField = <const Name extends string, const Flag extends string>(
  snake: Name,
  flagName: Flag,
  description: string,
) =>
  field({
    name: snake,
    schema: pair(snake, 'height, width'),
    fill: (value): readonly [number, number] | undefined => value,
    json: ([height, width]) => [height, width] as [number, number],
    options: [
      option({
        names: [flagName],
        type: 'word',
        hint: 'WxH',
        pattern: SIZE,
        description,
        example: '1024x1024',
        read: (value): Json => {
          const [width, height] = requireSizeText(flagName, value);
          return { [snake]: [height, width] };
        },
        write: (draft): OptionValue | undefined => {
          const value = draft[snake] as readonly [number, number] | undefined;
          return value && `${value[1]}x${value[0]}`;
        },
      }),
    ],
  });

function requireSizeText(flagName: string, value: OptionValue): readonly [number, number] {
  const size = parseSize(String(value));
  if (size !== undefined) return size;
  throw new DarkroomError(
    'bad_request',
    `--${flagName} ${value} is not WIDTHxHEIGHT. Try --${flagName} 256x256.`,
  );
}

export const FIELDS = {
  prompt: field({
    name: 'prompt',
    schema: text('prompt'),
    fill: (value) => value!,
  }),
  /** For the second and third text encoder; `prompt` where left out. */
  prompt2: textField('prompt_2', 'prompt-2', 'A prompt of its own for the second text encoder.'),
  prompt3: textField('prompt_3', 'prompt-3', 'A prompt of its own for the third text encoder.'),
  /** Left out is not the same as empty: SDXL then takes zeros instead of the encoded empty prompt. */
  negativePrompt: field({
    name: 'negative_prompt',
    schema: text('negative_prompt'),
    fill: same,
    options: [
      option({
        names: ['no', 'negative'],
        type: 'text',
        description: 'What should not be in the picture.',
        example: 'text',
        menu: 5,
      }),
    ],
  }),
  negativePrompt2: textField('negative_prompt_2', 'no-2', 'What the second text encoder should avoid.'),
  negativePrompt3: textField('negative_prompt_3', 'no-3', 'What the third text encoder should avoid.'),
  /** `a1111`: weights, BREAK, chunks beyond 77 tokens; `plain`: as diffusers takes it. */
  promptSyntax: field({
    name: 'prompt_syntax',
    schema: name('prompt_syntax', PROMPT_SYNTAXES),
    fill: or<PromptSyntax>('a1111'),
    plain: 'a1111',
    options: [
      option({
        names: ['syntax'],
        type: 'choice',
        choices: PROMPT_SYNTAXES,
        description: 'How the prompt is read: with weights, or as plain words up to 77 tokens.',
        example: 'plain',
      }),
    ],
  }),
  numInferenceSteps: field({
    name: 'num_inference_steps',
    schema: integer('steps', LIMITS.steps),
    fill: (value, { defaults }) => value ?? defaults.numInferenceSteps,
    a1111: (request): Pair[] => [['Steps', request.numInferenceSteps]],
    options: [
      option({
        names: ['steps'],
        type: 'integer',
        ...LIMITS.steps,
        description: 'Denoising steps. More take longer and show finer detail.',
        example: '20',
        menu: 2,
      }),
    ],
  }),
  sampler: field({
    name: 'sampler',
    schema: z.string('sampler must be a name.'),
    fill: (_, { sampler }) => sampler,
    a1111: (request): Pair[] => [['Sampler', samplerNamed(request.sampler).a1111[0]]],
    options: [
      option({
        names: ['sampler'],
        type: 'choice',
        choices: SAMPLER_NAMES,
        spelling: (words) => whereKnown(words, parseSampler),
        partOfName: PART_OF_SAMPLER,
        description: 'Sampling method.',
        example: 'euler',
        menu: 10,
      }),
    ],
  }),
  schedule: field({
    name: 'schedule',
    schema: z.string('schedule must be a name.'),
    fill: (_, { schedule }) => schedule,
    a1111: (request): Pair[] => [['Schedule type', a1111Schedule(request.schedule)]],
    options: [
      option({
        names: ['schedule'],
        type: 'choice',
        choices: SCHEDULES,
        spelling: (words) => whereKnown(words, parseSchedule),
        partOfName: /^(?:sgm|uniform|align|your|steps|ays|automatic|exponential|poly|optimal)$/i,
        description: 'How the noise levels are spaced.',
        example: 'karras',
        menu: 11,
      }),
    ],
  }),
  guidanceScale: field({
    name: 'guidance_scale',
    schema: number('guidance', LIMITS.guidance),
    fill: (value, { defaults }) => value ?? defaults.guidanceScale,
    a1111: (request): Pair[] => [['CFG scale', request.guidanceScale]],
    options: [
      option({
        names: ['cfg', 'guidance'],
        type: 'number',
        min: LIMITS.guidance.min,
        max: LIMITS.guidance.max,
        description: 'How closely the picture follows the prompt.',
        example: '5',
        menu: 3,
      }),
    ],
  }),
  /** Seed of the first picture; picture i uses seed + i. */
  seed: field({
    name: 'seed',
    schema: seed('seed'),
    fill: (value = -1) => (value === -1 ? randomInt(LIMITS.seed.max - LIMITS.images.max) : value),
    a1111: (_, facts): Pair[] => [['Seed', facts.seed]],
    options: [
      option({
        names: ['seed'],
        type: 'integer',
        ...SEEDS,
        spelling: (words) => (words.toLowerCase() === 'random' ? '-1' : undefined),
        beyond: longSeed,
        description: 'The same seed and prompt make the same picture; -1 or random draws a new one.',
        example: '7',
        menu: 1,
      }),
    ],
  }),
  width: field({
    name: 'width',
    schema: integer('width', LIMITS.size),
    fill: (_, { width }) => width,
    a1111: (request): Pair[] => [['Size', `${request.width}x${request.height}`]],
    options: [
      option({
        names: ['size'],
        type: 'word',
        hint: 'WxH',
        pattern: SIZE,
        description: 'Width x height in pixels, multiples of 8.',
        example: '256x256',
        menu: 9,
        read: (value): Json => {
          const [width, height] = requireSizeText('size', value);
          return { width, height };
        },
        write: ({ width, height }): OptionValue | undefined =>
          width === undefined || height === undefined ? undefined : `${width}x${height}`,
      }),
    ],
  }),
  /** Written with width. */
  height: field({
    name: 'height',
    schema: integer('height', LIMITS.size),
    fill: (_, { height }) => height,
  }),
  /** Catalogue name or folder, as the catalogue resolves it. */
  model: field({
    name: 'model',
    schema: z.string('model must be a name or a folder.'),
    fill: (_, { model }) => model,
    a1111: (_, facts): Pair[] => [
      ['Model hash', facts.modelHash],
      ['Model', facts.modelName],
    ],
    options: [
      option({
        names: ['model'],
        type: 'word',
        hint: 'NAME|FOLDER',
        description: 'Which model draws.',
        example: 'mini',
        menu: 17,
        // The rest of a folder's path is the host's own.
        write: ({ model }): OptionValue | undefined =>
          typeof model === 'string' ? shortName(model) : undefined,
      }),
    ],
  }),
  numImages: field({
    name: 'num_images',
    schema: integer('count', LIMITS.images),
    fill: or<number>(1),
    plain: 1,
    options: [
      option({
        names: ['n', 'count'],
        type: 'integer',
        ...LIMITS.images,
        description: 'How many pictures, each with its own seed.',
        example: '4',
        menu: 6,
      }),
    ],
  }),
  /** Reference of the picture to start from; its bytes travel beside the request (JobInputs). */
  image: field({
    name: 'image',
    schema: image('image'),
    fill: same,
    notCarried: (draft): string | undefined =>
      draft.image === undefined
        ? undefined
        : 'The picture that it started from: send the command as a reply to it, or attach it.',
  }),
  /** 0 keeps the picture, 1 forgets it; only with `image`. */
  strength: field({
    name: 'strength',
    schema: number('strength', UNIT),
    fill: (_, { hasImage, strength }) => (hasImage ? strength : undefined),
    a1111: (request): Pair[] => [['Denoising strength', request.strength ?? request.hires?.strength]],
    options: [
      option({
        names: ['strength'],
        type: 'number',
        ...UNIT,
        description: 'With a picture: 0 keeps it, 1 forgets it.',
        example: '0.6',
        menu: 8,
      }),
    ],
  }),
  /** Reference of the mask: its white part is redrawn; only with `image`. */
  maskImage: field({
    name: 'mask_image',
    schema: image('mask_image'),
    fill: same,
    notCarried: (draft): string | undefined =>
      draft.mask_image === undefined ? undefined : 'The mask: attach it as mask.png beside the picture.',
  }),
  /** Standard deviation in pixels of the Gaussian that softens the mask; only with `maskImage`. */
  maskBlur: field({
    name: 'mask_blur',
    schema: number('mask_blur', LIMITS.maskBlur),
    fill: (value, { hasMask }) => (hasMask ? (value ?? 0) : undefined),
    plain: 0,
    a1111: (request): Pair[] => [['Mask blur', request.maskBlur]],
    options: [
      option({
        names: ['mask-blur'],
        type: 'number',
        ...LIMITS.maskBlur,
        description: 'Softens the edge of the mask by so many pixels.',
        example: '4',
      }),
    ],
  }),
  /** Pixels outside the mask come back bit for bit; only with `maskImage`. */
  keepUnmasked: field({
    name: 'keep_unmasked',
    schema: flag('keep_unmasked'),
    fill: (value, { hasMask }) => (hasMask ? (value ?? false) : undefined),
    options: [
      option({
        names: ['keep-unmasked'],
        type: 'switch',
        description: 'Pixels outside the mask stay exactly as they are. On in chats.',
        example: 'off',
        // Where a chat has a mask, it is on.
        write: ({ keep_unmasked: keep }): OptionValue | undefined => (keep === false ? 'off' : undefined),
      }),
    ],
  }),
  /** Where given, only the masked part and this many pixels around it are drawn, at the request's full size. */
  onlyMaskedPadding: field({
    name: 'only_masked_padding',
    schema: integer('only_masked_padding', LIMITS.maskPadding),
    fill: (value, { hasMask }) => (hasMask ? value : undefined),
    a1111: (request): Pair[] => [
      ['Inpaint area', request.onlyMaskedPadding === undefined ? undefined : 'Only masked'],
      ['Masked area padding', request.onlyMaskedPadding],
    ],
    options: [
      option({
        names: ['only-masked-padding'],
        type: 'integer',
        ...LIMITS.maskPadding,
        description: 'Draws only the masked part and so many pixels around it, at full size.',
        example: '32',
      }),
    ],
  }),
  controls: field({
    name: 'controls',
    schema: z
      .array(controlSchema, 'controls must be a list of objects.')
      .max(LIMITS.controls, `Up to ${LIMITS.controls} controls are taken. Leave some out.`),
    fill: (value): readonly ControlRequest[] => Object.freeze((value ?? []).map(freezeControl)),
    json: (controls) => (controls.length === 0 ? undefined : controls.map((control) => ({ ...control }))),
    a1111: (request): Pair[] =>
      request.controls.map((one, i): Pair => [`ControlNet ${i}`, controlText(one, request.guessMode)]),
    notCarried: (draft): string | undefined => {
      const { controls = [] } = draft;
      if (controls.length > 1) return `Its ${controls.length} controls: a command takes one.`;
      const [control] = controls;
      if (control?.controlnet !== undefined) {
        return `The ControlNet ${shortName(control.controlnet)}: a command takes the model's own.`;
      }
      return control === undefined || isNamedPose(control)
        ? undefined
        : `The picture that --control ${control.kind} follows: attach it, or reply to it.`;
    },
  }),
  /** Only the ControlNets steer, deeper layers more than upper ones; the other half of guidance is left free. */
  guessMode: field({
    name: 'guess_mode',
    schema: flag('guess_mode'),
    fill: or<boolean>(false),
    plain: false,
    json: (isOn) => (isOn ? true : undefined),
    options: [
      option({
        names: ['guess-mode'],
        type: 'switch',
        description: 'Only the control says what is drawn.',
        example: 'on',
        write: ({ guess_mode: isOn }): OptionValue | undefined => (isOn === true ? 'on' : undefined),
      }),
    ],
  }),
  clipSkip: field({
    name: 'clip_skip',
    schema: integer('clip_skip', LIMITS.clipSkip),
    fill: or<number>(0),
    plain: 0,
    // diffusers counts skipped layers from 0, A1111 layers from the end from 1.
    a1111: (request): Pair[] => [['Clip skip', request.clipSkip > 0 ? request.clipSkip + 1 : undefined]],
    options: [
      option({
        names: ['clip-skip'],
        type: 'integer',
        ...LIMITS.clipSkip,
        description: 'How many of the last layers of the text encoder are skipped.',
        example: '1',
      }),
    ],
  }),
  guidanceRescale: field({
    name: 'guidance_rescale',
    schema: number('guidance_rescale', UNIT),
    fill: or<number>(0),
    plain: 0,
    a1111: (request): Pair[] => [['CFG Rescale phi', positive(request.guidanceRescale)]],
    options: [
      option({
        names: ['guidance-rescale'],
        type: 'number',
        ...UNIT,
        description: 'How much of the contrast that guidance adds is taken back.',
        example: '0.7',
      }),
    ],
  }),
  eta: field({
    name: 'eta',
    schema: number('eta', UNIT),
    fill: or<number>(0),
    plain: 0,
    a1111: (request): Pair[] => [['Eta', positive(request.eta)]],
    options: [
      option({
        names: ['eta'],
        type: 'number',
        ...UNIT,
        description: 'Noise that DDIM and TCD add at each step.',
        example: '0.3',
      }),
    ],
  }),
  hires: field({
    name: 'hires',
    schema: hiresSchema,
    fill: (_, { hires }) => hires,
    json: hiresToJson,
    a1111: (request): Pair[] => hiresPairs(request.hires),
    options: [
      option({
        names: ['upscale', 'hires'],
        type: 'number',
        ...LIMITS.hiresScale,
        description: 'A second pass draws the picture so many times larger.',
        example: '2',
        menu: 16,
        read: (scale): Json => ({ hires: { scale } }),
        write: hiresScale,
      }),
      option({
        names: ['upscale-size'],
        type: 'word',
        hint: 'WxH',
        pattern: SIZE,
        description: 'Size of the second pass in pixels.',
        example: '512x768',
        read: (value): Json => {
          const [width, height] = requireSizeText('upscale-size', value);
          return { hires: { width, height } };
        },
        write: (draft): OptionValue | undefined => {
          const { hires } = draft as { hires?: HiresDraft };
          if (hires?.width === undefined || hiresScale(draft) !== undefined) return undefined;
          return `${hires.width}x${hires.height}`;
        },
      }),
      option({
        names: ['upscaler'],
        type: 'choice',
        choices: UPSCALERS,
        description: 'How the first pass is enlarged.',
        example: 'latent',
        read: (upscaler): Json => ({ hires: { upscaler } }),
        write: (draft): OptionValue | undefined =>
          hiresPart(draft, ({ upscaler }) => (upscaler === 'lanczos' ? undefined : upscaler)),
      }),
      option({
        names: ['upscale-strength'],
        type: 'number',
        ...UNIT,
        description: 'How much the second pass changes.',
        example: '0.3',
        read: (strength): Json => ({ hires: { strength } }),
        write: (draft): OptionValue | undefined =>
          hiresPart(draft, ({ strength }) => (strength === HIRES_STRENGTH ? undefined : strength)),
      }),
      option({
        names: ['upscale-steps'],
        type: 'integer',
        ...LIMITS.steps,
        description: 'Steps of the second pass.',
        example: '20',
        read: (steps): Json => ({ hires: { num_inference_steps: steps } }),
        write: (draft): OptionValue | undefined =>
          hiresPart(draft, ({ num_inference_steps: steps }) =>
            steps === draft['num_inference_steps'] ? undefined : steps,
          ),
      }),
    ],
  }),
  /** The finished picture is made larger by the model's own upscaler; left out where the model has none. */
  enlarge: field({
    name: 'enlarge',
    schema: flag('enlarge'),
    fill: (_, { enlarge }) => enlarge,
    options: [
      option({
        names: ['enlarge'],
        type: 'choice',
        choices: ['on', 'off'],
        hint: 'on|off',
        description: "Makes the finished picture larger with the model's own upscaler. On where it has one.",
        example: 'off',
        read: (value): Json => ({ enlarge: value === 'on' }),
        write: ({ enlarge }): OptionValue | undefined =>
          enlarge === undefined ? undefined : enlarge === true ? 'on' : 'off',
      }),
    ],
  }),
  rng: field({
    name: 'rng',
    schema: name('rng', RNGS),
    fill: or<Rng>('torch'),
    plain: 'torch',
    // NV is A1111's name for the numbers of an NVIDIA card, made on any machine.
    a1111: (request): Pair[] => [['RNG', request.rng === 'torch' ? 'CPU' : 'NV']],
    options: [
      option({
        names: ['rng'],
        type: 'choice',
        choices: RNGS,
        description: "Random numbers as diffusers draws them, or A1111's.",
        example: 'philox',
      }),
    ],
  }),
  /** Laid over the model's scheduler_config.json. */
  schedulerConfig: field({
    name: 'scheduler_config',
    schema: z.record(z.string(), z.unknown(), 'scheduler_config must be an object.'),
    fill: (value): Json => Object.freeze({ ...value }),
    json: (config) => ({ ...config }),
    options: [
      option({
        names: ['scheduler-config'],
        type: 'word',
        hint: 'JSON',
        description: "JSON that is laid over the model's scheduler_config.json.",
        example: '{"timestep_spacing":"trailing"}',
        read: (value): Json => ({ scheduler_config: parseJson('scheduler-config', value) }),
        write: ({ scheduler_config: config }): OptionValue | undefined =>
          config === undefined || Object.keys(config as Json).length === 0
            ? undefined
            : JSON.stringify(config),
      }),
    ],
  }),
  /** Tokens that SD3's T5 reads; 256 where left out. */
  maxSequenceLength: field({
    name: 'max_sequence_length',
    schema: integer('max_sequence_length', LIMITS.sequence),
    fill: same,
    options: [
      option({
        names: ['max-sequence-length'],
        type: 'integer',
        ...LIMITS.sequence,
        description: 'Tokens that the T5 text encoder reads.',
        example: '512',
      }),
    ],
  }),
  /** SDXL is given sizes and crop, [height, width] and [top, left]; the picture's own size and 0 where left out. */
  originalSize: sizeField('original_size', 'original-size', 'The original size that SDXL is given.'),
  cropsCoordsTopLeft: field({
    name: 'crops_coords_top_left',
    schema: pair('crops_coords_top_left', 'top, left'),
    fill: (value): readonly [number, number] | undefined => value,
    json: ([top, left]) => [top, left] as [number, number],
    options: [
      option({
        names: ['crop'],
        type: 'word',
        hint: 'TOP,LEFT',
        description: 'The crop that SDXL is given: top,left.',
        example: '0,0',
        read: (value): Json => {
          const match = /^(\d+),(\d+)$/.exec(String(value));
          if (match !== null) return { crops_coords_top_left: [Number(match[1]), Number(match[2])] };
          throw new DarkroomError('bad_request', `--crop ${value} is not TOP,LEFT. Try --crop 0,0.`);
        },
        write: ({ crops_coords_top_left: crop }): OptionValue | undefined =>
          crop === undefined ? undefined : (crop as readonly number[]).join(','),
      }),
    ],
  }),
  targetSize: sizeField('target_size', 'target-size', 'The target size that SDXL is given.'),
} as const;

type Fields = typeof FIELDS;
type Key = keyof Fields;
type FrozenOf<K extends Key> = ReturnType<Fields[K]['fill']>;
type Optional = { [K in Key]: undefined extends FrozenOf<K> ? K : never }[Key];

type RequiredFields = { readonly [K in Exclude<Key, Optional>]: FrozenOf<K> };
type OptionalFields = { readonly [K in Optional]?: Exclude<FrozenOf<K>, undefined> };
/**
 * The one description of a picture to be made. A draft is checked and its gaps are filled once; the result is frozen
 * and travels unchanged to the engine and into the PNG.
 */
export interface GenerationRequest extends RequiredFields, OptionalFields {}

type DraftOf<K extends Key> = z.input<Fields[K]['schema']>;
type DraftFields = { [K in Key as Fields[K]['name']]?: DraftOf<K> | undefined };
/** What somebody asks for, before defaults: the fields as files and JSON name them. */
export interface RequestDraft extends DraftFields {
  prompt: string;
}

/** A row, its types forgotten. */
export type AnyField = Field<string, unknown, unknown, readonly FieldOption[]>;
export const ROWS = Object.entries(FIELDS) as unknown as readonly (readonly [Key, AnyField])[];

type OptionsOf<K extends Key> = Fields[K] extends { readonly options?: readonly (infer One)[] } ? One : never;
/** Any option of any field. */
export type AnyFieldOption = { [K in Key]: OptionsOf<K> }[Key];

const whereKnown = (words: string, parse: (words: string) => unknown): string | undefined => {
  try {
    parse(words);
    return words;
  } catch {
    return undefined;
  }
};

/** A folder's last part. */
export const shortName = (model: string) => model.split(/[\\/]/).findLast((part) => part !== '') ?? model;

function hiresPart<T>(draft: Json, part: (hires: HiresDraft) => T | undefined): T | undefined {
  const { hires } = draft as { hires?: HiresDraft };
  return hires && part(hires);
}

/** The factor of the second pass, where a few digits give exactly its size. */
function hiresScale(draft: Json): number | undefined {
  const { width, height } = draft as { width?: number; height?: number };
  return hiresPart(draft, (hires) => {
    if (width === undefined || height === undefined || hires.width === undefined) return undefined;
    const scale = Number((hires.width / width).toFixed(4));
    const isExact = scale * width === hires.width && scale * height === hires.height;
    return isExact ? scale : undefined;
  });
}

function hiresPairs(hires: HiresRequest | undefined): Pair[] {
  if (hires === undefined) return [];
  return [
    ['Hires resize', `${hires.width}x${hires.height}`],
    ['Hires steps', hires.numInferenceSteps],
    ['Hires upscaler', hires.upscaler === 'lanczos' ? 'Lanczos' : 'Latent'],
  ];
}

const positive = (value: number) => (value > 0 ? value : undefined);

function parseJson(flagName: string, value: OptionValue): unknown {
  try {
    return JSON.parse(String(value));
  } catch (cause) {
    throw new DarkroomError('bad_request', `--${flagName} is not JSON: ${String(value).slice(0, 60)}`, {
      cause,
    });
  }
}

/** As the ControlNet extension of A1111 writes a unit. */
function controlText({ kind, controlnet, scale, start, end }: ControlRequest, guessMode: boolean): string {
  const pairs: Pair[] = [
    ['Module', kind === 'raw' ? 'none' : kind],
    ['Model', controlnet === undefined ? undefined : shortName(controlnet)],
    ['Weight', scale],
    ['Resize Mode', 'Just Resize'],
    ['Guidance Start', start],
    ['Guidance End', end],
    ['Control Mode', guessMode ? 'ControlNet is more important' : 'Balanced'],
  ];
  const known = pairs.filter(([, value]) => value !== undefined);
  return known.map(([key, value]) => `${key}: ${value}`).join(', ');
}
