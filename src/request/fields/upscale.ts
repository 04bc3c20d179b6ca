/** How the picture is made larger. */
import { HIRES_STRENGTH, type HiresDraft, type HiresRequest, hiresSchema, hiresToJson } from '../hires.ts';
import { LIMITS } from '../limits.ts';
import { type OptionValue, option, SIZE } from '../option.ts';
import { flag, UNIT } from '../schemas.ts';
import {
  type UpscaleImageDraft,
  type UpscaleImageRequest,
  upscaleImageSchema,
  upscaleImageToJson,
} from '../upscale-image.ts';
import { builtInUpscaler, upscalerName } from '../upscalers.ts';
import { field, type Json, type Pair, requireSizeText } from './field.ts';

export const UPSCALE_FIELDS = {
  hires: field({
    name: 'hires',
    schema: hiresSchema,
    fill: (_, { hires }) => hires,
    json: hiresToJson,
    a1111: (request: { readonly hires?: HiresRequest }): Pair[] => hiresPairs(request.hires),
    options: [
      option({
        names: ['upscale', 'hires'],
        type: 'number',
        ...LIMITS.hiresScale,
        description: 'option.upscale',
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
        description: 'option.upscale_size',
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
        names: ['upscale-strength'],
        type: 'number',
        ...UNIT,
        description: 'option.upscale_strength',
        example: '0.3',
        read: (strength): Json => ({ hires: { strength } }),
        write: (draft): OptionValue | undefined =>
          hiresPart(draft, ({ strength }) => (strength === HIRES_STRENGTH ? undefined : strength)),
      }),
      option({
        names: ['upscale-steps'],
        type: 'integer',
        ...LIMITS.steps,
        description: 'option.upscale_steps',
        example: '20',
        read: (steps): Json => ({ hires: { num_inference_steps: steps } }),
        write: (draft): OptionValue | undefined =>
          hiresPart(draft, ({ num_inference_steps: steps }) =>
            steps === draft['num_inference_steps'] ? undefined : steps,
          ),
      }),
    ],
  }),
  /** The source picture is enlarged; `strength`, at most 0.2, redraws its detail in tiles. */
  upscaleImage: field({
    name: 'upscale_image',
    schema: upscaleImageSchema,
    fill: (_, { upscaleImage }) => upscaleImage,
    json: upscaleImageToJson,
    a1111: (request: { readonly upscaleImage?: UpscaleImageRequest }): Pair[] => [
      ['Upscale to', request.upscaleImage && `${request.upscaleImage.width}x${request.upscaleImage.height}`],
      ['Upscaler', request.upscaleImage && nameOf(request.upscaleImage.upscaler)],
    ],
    options: [
      option({
        names: ['upscale-image'],
        type: 'number',
        ...LIMITS.upscaleScale,
        description: 'option.upscale_image',
        example: '2',
        read: (scale): Json => ({ upscale_image: { scale } }),
        write: (): undefined => undefined,
      }),
      option({
        names: ['upscale-image-size'],
        type: 'word',
        hint: 'WxH',
        pattern: SIZE,
        description: 'option.upscale_image_size',
        example: '1024x1024',
        read: (value): Json => {
          const [width, height] = requireSizeText('upscale-image-size', value);
          return { upscale_image: { width, height } };
        },
        write: (draft): OptionValue | undefined => {
          const { upscale_image: one } = draft as { upscale_image?: UpscaleImageDraft };
          return one?.width === undefined ? undefined : `${one.width}x${one.height}`;
        },
      }),
      option({
        names: ['image-upscaler'],
        type: 'word',
        hint: 'NAME',
        description: 'option.upscale_image_by',
        example: 'lanczos',
        read: (upscaler): Json => ({ upscale_image: { upscaler } }),
        write: (): undefined => undefined,
      }),
    ],
  }),
  /** Of a draft alone: what enlarges, for whichever of the two is asked for. */
  upscaler: field({
    name: 'upscaler',
    schema: upscalerName('upscaler'),
    fill: (): undefined => undefined,
    options: [
      option({
        names: ['upscaler'],
        type: 'word',
        hint: 'NAME',
        description: 'option.upscaler',
        example: '4x-UltraSharp',
        write: (draft): OptionValue | undefined => {
          const { hires, upscale_image: image } = draft as {
            hires?: HiresDraft;
            upscale_image?: UpscaleImageDraft;
          };
          return image?.upscaler ?? (hires?.upscaler === 'lanczos' ? undefined : hires?.upscaler);
        },
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
        description: 'option.enlarge',
        example: 'off',
        read: (value): Json => ({ enlarge: value === 'on' }),
        write: ({ enlarge }): OptionValue | undefined =>
          enlarge === undefined ? undefined : enlarge === true ? 'on' : 'off',
      }),
    ],
  }),
} as const;

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
    const { min, max } = LIMITS.hiresScale;
    return isExact && scale >= min && scale <= max ? scale : undefined;
  });
}

function hiresPairs(hires: HiresRequest | undefined): Pair[] {
  if (hires === undefined) return [];
  return [
    ['Hires resize', `${hires.width}x${hires.height}`],
    ['Hires steps', hires.numInferenceSteps],
    ['Hires upscaler', nameOf(hires.upscaler)],
  ];
}

/** As A1111 writes it. */
function nameOf(upscaler: string): string {
  const isBuiltIn = builtInUpscaler(upscaler) !== undefined;
  return isBuiltIn ? `${upscaler[0]!.toUpperCase()}${upscaler.slice(1)}` : upscaler;
}
