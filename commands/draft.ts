/** The options that imagine and edit share, and the draft of a request that their values make. */
import { DarkroomError } from '../src/errors.ts';
import {
  CONTROL_KINDS,
  LIMITS,
  type ModelDefaults,
  parseSampler,
  type RequestDraft,
  SAMPLER_NAMES,
  SCHEDULES,
} from '../src/request.ts';
import type { Values } from './command.ts';

/** Poses that need no skeleton, and parts of a picture that need no brush; src/image draws them. */
export const POSES = ['standing', 'walking', 'dancing', 'sitting', 'jumping', 'waving'] as const;
export const REGIONS = ['left', 'right', 'top', 'bottom', 'centre', 'sky', 'background'] as const;
/** Only an upload has one. */
const TRANSPARENT = 'transparent';

export const DRAFT_OPTIONS = {
  seed: {
    type: 'integer',
    flag: '--seed',
    description: 'The same seed and words make the same picture.',
    ...LIMITS.seed,
    example: '7',
  },
  steps: {
    type: 'integer',
    flag: '--steps',
    description: 'More steps take longer and show finer detail.',
    ...LIMITS.steps,
    example: '20',
  },
  cfg: {
    type: 'number',
    flag: '--cfg',
    description: 'How closely the picture follows the words.',
    min: LIMITS.guidance.min,
    max: LIMITS.guidance.max,
    example: '5',
  },
  ar: {
    type: 'text',
    single: true,
    flag: '--ar',
    description: 'Width to height; the area stays that of the model.',
    suggestions: ['1:1', '3:2', '2:3', '16:9'],
    example: '3:2',
  },
  no: { type: 'text', flag: '--no', description: 'What should not be in the picture.', example: 'text' },
  n: {
    type: 'integer',
    flag: '--n',
    description: 'How many pictures, each with its own seed.',
    ...LIMITS.images,
    example: '4',
  },
  style: {
    type: 'text',
    single: true,
    flag: '--style',
    description: 'A preset that is laid over the words; /style list shows them.',
    example: 'watercolor',
  },
  strength: {
    type: 'number',
    flag: '--strength',
    description: 'With a picture: 0 keeps it, 1 forgets it.',
    min: 0,
    max: 1,
    example: '0.6',
  },
  size: {
    type: 'text',
    single: true,
    flag: '--size',
    description: 'Width x height in pixels, multiples of 8.',
    example: '256x256',
  },
  sampler: {
    type: 'choice',
    choices: SAMPLER_NAMES,
    spelling: samplerSpelling,
    flag: '--sampler',
    description: 'The rule of each step.',
    example: 'euler',
  },
  schedule: {
    type: 'choice',
    choices: SCHEDULES,
    flag: '--schedule',
    description: 'How the noise levels are spaced.',
    example: 'karras',
  },
  control: {
    type: 'choice',
    choices: CONTROL_KINDS,
    flag: '--control',
    description: 'What to take from the picture that comes with it.',
    example: 'canny',
  },
  pose: {
    type: 'choice',
    choices: POSES,
    flag: '--pose',
    description: 'How a person in the picture stands.',
    example: 'dancing',
  },
  region: {
    type: 'choice',
    choices: [...REGIONS, TRANSPARENT],
    flag: '--region',
    description: 'With a picture: the part that is redrawn.',
    example: 'background',
  },
  upscale: {
    type: 'number',
    flag: '--upscale',
    description: 'How much larger a second pass draws it.',
    min: LIMITS.hiresScale.min,
    max: LIMITS.hiresScale.max,
    example: '2',
  },
  model: { type: 'text', single: true, flag: '--model', description: 'Which model draws.', example: 'mini' },
} as const;

export type DraftValues = Values<typeof DRAFT_OPTIONS> & { prompt?: string };

/** @returns the spelling itself where it is a sampler's name, its schedule with it */
function samplerSpelling(text: string): string | undefined {
  try {
    parseSampler(text);
    return text;
  } catch {
    return undefined;
  }
}

/**
 * @param source the picture to start from, where there is one
 * @throws DarkroomError('bad_request') for a size or proportion that cannot be read
 */
export function draftOf(
  values: DraftValues,
  defaults: ModelDefaults,
  source?: { readonly width: number; readonly height: number },
): RequestDraft {
  const size = sizeOf(values, defaults, source);
  return {
    prompt: values.prompt ?? '',
    ...(values.no !== undefined && { negative_prompt: values.no }),
    ...(values.seed !== undefined && { seed: values.seed }),
    ...(values.steps !== undefined && { num_inference_steps: values.steps }),
    ...(values.cfg !== undefined && { guidance_scale: values.cfg }),
    ...(values.n !== undefined && { num_images: values.n }),
    ...(values.strength !== undefined && { strength: values.strength }),
    ...(values.sampler !== undefined && { sampler: values.sampler }),
    ...(values.schedule !== undefined && { schedule: values.schedule }),
    ...(values.upscale !== undefined && { hires: { scale: values.upscale } }),
    ...size,
  };
}

function sizeOf(
  { size, ar }: DraftValues,
  defaults: ModelDefaults,
  source?: { readonly width: number; readonly height: number },
): { width?: number; height?: number } {
  if (size !== undefined && ar !== undefined) {
    throw new DarkroomError('bad_request', `--size ${size} and --ar ${ar} both set the size. Leave one out.`);
  }
  if (size !== undefined) {
    const match = /^(\d+)[x×*](\d+)$/i.exec(size);
    if (match === null) {
      throw new DarkroomError(
        'bad_request',
        `--size ${size} is not WIDTHxHEIGHT. Try --size ${defaults.width}x${defaults.height}.`,
      );
    }
    return { width: Number(match[1]), height: Number(match[2]) };
  }
  if (ar !== undefined) return sizeOfRatio(parseRatio(ar), defaults);
  // An upload beyond the model's size keeps its proportion; a smaller one keeps its size (freezeRequest).
  const isLarge = source !== undefined && Math.max(source.width, source.height) > defaults.maxSize;
  return isLarge ? sizeOfRatio(within(source.width / source.height), defaults) : {};
}

const RATIO = { min: 1 / 4, max: 4 };
const within = (ratio: number) => Math.min(RATIO.max, Math.max(RATIO.min, ratio));

function parseRatio(text: string): number {
  const match = /^(\d+(?:\.\d+)?)[:/x](\d+(?:\.\d+)?)$/.exec(text);
  const ratio = match === null ? Number.NaN : Number(match[1]) / Number(match[2]);
  if (!(ratio >= RATIO.min && ratio <= RATIO.max)) {
    throw new DarkroomError('bad_request', `--ar ${text} is not a proportion from 1:4 to 4:1. Try --ar 3:2.`);
  }
  return ratio;
}

/** About the model's own area in the multiples it needs, no side beyond the model's longest. */
function sizeOfRatio(ratio: number, { width, height, maxSize, sizeMultiple }: ModelDefaults) {
  const multiple = sizeMultiple ?? LIMITS.size.multiple;
  const area = width * height;
  const wanted = { width: Math.sqrt(area * ratio), height: Math.sqrt(area / ratio) };
  const scale = Math.min(1, maxSize / Math.max(wanted.width, wanted.height));
  const round = (side: number) => Math.max(multiple, Math.round((side * scale) / multiple) * multiple);
  return { width: round(wanted.width), height: round(wanted.height) };
}
