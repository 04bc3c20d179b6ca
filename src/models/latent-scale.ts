/** How the latents of a VAE relate to those that the sampler works on. */
import { DarkroomError } from '../errors.ts';
import type { Component } from '../graph/component.ts';

/** The sampler's latents are (the VAE's - shiftFactor) x scalingFactor, or with statistics (- mean) x scalingFactor / std. */
export interface LatentScale {
  /** Finite and above 0. */
  readonly scalingFactor: number;
  readonly shiftFactor: number;
  /** Of each channel (Playground 2.5). */
  readonly statistics?: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

/** diffusers' default where vae/config.json has none, as the hub's SD 1.5 has not. */
const DEFAULT_SCALING_FACTOR = 0.18215;
/** Far beyond what any VAE has: outside it, the number is a mistake and the picture would be grey or noise. */
const SCALING_FACTOR = { min: 1e-4, max: 1e4 };
const SHIFT_FACTOR = { min: -1e2, max: 1e2 };

/** @throws DarkroomError('bad_model') naming file, key and value */
export function readLatentScale(vae: Component, channels: number): LatentScale {
  const { configFile, config } = vae;
  const read = (key: string, fallback: number, { min, max }: { min: number; max: number }): number => {
    const factor = Object.hasOwn(config, key) ? config[key] : fallback;
    if (typeof factor === 'number' && factor >= min && factor <= max) return factor;
    throw new DarkroomError(
      'bad_model',
      `${configFile}: ${key} is ${factor}; it must be a number from ${min} to ${max}.`,
    );
  };
  const perChannel = (key: string): readonly number[] | undefined => {
    const values = config[key] ?? undefined;
    if (values === undefined) return undefined;
    const isNumbers = (list: unknown): list is number[] =>
      Array.isArray(list) && list.length === channels && list.every((value) => Number.isFinite(value));
    if (isNumbers(values)) return values;
    throw new DarkroomError(
      'bad_model',
      `${configFile}: ${key} is ${JSON.stringify(values)}; it must be null or a list of ${channels} numbers.`,
    );
  };
  const [mean, std] = [perChannel('latents_mean'), perChannel('latents_std')];
  if (std?.some((value) => value <= 0)) {
    throw new DarkroomError(
      'bad_model',
      `${configFile}: latents_std is ${JSON.stringify(std)}; each must be above 0.`,
    );
  }
  return {
    scalingFactor: read('scaling_factor', DEFAULT_SCALING_FACTOR, SCALING_FACTOR),
    shiftFactor: (config['shift_factor'] ?? null) === null ? 0 : read('shift_factor', 0, SHIFT_FACTOR),
    // diffusers asks for both.
    ...(mean !== undefined && std !== undefined && { statistics: { mean, std } }),
  };
}
