/** Every sampler, schedule and option against its class in diffusers (test/golden/make_samplers.py). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { BrownianTree } from '../../src/diffusion/brownian-tree.ts';
import { PLAIN_HABITS } from '../../src/diffusion/pipeline-habits.ts';
import { TorchRandom } from '../../src/diffusion/random.ts';
import { type AfterCall, planSampling } from '../../src/diffusion/sampling.ts';
import type { GenerationRequest } from '../../src/request.ts';
import { requestOf } from './request-of.ts';

type Json = Readonly<Record<string, unknown>>;
type Case = readonly [
  sampler: string,
  schedule: string,
  options: number,
  steps: number,
  seed: number,
  eta: number,
  strength: number | null,
  mode: 'plain' | 'picture' | 'inpaint',
  timesteps: number,
  latents: readonly number[],
  deviation: number,
  drift: number | null,
  strays: number | null,
];
interface Goldens {
  readonly base: Json;
  readonly randn: readonly {
    readonly seed: number;
    readonly counts: readonly number[];
    /** Of each draw's float32 bytes, little-endian. */
    readonly sha256: readonly string[];
  }[];
  readonly brownian: readonly (readonly [number, number, number, readonly number[]])[];
  readonly options: readonly Json[];
  readonly timesteps: readonly (readonly number[])[];
  readonly cases: readonly Case[];
}
const file = new URL('../golden/fixtures/samplers.json', import.meta.url);
const goldens: Goldens = JSON.parse(readFileSync(file, 'utf8'));

/** A part of the latents' standard deviation. */
const TOLERANCE = 1e-4;
/** A timestep of 1000 is known to this in float32. */
const TIMESTEP_TOLERANCE = 2e-4;
/** Where diffusers itself hangs on the last bits of float32, both may lie on either side of its own float64 run. */
const limit = (tolerance: number, drift: number | null) => Math.max(tolerance, 2 * (drift ?? 0));

// make_samplers.py's picture, mask, betas and denoiser.
const SIZE = 16;
const PICTURE = Float32Array.from({ length: SIZE }, (_, i) => -1 + (2 * i) / (SIZE - 1));
const IS_DRAWN = [true, false, true, true];
const TRAINED_BETAS = Array.from({ length: 1000 }, (_, i) => (0.02 + (0.1 * i) / 999) ** 2);
const IMAGE_SEQ_LEN = 1024;

function predict(sample: Float32Array, timestep: number): Float32Array {
  return sample.map((x, i) => 0.6 * x + Math.fround(0.1 * Math.cos(i + timestep / 200)));
}

/** As the pipelines lay the kept part of a picture over the latents. */
const keepUnmasked: AfterCall = (latents, { level, noise }) => {
  for (let i = 0; i < SIZE; i++) {
    if (!IS_DRAWN[i % 4]) latents[i] = level.signal * PICTURE[i]! + level.spread * noise[i]!;
  }
};

function replay(golden: Case): { timesteps: number[]; latents: Float32Array } {
  const [sampler, schedule, place, steps, seed, eta, strength, mode] = golden;
  const options = { ...goldens.options[place]! };
  if (options['trained_betas'] === 'table') options['trained_betas'] = TRAINED_BETAS;
  if (options['num_train_timesteps'] === 500 && sampler === 'dpmpp_sde') options['noise_sampler_seed'] = seed;
  const isFlow = sampler.startsWith('flow');
  const request: GenerationRequest = requestOf({
    sampler,
    schedule,
    num_inference_steps: steps,
    eta,
    scheduler_config: options,
    ...(strength === null ? {} : { image: 'a.png', strength }),
  });
  const plan = planSampling(request, goldens.base, {
    // The habits of a pipeline that changes nothing in a config and rounds steps as the script does.
    habits: { ...PLAIN_HABITS, strengthSteps: isFlow ? 'part' : 'whole' },
    imageSeqLen: IMAGE_SEQ_LEN,
  });
  const start = strength === null || (mode === 'inpaint' && strength === 1) ? undefined : PICTURE;
  const afterCall = mode === 'inpaint' ? keepUnmasked : undefined;
  const sampling = plan.begin(SIZE, new TorchRandom(seed), start, afterCall);
  const timesteps: number[] = [];
  let turn = sampling.next();
  while (!turn.done) {
    timesteps.push(turn.value.timestep);
    turn = sampling.next(predict(turn.value.sample, turn.value.timestep));
  }
  assert.deepEqual(timesteps, plan.timesteps);
  return { timesteps, latents: turn.value };
}

/** @returns what is wrong, in words; nothing where all agrees */
function faults(golden: Case): string[] {
  const [, , , , , , , , place, expected, deviation, , strays] = golden;
  const { timesteps, latents } = replay(golden);
  const told = goldens.timesteps[place]!;
  // One step of IPNDM leaves nothing but zeros.
  const scale = deviation === 0 ? 1 : deviation;
  const off = expected.map((value, i) => Math.abs(latents[i]! - value) / scale);
  const worst = Math.max(...off);
  const found: string[] = [];
  if (timesteps.length !== told.length) found.push(`${timesteps.length} calls, not ${told.length}`);
  else {
    const i = told.findIndex((t, k) =>
      Number.isInteger(t) && Number.isInteger(timesteps[k]!)
        ? timesteps[k] !== t
        : !(Math.abs(timesteps[k]! - t) <= limit(TIMESTEP_TOLERANCE, strays)),
    );
    if (i >= 0) found.push(`timestep ${i} is ${timesteps[i]}, not ${told[i]}`);
  }
  if (!(worst <= TOLERANCE)) found.push(`off by ${worst.toExponential(1)} of the deviation`);
  return found;
}

function about(golden: Case): string {
  const [sampler, schedule, place, steps, seed, eta, strength, mode, , , , drift] = golden;
  const parts = [sampler, schedule, JSON.stringify(goldens.options[place]), `${steps} steps`, `seed ${seed}`];
  if (eta > 0) parts.push(`eta ${eta}`);
  if (strength !== null) parts.push(`${mode} ${strength}`);
  if (drift !== null) parts.push(`(diffusers itself is off by ${drift})`);
  return parts.join(' ');
}

describe('random numbers are those of torch, bit for bit', () => {
  for (const { seed, counts, sha256 } of goldens.randn) {
    test(`seed ${seed}: ${counts.join(', then ')}`, () => {
      const random = new TorchRandom(seed);
      const drawn = counts.map((count) => random.randn(count));
      assert.deepEqual(
        drawn.map((values) => createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex')),
        sha256,
      );
    });
  }
});

test("the Brownian path is torchsde's", () => {
  for (const [seed, from, to, expected] of goldens.brownian) {
    const tree = new BrownianTree(0.0291675, 14.614643, seed, SIZE);
    assert.deepEqual([...tree.increment(from, to).subarray(0, expected.length)], expected.map(Math.fround));
  }
});

describe('samplers take the path of diffusers', () => {
  for (const [name, cases] of Map.groupBy(
    goldens.cases,
    ([sampler, schedule, , , , , , mode]) => `${sampler} ${schedule} ${mode}`,
  )) {
    test(`${name}: ${cases.length} cases`, () => {
      const wrong = cases.flatMap((golden) => faults(golden).map((fault) => `${about(golden)}: ${fault}`));
      assert.deepEqual(wrong, []);
    });
  }
});
