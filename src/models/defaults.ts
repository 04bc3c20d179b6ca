/** What a model is run with where neither the request nor darkroom.json says: the defaults of its pipeline in diffusers. */
import { DarkroomError } from '../errors.ts';
import type { Component } from '../graph/component.ts';
import { LIMITS, type ModelDefaults, samplerOfConfig, scheduleOfConfig } from '../request.ts';
import type { Card } from './card.ts';
import type { ModelIndex } from './family.ts';

interface Folder {
  readonly index: ModelIndex;
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  readonly denoiser: Component;
  readonly vaeScaleFactor: number;
  readonly sizeMultiple: number;
  /** Largest side in latents, where the denoiser has one. */
  readonly maxSide?: number | undefined;
}

/** num_inference_steps, guidance_scale and strength of each pipeline's __call__ (diffusers 0.42). */
const PIPELINE = {
  sd: {
    numInferenceSteps: 50,
    guidanceScale: 7.5,
    strength: 0.8,
    inpaintStrength: 1,
    sampler: 'ddim',
    sampleSize: 64,
  },
  sdxl: {
    numInferenceSteps: 50,
    guidanceScale: 5,
    strength: 0.3,
    inpaintStrength: 0.9999,
    sampler: 'euler',
    sampleSize: 128,
  },
  sd3: {
    numInferenceSteps: 28,
    guidanceScale: 7,
    strength: 0.6,
    inpaintStrength: 0.6,
    sampler: 'flow_euler',
    sampleSize: 128,
  },
} as const;
const LATENT_CONSISTENCY = { numInferenceSteps: 4, guidanceScale: 8.5, sampler: 'lcm' } as const;

export function chooseDefaults(
  card: Card,
  {
    index,
    schedulerConfig,
    denoiser,
    vaeScaleFactor,
    sizeMultiple,
    maxSide = Number.POSITIVE_INFINITY,
  }: Folder,
): ModelDefaults {
  const { sampleSize, ...pipeline } = PIPELINE[index.family];
  const size = denoiser.config['sample_size'] ?? sampleSize;
  const [height, width] = Array.isArray(size) ? size : [size, size];
  const isSide = (side: unknown): side is number =>
    typeof side === 'number' && Number.isInteger(side) && side > 0;
  if (!isSide(height) || !isSide(width)) {
    throw new DarkroomError('bad_model', `${denoiser.configFile}: sample_size is ${JSON.stringify(size)}.`);
  }
  const sampler = samplerOfConfig(schedulerConfig);
  return {
    ...pipeline,
    ...(index.isLatentConsistency && LATENT_CONSISTENCY),
    ...(sampler !== undefined && { sampler }),
    schedule: scheduleOfConfig(schedulerConfig),
    sizeMultiple,
    runsAtAnyStrength: index.family === 'sd3' || index.isLatentConsistency,
    width: width * vaeScaleFactor,
    height: height * vaeScaleFactor,
    ...card.defaults,
    maxSize: Math.min(card.defaults.maxSize ?? LIMITS.size.max, maxSide * vaeScaleFactor),
  };
}
