/** What is true of every sampler, whatever diffusers does: they reach the picture that a true denoiser knows. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PLAIN_HABITS } from '../../src/diffusion/pipeline-habits.ts';
import { createRandom, type Random } from '../../src/diffusion/random.ts';
import { type CallState, planSampling, type Sampling } from '../../src/diffusion/sampling.ts';
import { DarkroomError } from '../../src/errors.ts';
import {
  diffusersClassOf,
  SAMPLER_NAMES,
  type SamplerName,
  SCHEDULES,
  samplerNamed,
} from '../../src/request.ts';
import { requestOf } from './request-of.ts';

const BASE: Readonly<Record<string, unknown>> = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  clip_sample: false,
  skip_prk_steps: true,
  steps_offset: 1,
};
const isFlow = (sampler: SamplerName) => samplerNamed(sampler).kind === 'flow';
const isEdm = (sampler: SamplerName) => samplerNamed(sampler).kind === 'edm';
/** Sigmas as of the diffusions here. */
const EDM = { sigma_data: 1, sigma_min: 0.03, sigma_max: 14 };
/** They estimate the whole picture at each step and mix it with noise: no path that converges. */
const isDistilled = (sampler: SamplerName) => samplerNamed(sampler).isDistilled === true;

function planOf(sampler: SamplerName, draft: Record<string, unknown>) {
  const own = { _class_name: diffusersClassOf(sampler) };
  const base = isFlow(sampler) ? { ...own, shift: 3 } : isEdm(sampler) ? { ...own, ...EDM } : BASE;
  return planSampling(requestOf({ sampler, ...draft }), base, {
    habits: { ...PLAIN_HABITS, strengthSteps: isFlow(sampler) ? 'part' : 'whole' },
  });
}

const FIRST_ORDER_SDE: ReadonlySet<SamplerName> = new Set(['ddim', 'ddpm', 'euler_a']);

type Denoiser = (sample: Float32Array, timestep: number) => Float32Array;

function drive(sampling: Sampling, predict: Denoiser): Float32Array {
  let turn = sampling.next();
  while (!turn.done) turn = sampling.next(predict(turn.value.sample, turn.value.timestep));
  return turn.value;
}

const TRAINED_SIGMAS = (() => {
  let product = 1;
  return Array.from({ length: 1000 }, (_, i) => {
    product *= 1 - (Math.sqrt(0.00085) + ((Math.sqrt(0.012) - Math.sqrt(0.00085)) * i) / 999) ** 2;
    return Math.sqrt((1 - product) / product);
  });
})();

/** Signal and noise at a timestep, as the model sees them. */
function mixAt(sampler: SamplerName, timestep: number): { alpha: number; sigma: number } {
  if (isFlow(sampler)) return { alpha: 1 - timestep / 1000, sigma: timestep / 1000 };
  if (sampler === 'ipndm') {
    return { alpha: Math.cos((timestep * Math.PI) / 2), sigma: Math.sin((timestep * Math.PI) / 2) };
  }
  if (isEdm(sampler)) {
    const sigma = Math.exp(4 * timestep);
    // What the model sees is scaled by c_in.
    return { alpha: 1 / Math.sqrt(sigma ** 2 + 1), sigma: sigma / Math.sqrt(sigma ** 2 + 1) };
  }
  const low = Math.min(Math.floor(timestep), 998);
  const part = timestep - low;
  const sigma = TRAINED_SIGMAS[low]! ** (1 - part) * TRAINED_SIGMAS[low + 1]! ** part;
  const alpha = 1 / Math.sqrt(1 + sigma ** 2);
  return { alpha, sigma: sigma * alpha };
}

/** The best prediction where every latent is normal around `mean` with `deviation`. */
function gaussian(sampler: SamplerName, mean: number, deviation: number): Denoiser {
  return (sample, timestep) => {
    const { alpha, sigma } = mixAt(sampler, timestep);
    const trust = (alpha * deviation ** 2) / (alpha ** 2 * deviation ** 2 + sigma ** 2);
    return sample.map((x) => {
      const picture = mean + trust * (x - alpha * mean);
      const noise = (x - alpha * picture) / sigma;
      if (sampler === 'ipndm') return alpha * noise - sigma * picture;
      // c_out of the EDM's "epsilon" turns the other way round than v.
      if (isEdm(sampler)) return sigma * picture - alpha * noise;
      return isFlow(sampler) ? noise - picture : noise;
    });
  };
}

function moments(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof DarkroomError, String(error));
    return error.message;
  }
  return assert.fail('taken');
};

describe('with the best denoiser of a normal distribution, samples are of that distribution', () => {
  for (const sampler of SAMPLER_NAMES.filter((name) => !isDistilled(name))) {
    test(sampler, () => {
      // Steps of first order with noise take the most of them to get there.
      const steps = FIRST_ORDER_SDE.has(sampler) ? 150 : 40;
      const plan = planOf(sampler, { num_inference_steps: steps, eta: sampler === 'ddim' ? 1 : 0 });
      const random = createRandom('philox', 3);
      const found = moments(drive(plan.begin(4096, random, undefined), gaussian(sampler, 0.5, 0.4)));
      assert.ok(Math.abs(found.mean - 0.5) < 0.04, `mean ${found.mean}`);
      assert.ok(Math.abs(found.deviation - 0.4) < 0.04, `deviation ${found.deviation}`);
    });
  }
});

describe('with a denoiser that knows the picture, every schedule ends at it', () => {
  for (const sampler of SAMPLER_NAMES) {
    test(sampler, () => {
      for (const schedule of SCHEDULES) {
        const draft = { schedule, num_inference_steps: 8 };
        if (!hasSchedule(sampler, schedule)) {
          assert.match(
            refusal(() => planOf(sampler, draft)),
            new RegExp(`${sampler} has no schedule ${schedule}`),
          );
          continue;
        }
        const plan = planOf(sampler, draft);
        const end = drive(plan.begin(64, createRandom('torch', 1), undefined), gaussian(sampler, 0.3, 0));
        for (const value of end) assert.ok(Math.abs(value - 0.3) < 0.2, `${schedule} ends at ${value}`);
      }
    });
  }
});

function hasSchedule(sampler: SamplerName, schedule: string): boolean {
  if (schedule === 'normal') return true;
  if (['flow_heun', 'lcm', 'tcd', 'ipndm'].includes(sampler) || isEdm(sampler)) return false;
  const isSpacing = schedule === 'simple' || schedule === 'sgm_uniform';
  if (isSpacing) return !isFlow(sampler) && sampler !== 'dpmpp_2s';
  return sampler !== 'ddpm' && sampler !== 'pndm';
}

const anySampler = fc.constantFrom(...SAMPLER_NAMES);

test('timesteps fall, and a run asks at just those of its plan', () => {
  const property = (sampler: SamplerName, steps: number, strength: number | undefined) => {
    const fromPicture = strength === undefined ? {} : { image: 'a.png', strength };
    const plan = planOf(sampler, { num_inference_steps: steps, ...fromPicture });
    const told: number[] = [];
    const start = strength === undefined ? undefined : new Float32Array(16).fill(0.1);
    drive(plan.begin(16, createRandom('torch', 2), start), (sample, timestep) => {
      told.push(timestep);
      return sample.map((x) => 0.5 * x);
    });
    assert.deepEqual(told, plan.timesteps);
    assert.equal(told.length, plan.calls);
    // Where models are given 0.25 log sigma, it may be negative.
    const least = isEdm(sampler) ? -2 : 0;
    // DPM2's second call may lie all but on the next step's first.
    assert.ok(
      told.every((t, i) => t >= least && t <= 1000 && (i === 0 || t < told[i - 1]! + 1e-3)),
      told.join(' '),
    );
  };
  const strengths = fc.option(fc.double({ min: 0.5, max: 1, noNaN: true }), { nil: undefined });
  fc.assert(fc.property(anySampler, fc.integer({ min: 2, max: 40 }), strengths, property), {
    seed: 1,
    numRuns: 200,
  });
});

test('two runs of one plan share nothing', () => {
  const property = (sampler: SamplerName, seed: number) => {
    const plan = planOf(sampler, { num_inference_steps: 5, eta: 0.5 });
    const predict: Denoiser = (sample) => sample.map((x) => 0.5 * x);
    const alone = drive(plan.begin(16, createRandom('torch', seed), undefined), predict);
    const [a, b] = [seed, seed + 1].map((s) => plan.begin(16, createRandom('torch', s), undefined)) as [
      Sampling,
      Sampling,
    ];
    let turn = a.next();
    let other = b.next();
    while (!turn.done) {
      const { sample, timestep } = turn.value;
      if (!other.done) other = b.next(predict(other.value.sample, other.value.timestep));
      turn = a.next(predict(sample, timestep));
    }
    assert.deepEqual(turn.value, alone);
  };
  fc.assert(fc.property(anySampler, fc.integer({ min: 0, max: 2 ** 32 - 2 }), property), {
    seed: 1,
    numRuns: 60,
  });
});

test('after each call its latents may be changed: with the picture laid over all of them, it comes back', () => {
  for (const sampler of SAMPLER_NAMES) {
    const picture = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
    const plan = planOf(sampler, { num_inference_steps: 6, eta: 0.5, image: 'a.png', strength: 0.7 });
    const states: CallState[] = [];
    const sampling = plan.begin(16, createRandom('torch', 4), picture, (latents, state) => {
      states.push(state);
      for (let i = 0; i < 16; i++)
        latents[i] = state.level.signal * picture[i]! + state.level.spread * state.noise[i]!;
    });
    const end = drive(sampling, (sample) => sample.map((x) => 0.9 * x));
    assert.deepEqual(end, picture, sampler);
    assert.deepEqual(
      states.map(({ index }) => index),
      Array.from({ length: plan.calls }, (_, i) => i),
    );
    assert.deepEqual(states.at(-1)!.level, { signal: 1, spread: 0 });
  }
});

test("DPM++ SDE's noise is one path: more steps refine a picture, another seed makes another", () => {
  const draw = (steps: number, seed: number) =>
    drive(
      planOf('dpmpp_sde', { num_inference_steps: steps, schedule: 'karras' }).begin(
        64,
        createRandom('torch', seed),
        undefined,
      ),
      gaussian('dpmpp_sde', 0, 1),
    );
  const distance = (a: Float32Array, b: Float32Array) =>
    moments(a.map((value, i) => value - b[i]!)).deviation;
  const fine = draw(60, 1);
  assert.ok(distance(draw(30, 1), fine) < 0.25);
  assert.ok(distance(draw(60, 2), fine) > 1);
});

test('Philox draws what torch draws on an NVIDIA card, as A1111 has it', () => {
  const random: Random = createRandom('philox', 0);
  const known = [-0.92466259, -0.42534415, -2.6438457, 0.14518388];
  assert.deepEqual(random.randn(4), Float32Array.from(known));
  assert.notDeepEqual(random.randn(4), Float32Array.from(known));
  const { mean, deviation } = moments(createRandom('philox', 2 ** 32 - 1).randn(65536));
  assert.ok(Math.abs(mean) < 0.01 && Math.abs(deviation - 1) < 0.01);
});

test('steps that a sampler cannot make are refused with what it can', () => {
  assert.match(
    refusal(() => planOf('lcm', { num_inference_steps: 51 })),
    /50 timesteps for 51 steps.*Try 50/,
  );
  const prk = { num_inference_steps: 3, scheduler_config: { skip_prk_steps: false } };
  assert.match(
    refusal(() => planOf('pndm', prk)),
    /needs 4 steps or more, not 3/,
  );
});
