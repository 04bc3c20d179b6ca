/** What admins say of a model that its file does not: stored as JSON by its name, and laid under what a request says. */
import { z } from 'zod';
import { FEW_STEPS, FEW_STEPS_HABITS, LIMITS, type RequestDraft, SAMPLER_NAMES } from '../src/request.ts';
import type { SettingsStore } from '../src/settings/store.ts';
import { quoteWord } from './line-tokens.ts';

/** Which of them a model was trained to predict. */
export const PREDICTIONS = ['epsilon', 'v_prediction'] as const;

/** Characters of the name of a licence. */
export const MOST_LICENCE = 100;

const shape = z
  .object({
    prediction: z.enum(PREDICTIONS),
    zero_snr: z.enum(['yes', 'no']),
    few_steps: z.enum([...FEW_STEPS, 'none']),
    steps: z.int().min(LIMITS.steps.min).max(LIMITS.steps.max),
    cfg: z.number().min(LIMITS.guidance.min).max(LIMITS.guidance.max),
    sampler: z.enum(SAMPLER_NAMES),
    licence: z.string().min(1).max(MOST_LICENCE),
    commercial: z.enum(['yes', 'no']),
  })
  .partial();

export type Tuning = z.infer<typeof shape>;

/** @returns an empty one for a text that is none */
export function readTuning(text: string | undefined): Tuning {
  const parsed = shape.safeParse(text === undefined ? {} : JSON.parse(text));
  return parsed.success ? parsed.data : {};
}

export const tuningOf = async (
  settings: Pick<SettingsStore, 'models'>,
  tenant: string,
  model: string,
): Promise<Tuning> => readTuning((await settings.models(tenant)).get(model));

/** As it is typed: `--prediction v_prediction --steps 8`. */
export const flagsOf = (tuning: Tuning): string =>
  Object.entries(tuning)
    .map(([name, value]) => `--${name.replace('_', '-')} ${quoteWord(String(value))}`)
    .join(' ');

/** What the request says takes precedence, also over single options of the scheduler. */
export function applyTuning(
  draft: RequestDraft,
  { prediction, zero_snr: zeroSnr, few_steps: fewSteps, steps, cfg, sampler }: Tuning,
  mostSteps: number,
): RequestDraft {
  const habits = fewSteps === undefined || fewSteps === 'none' ? undefined : FEW_STEPS_HABITS[fewSteps];
  const wanted = {
    steps: steps ?? habits?.steps,
    cfg: cfg ?? habits?.guidance,
    sampler: sampler ?? habits?.sampler,
  };
  const config = {
    ...(prediction !== undefined && { prediction_type: prediction }),
    ...(zeroSnr === 'no' && { rescale_betas_zero_snr: false }),
    // It only makes sense where sampling starts at the last training step (Lin et al. 2023, section 3.3).
    ...(zeroSnr === 'yes' && { rescale_betas_zero_snr: true, timestep_spacing: 'trailing' }),
    ...(habits?.spacing !== undefined && { timestep_spacing: habits.spacing }),
    ...draft.scheduler_config,
  };
  return {
    ...(wanted.steps !== undefined && { num_inference_steps: Math.min(wanted.steps, mostSteps) }),
    ...(wanted.cfg !== undefined && { guidance_scale: wanted.cfg }),
    ...(wanted.sampler !== undefined && { sampler: wanted.sampler }),
    ...draft,
    ...(Object.keys(config).length > 0 && { scheduler_config: config }),
  };
}
