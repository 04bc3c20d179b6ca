/** darkroom.json: what a model folder says of itself beyond diffusers' files. Every part may be left out. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { LIMITS, type ModelDefaults, SAMPLER_NAMES, SCHEDULES } from '../request.ts';
import type { ModelSource } from './source.ts';
import type { GalleryEntry, LatentRgb } from './spec.ts';

export interface Card {
  readonly defaults: Partial<ModelDefaults>;
  readonly latentRgb?: LatentRgb;
  readonly gallery: readonly GalleryEntry[];
  readonly words: readonly string[];
  readonly vocabulary: readonly string[];
  /** SPDX name of the weights' licence, or words. */
  readonly licence?: string;
  /** Whether the licence allows commercial use. */
  readonly commercialUse?: boolean;
}

const rgb = z.tuple([z.number(), z.number(), z.number()]);
const side = z.int().min(LIMITS.size.min).max(LIMITS.size.max).multipleOf(LIMITS.size.multiple);

const cardSchema = z.strictObject({
  defaults: z
    .strictObject({
      num_inference_steps: z.int().min(LIMITS.steps.min).max(LIMITS.steps.max),
      guidance_scale: z.number().min(LIMITS.guidance.min).max(LIMITS.guidance.max),
      sampler: z.enum(SAMPLER_NAMES),
      schedule: z.enum(SCHEDULES),
      width: side,
      height: side,
      strength: z.number().min(0).max(1),
      max_size: side,
    })
    .partial()
    .default({}),
  /** How it draws a quick draft; what is left out is as in a full picture. */
  draft: z
    .strictObject({
      num_inference_steps: z.int().min(LIMITS.steps.min).max(LIMITS.steps.max),
      guidance_scale: z.number().min(LIMITS.guidance.min).max(LIMITS.guidance.max).optional(),
      sampler: z.enum(SAMPLER_NAMES).optional(),
      schedule: z.enum(SCHEDULES).optional(),
      loras: z
        .array(z.strictObject({ file: z.string().min(1).max(500), weight: z.number().optional() }))
        .max(LIMITS.loras)
        .optional(),
    })
    .optional(),
  /** Fitted to latents times scaling_factor, giving rgb in -1..1. */
  latent_rgb: z.strictObject({ factors: z.array(rgb), bias: rgb }).optional(),
  gallery: z
    .array(
      z.strictObject({
        prompt: z.string(),
        seed: z.int().min(LIMITS.seed.min).max(LIMITS.seed.max).optional(),
      }),
    )
    .default([]),
  words: z.record(z.string(), z.array(z.string())).default({}),
  vocabulary: z.array(z.string()).default([]),
  licence: z.string().max(100).optional(),
  commercial_use: z.boolean().optional(),
});

const FIELD_OF_KEY = {
  num_inference_steps: 'numInferenceSteps',
  guidance_scale: 'guidanceScale',
  max_size: 'maxSize',
} as const;

/** @throws DarkroomError('bad_model') naming the first key that is wrong */
export async function readCard(files: ModelSource, latentChannels: number): Promise<Card> {
  if (!(await files.has('darkroom.json'))) return { defaults: {}, gallery: [], words: [], vocabulary: [] };
  const label = files.label('darkroom.json');
  const parsed = cardSchema.safeParse(await files.json('darkroom.json'));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new DarkroomError('bad_model', `${label}: ${path.join('.')}: ${message}.`);
  }
  const {
    defaults,
    draft,
    latent_rgb: latentRgb,
    gallery,
    words,
    vocabulary,
    licence,
    commercial_use: commercialUse,
  } = parsed.data;
  if (latentRgb !== undefined && latentRgb.factors.length !== latentChannels) {
    throw new DarkroomError(
      'bad_model',
      `${label}: latent_rgb has ${latentRgb.factors.length} factors for ${latentChannels} latent channels.`,
    );
  }
  const fields = Object.entries(defaults).map(([key, value]) => [
    FIELD_OF_KEY[key as keyof typeof FIELD_OF_KEY] ?? key,
    value,
  ]);
  return {
    defaults: {
      ...Object.fromEntries(fields),
      ...(draft === undefined ? {} : { draft }),
    } as Card['defaults'],
    ...(latentRgb === undefined ? {} : { latentRgb }),
    gallery: gallery.map(({ prompt, seed }) => ({ prompt, ...(seed === undefined ? {} : { seed }) })),
    words: Object.values(words).flat(),
    vocabulary,
    ...(licence === undefined ? {} : { licence }),
    ...(commercialUse === undefined ? {} : { commercialUse }),
  };
}
