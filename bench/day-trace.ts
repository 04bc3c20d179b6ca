/** A day of made-up traffic, the same from the same seed: when jobs come, from whom, and what each takes. */
import { freezeRequest, type GenerationRequest, type ModelDefaults } from '../src/request.ts';

export const MODEL = 'mini';

/** Sides of pictures beside how often they are asked for. */
const SIDES = [
  [256, 0.25],
  [384, 0.2],
  [512, 0.35],
  [768, 0.15],
  [1024, 0.05],
] as const;
const PICTURES = [
  [1, 0.6],
  [2, 0.2],
  [4, 0.2],
] as const;
/** Weights that admins gave to users. */
const WEIGHTS = [
  [1, 0.85],
  [2, 0.12],
  [4, 0.03],
] as const;
/** GPU-seconds: of a call at 512x512, and of opening and decoding together. */
const CALL = 0.075;
const FIXED = 0.5;
/** Seconds between two jobs on average, as of 100,000 in a day: four workers are busy nine tenths of it. */
const PACE = 0.864;
/** Standard deviation of the logarithm of what a job takes beside others of its kind. */
const SCATTER = 0.2;

export interface Arrival {
  readonly id: string;
  /** Seconds since the day's start. */
  readonly at: number;
  readonly tenant: string;
  readonly user: string;
  readonly weight: number;
  readonly request: GenerationRequest;
}

export interface DaySizes {
  readonly jobs: number;
  readonly users: number;
  readonly tenants: number;
}

/**
 * Arrivals come and go as a sine of the day, 1.8 of the mean at its height; tenants, and users of a tenant, ask as
 * often as Zipf's law has it (exponent 1); steps are Pareto's (shape 1.3, 6 to 150).
 */
export function dayOf({ jobs, users, tenants }: DaySizes, seed = 1): Arrival[] {
  const random = randomOf(seed);
  const perServer = Math.max(1, Math.round(users / tenants));
  const serverAt = zipf(tenants);
  const memberAt = zipf(perServer);
  const weights = Array.from({ length: tenants * perServer }, () => pick(WEIGHTS, random()));
  return Array.from({ length: jobs }, () => hourOf(random()) * jobs * PACE)
    .sort((a, b) => a - b)
    .map((at, i) => {
      const tenant = serverAt(random());
      const user = tenant * perServer + memberAt(random());
      const side = pick(SIDES, random());
      const steps = Math.min(150, Math.floor(6 * (1 - random()) ** (-1 / 1.3)));
      return {
        ...{ id: `job${i}`, at, tenant: `s${tenant}`, user: `u${user}`, weight: weights[user]! },
        request: requestOf(side, steps, pick(PICTURES, random()), i),
      };
    });
}

function requestOf(side: number, steps: number, pictures: number, seed: number): GenerationRequest {
  const draft = {
    ...{ prompt: 'a blue car, ink', width: side, height: side, num_inference_steps: steps, seed },
    num_images: pictures,
  };
  return freezeRequest(draft, { model: MODEL, defaults: DEFAULTS }).request;
}

const DEFAULTS: ModelDefaults = {
  ...{ numInferenceSteps: 20, guidanceScale: 7, sampler: 'euler', schedule: 'normal' },
  ...{ width: 512, height: 512, strength: 0.75, maxSize: 1024 },
};

/** GPU-seconds of a denoiser call, and of opening and of decoding; a job's own luck hangs on its seed. */
export function secondsOf({ seed, width, height }: GenerationRequest): {
  readonly call: number;
  readonly end: number;
} {
  const random = randomOf(seed + 1);
  const luck = Math.exp(SCATTER * normal(random));
  return { call: (CALL * luck * width * height) / 512 ** 2, end: (FIXED * luck) / 2 };
}

/** GPU-seconds of a whole job. */
export function workOf(request: GenerationRequest): number {
  const { call, end } = secondsOf(request);
  return 2 * end + call * request.numInferenceSteps * request.numImages;
}

/** Mulberry32 (Tommy Ettinger): numbers from 0 to below 1. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function pick<T>(of: readonly (readonly [T, number])[], at: number): T {
  let sum = 0;
  for (const [value, part] of of) {
    sum += part;
    if (at < sum) return value;
  }
  return of[0]![0];
}

/** @returns a number from 0 to below `count` for one from 0 to below 1 */
function zipf(count: number): (at: number) => number {
  const sums: number[] = [];
  for (let i = 0; i < count; i++) sums.push((sums[i - 1] ?? 0) + 1 / (i + 1));
  return (at) =>
    Math.max(
      0,
      sums.findIndex((sum) => sum > at * sums[count - 1]!),
    );
}

/** The inverse of the day's sum of arrivals, by halving: 1 - 0.8 cos, least at midnight. @returns parts of the day */
function hourOf(part: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    const sum = middle - (0.8 / (2 * Math.PI)) * Math.sin(2 * Math.PI * middle);
    if (sum < part) low = middle;
    else high = middle;
  }
  return low;
}
