/** What a model is run with where neither the request nor darkroom.json says: the defaults of its pipeline in diffusers. */
import { DarkroomError } from '../errors.ts';
import { LIMITS, type ModelDefaults, scheduleOfConfig } from '../request.ts';
import type { Card } from './card.ts';
import type { Denoiser, PipelineDefaults } from './families/family.ts';
import type { SchedulerPart } from './model-index.ts';

interface Folder extends SchedulerPart {
  readonly pipeline: PipelineDefaults;
  readonly denoiser: Denoiser;
  readonly vaeScaleFactor: number;
  readonly sizeMultiple: number;
  /** Its pipeline runs at least one step at any strength above 0. */
  readonly runsAtAnyStrength: boolean;
  readonly editsByInstruction?: boolean;
  /** How many times longer its own upscaler makes the sides. */
  readonly enlarges?: number;
}

/**
 * @param own of the model's card, which wins
 * @throws DarkroomError('bad_model') for a sample_size that is no size
 */
export function chooseDefaults(own: Card['defaults'], folder: Folder): ModelDefaults {
  const {
    pipeline,
    sampler,
    schedulerConfig,
    denoiser,
    vaeScaleFactor,
    sizeMultiple,
    runsAtAnyStrength,
    editsByInstruction,
    enlarges,
  } = folder;
  const { sampleSize, ...defaults } = pipeline;
  const { maxSide = Number.POSITIVE_INFINITY, component } = denoiser;
  const size = component.config['sample_size'] ?? sampleSize;
  const [height, width] = Array.isArray(size) ? size : [size, size];
  if (!isSide(height) || !isSide(width)) {
    throw new DarkroomError('bad_model', `${component.configFile}: sample_size is ${JSON.stringify(size)}.`);
  }
  const steps = own.numInferenceSteps ?? defaults.numInferenceSteps;
  // Distilled to a few steps: a quarter of them shows what comes.
  const isFast = steps > 1 && steps <= FEW_STEPS;
  return {
    ...defaults,
    ...(isFast && { draft: { num_inference_steps: Math.ceil(steps / 4) } }),
    sampler,
    schedule: scheduleOfConfig(schedulerConfig),
    sizeMultiple,
    runsAtAnyStrength,
    ...(editsByInstruction === true && { editsByInstruction }),
    ...(enlarges !== undefined && { enlarges }),
    width: width * vaeScaleFactor,
    height: height * vaeScaleFactor,
    ...own,
    maxSize: Math.min(own.maxSize ?? LIMITS.size.max, maxSide * vaeScaleFactor),
  };
}

/** Steps of models that were distilled: LCM, Turbo. */
const FEW_STEPS = 9;

const isSide = (side: unknown): side is number =>
  typeof side === 'number' && Number.isInteger(side) && side > 0;
