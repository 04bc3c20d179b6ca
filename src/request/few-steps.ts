/** Models that were distilled to draw in a few steps: what they are run with, and where a file or folder says so. */
import type { SamplerName } from '../diffusion/samplers/index.ts';
import type { ModelDefaults } from './defaults.ts';

/** Sauer et al. 2023; Lin et al. 2024 (SDXL-Lightning); Ren et al. 2024 (Hyper-SD); Luo et al. 2023, without an embedding of the guidance. */
export const FEW_STEPS = ['turbo', 'lightning', 'hyper', 'lcm'] as const;
export type FewSteps = (typeof FEW_STEPS)[number];

interface FewStepsHabits {
  readonly steps: number;
  readonly guidance: number;
  readonly sampler: SamplerName;
  /** Of the timesteps; absent where the sampler has its own. */
  readonly spacing?: 'trailing';
}

/**
 * As their model cards have them. A Lightning or Hyper model of fewer steps also draws with 8; one of 8 steps draws nothing
 * good with fewer.
 */
export const FEW_STEPS_HABITS: Readonly<Record<FewSteps, FewStepsHabits>> = {
  turbo: { steps: 4, guidance: 0, sampler: 'euler_a', spacing: 'trailing' },
  lightning: { steps: 8, guidance: 0, sampler: 'euler', spacing: 'trailing' },
  hyper: { steps: 8, guidance: 0, sampler: 'ddim', spacing: 'trailing' },
  lcm: { steps: 6, guidance: 1, sampler: 'lcm' },
};

export function defaultsOfFewSteps(
  kind: FewSteps,
): Pick<ModelDefaults, 'numInferenceSteps' | 'guidanceScale'> {
  const { steps, guidance } = FEW_STEPS_HABITS[kind];
  return { numInferenceSteps: steps, guidanceScale: guidance };
}

/** @param words a name, a title, or Civitai's "base model": `SDXL Lightning` */
export function fewStepsIn(words: string | undefined): FewSteps | undefined {
  const apart = words?.replaceAll(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, ' ');
  const found = /(?<![a-z])(turbo|lightning|hyper(?:-?sd(?:xl)?)?|lcm)(?![a-z])/i.exec(apart ?? '')?.[1];
  return FEW_STEPS.find((kind) => found?.toLowerCase().startsWith(kind));
}

/**
 * Of a single file: what somebody says beside it, then what it says of itself, then what Civitai says.
 * @param beside null: it was not distilled
 */
export function fewStepsOfFile(
  metadata: ReadonlyMap<string, string>,
  { fewSteps, baseModel }: { readonly fewSteps?: FewSteps | null; readonly baseModel?: string },
): FewSteps | undefined {
  if (fewSteps !== undefined) return fewSteps ?? undefined;
  return fewStepsOfMetadata(metadata) ?? fewStepsIn(baseModel);
}

/** Stability's ModelSpec (github.com/Stability-AI/ModelSpec): words of whoever wrote the file. */
const fewStepsOfMetadata = (metadata: ReadonlyMap<string, string>): FewSteps | undefined =>
  fewStepsIn(metadata.get('modelspec.architecture')) ?? fewStepsIn(metadata.get('modelspec.title'));

/**
 * By a folder's scheduler: a sampler for few steps, or timesteps that end at the last one, as sdxl-turbo and sd-turbo have
 * them (models for many steps have those only with a zero terminal SNR).
 * @param sampleSize of the denoiser: Turbo models draw 512 pixels
 */
export function fewStepsOfScheduler(
  config: Readonly<Record<string, unknown>>,
  sampleSize: unknown,
): FewSteps | undefined {
  const name = config['_class_name'];
  if (name === 'LCMScheduler') return 'lcm';
  if (name === 'TCDScheduler') return 'hyper';
  const isPlain = config['rescale_betas_zero_snr'] !== true && config['prediction_type'] === 'epsilon';
  if (config['timestep_spacing'] !== 'trailing' || !isPlain) return undefined;
  const isTurbo =
    name === 'EulerAncestralDiscreteScheduler' || (name === 'EulerDiscreteScheduler' && sampleSize === 64);
  return isTurbo ? 'turbo' : undefined;
}

/**
 * A key of NAME.json that only the name of a checkpoint says, for whoever looks at it.
 * @returns undefined where the file says it, and for models that know no such thing
 */
export function hintOfName(file: {
  readonly kind: string;
  readonly name: string;
  readonly predictionType?: string;
  readonly fewSteps?: string;
}): { readonly key: 'few_steps' | 'prediction_type'; readonly value: string } | undefined {
  const { kind, name, predictionType, fewSteps } = file;
  if (kind !== 'checkpoint' || (predictionType !== 'epsilon' && predictionType !== 'v_prediction'))
    return undefined;
  const said = fewStepsIn(name);
  if (said !== undefined && fewSteps === undefined) return { key: 'few_steps', value: said };
  const isVelocity = /(?<![a-z])v[-_ ]?pred(?:iction)?(?![a-z])/i.test(name);
  return isVelocity && predictionType === 'epsilon'
    ? { key: 'prediction_type', value: 'v_prediction' }
    : undefined;
}
