/** Which options hold in a run: the folder's, under the sampler's own, under the request's. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { samplerOfConfig } from './names.ts';
import { correctedByPipeline, type PipelineHabits, type PipelineUse } from './pipeline-habits.ts';
import type { Sampler } from './sampler.ts';
import { SAMPLERS } from './samplers/index.ts';
import { CURVE_FLAGS, words } from './scheduler-class.ts';
import { show } from './scheduler-options.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * A model's config read as another class than its own keeps what stands in it and drops what that class does not
 * have, as diffusers' from_config does.
 * @param base the model's scheduler_config.json
 * @param override the request's scheduler_config, laid over it
 * @throws DarkroomError('unsupported') for an option of the request that the sampler does not take
 */
export function collectOptions(
  base: Json,
  override: Json,
  sampler: Sampler,
  habits: PipelineHabits,
  use: PipelineUse,
): Map<string, unknown> {
  const options = new Map<string, unknown>();
  const isOwn = samplerOfConfig(base) === sampler.name;
  const variant = isOwn ? {} : sampler.diffusers?.variant?.options;
  for (const [key, value] of Object.entries({
    ...correctedByPipeline(base, sampler, habits, use),
    ...variant,
  })) {
    if (!isDropped(key, sampler)) options.set(key, value);
  }
  for (const [key, value] of Object.entries(override)) {
    if (key.startsWith('_') || SCHEDULE_FLAGS.has(key)) continue;
    if (isDropped(key, sampler)) {
      throw new DarkroomError(
        'unsupported',
        sentence('scheduler.no_option', { key, value: show(value), sampler: sampler.name }),
      );
    }
    options.set(key, value);
  }
  return options;
}

/** They are the request's schedule (chooseSchedule). */
const SCHEDULE_FLAGS = words(CURVE_FLAGS);

/** Options of no class here but of others in diffusers, which from_config drops when a model changes its class. */
const OPTIONS_ELSEWHERE = words('gamma eta clip_denoised s_noise s_churn snr correct_steps');

/** Whether diffusers knows an option, but not for this sampler's class. */
function isDropped(key: string, sampler: Sampler): boolean {
  if (key.startsWith('_') || SCHEDULE_FLAGS.has(key)) return true;
  if (sampler.scheduler.options.has(key)) return false;
  return OPTIONS_ELSEWHERE.has(key) || SAMPLERS.some(({ scheduler }) => scheduler.options.has(key));
}
