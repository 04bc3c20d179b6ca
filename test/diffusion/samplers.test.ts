/** Seeds, schedules and update rules against torch and diffusers, with arithmetic in place of a model. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { guide } from '../../src/diffusion/guidance.ts';
import { latentsToRgb } from '../../src/diffusion/preview.ts';
import { TorchRandom } from '../../src/diffusion/random.ts';
import { planSampling } from '../../src/diffusion/sampling.ts';
import { DarkroomError } from '../../src/errors.ts';
import { freezeRequest, type GenerationRequest } from '../../src/request.ts';

interface Goldens {
  readonly randn: readonly {
    readonly seed: number;
    readonly counts: readonly number[];
    /** Of each draw's float32 bytes, little-endian. */
    readonly sha256: readonly string[];
  }[];
  readonly loops: readonly {
    readonly sampler: string;
    readonly schedule: string;
    readonly config: Readonly<Record<string, unknown>>;
    readonly steps: number;
    readonly seed: number;
    readonly eta: number;
    readonly strength?: number;
    readonly timesteps: readonly number[];
    readonly latents: readonly number[];
  }[];
}
const goldens: Goldens = JSON.parse(readFileSync(new URL('samplers.golden.json', import.meta.url), 'utf8'));

/** What nearly all of them have in common, as the hub's SD 1.5 says it. */
const plainConfig: Readonly<Record<string, unknown>> = goldens.loops.at(-1)!.config;
/** make_goldens.py's PICTURE. */
const PICTURE = Float32Array.from({ length: 24 }, (_, i) => -1 + (2 * i) / 23);

function requestOf(draft: Record<string, unknown>): GenerationRequest {
  const defaults = {
    numInferenceSteps: 20,
    guidanceScale: 5,
    sampler: 'euler',
    schedule: 'normal',
    width: 64,
    height: 64,
    strength: 0.75,
    maxSize: 512,
  } as const;
  return freezeRequest({ prompt: 'a', ...draft }, { model: 'm', defaults }).request;
}

/** make_goldens.py's denoiser. */
function predict(sample: Float32Array, timestep: number): Float32Array {
  return sample.map((x) => 0.6 * x + 0.1 * Math.cos(timestep / 200));
}

function near(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    const off = Math.abs(actual[i]! - value);
    assert.ok(off <= tolerance * Math.max(1, Math.abs(value)), `${actual[i]} is not ${value} at ${i}`);
  }
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

describe('samplers take the path of diffusers', () => {
  for (const golden of goldens.loops) {
    const { sampler, schedule, config, steps, seed, eta, strength, timesteps, latents } = golden;
    const options = Object.entries(config).filter(([key, value]) => plainConfig[key] !== value);
    const about = [...options.map(([key, value]) => `${key} ${value}`), `${steps} steps`];
    if (strength !== undefined) about.push(`strength ${strength}`);
    test(`${sampler} ${schedule}, ${about.join(', ')}`, () => {
      const fromPicture = strength === undefined ? {} : { image: 'a.png', strength };
      const request = requestOf({
        sampler,
        schedule,
        num_inference_steps: steps,
        eta,
        scheduler_config: Object.fromEntries(options),
        ...fromPicture,
      });
      const plan = planSampling(request, plainConfig);
      assert.equal(plan.calls, timesteps.length);
      const start = strength === undefined ? undefined : PICTURE;
      const sampling = plan.begin(latents.length, new TorchRandom(seed), start);
      const seen: number[] = [];
      let turn = sampling.next();
      while (!turn.done) {
        const { sample, timestep } = turn.value;
        seen.push(timestep);
        turn = sampling.next(predict(sample, timestep));
      }
      near(seen, timesteps, 1e-4);
      near(turn.value, latents, 1e-4);
    });
  }

  for (const sampler of ['ddim', 'euler_a']) {
    test(`${sampler} with Karras sigmas, which diffusers has not, ends at a true denoiser's picture`, () => {
      const plan = planSampling(requestOf({ sampler, schedule: 'karras', seed: 1 }), { clip_sample: false });
      const picture = new Float32Array(16).fill(0.3);
      const sampling = plan.begin(16, new TorchRandom(1), undefined);
      const timesteps: number[] = [];
      let turn = sampling.next();
      while (!turn.done) {
        timesteps.push(turn.value.timestep);
        const { sample } = turn.value;
        const alpha = alphaAt(turn.value.timestep);
        turn = sampling.next(
          sample.map((x, i) => (x - Math.sqrt(alpha) * picture[i]!) / Math.sqrt(1 - alpha)),
        );
      }
      assert.ok(timesteps.every((t, i) => i === 0 || t < timesteps[i - 1]!));
      near(turn.value, [...picture], 0.02);
    });
  }
});

/** alphaCumprod of diffusers' default betas, between timesteps linear in the logarithm of sigma. */
function alphaAt(timestep: number): number {
  const sigmaAt = (last: number) => {
    let alpha = 1;
    for (let i = 0; i <= last; i++) alpha *= 1 - (0.0001 + (0.0199 * i) / 999);
    return Math.sqrt((1 - alpha) / alpha);
  };
  const low = Math.min(Math.floor(timestep), 998);
  const part = timestep - low;
  const sigma = sigmaAt(low) ** (1 - part) * sigmaAt(low + 1) ** part;
  return 1 / (sigma ** 2 + 1);
}

describe('scheduler_config', () => {
  const refused = (config: Record<string, unknown>, sampler = 'euler') => {
    try {
      planSampling(requestOf({ sampler, scheduler_config: config }), {});
    } catch (error) {
      assert.ok(error instanceof DarkroomError);
      return error.message;
    }
    return assert.fail(`${JSON.stringify(config)} was taken`);
  };

  test('values that are not carried out are refused by name', () => {
    assert.match(refused({ variance_type: 'learned' }, 'ddpm'), /variance_type "learned"/);
    assert.match(refused({ algorithm_type: 'dpmsolver' }, 'dpmpp_2m'), /algorithm_type "dpmsolver"/);
    assert.match(refused({ solver_order: 4 }, 'dpmpp_2m'), /solver_order 4 is not one of 1, 2, 3/);
    assert.match(refused({ solver_order: 3 }), /solver_order 3 is no option of euler/);
    assert.match(refused({ use_karras_sigmas: 'yes' }), /use_karras_sigmas "yes"/);
    assert.match(refused({ _class_name: 'ScoreSdeVeScheduler' }), /ScoreSdeVeScheduler/);
    assert.match(refused({ timestep_spacng: 'trailing' }), /timestep_spacng/);
    assert.match(refused({ timestep_spacing: 'odd' }), /"odd" is not one of leading, linspace, trailing/);
    assert.match(refused({ beta_end: 2 }), /beta_end 2/);
    assert.match(refused({ num_train_timesteps: 1e9 }), /num_train_timesteps/);
  });

  test("the request's values lie over the model's", () => {
    const request = requestOf({ num_inference_steps: 2, scheduler_config: { timestep_spacing: 'trailing' } });
    const first = planSampling(request, { timestep_spacing: 'leading' })
      .begin(16, new TorchRandom(0), undefined)
      .next();
    assert.ok(!first.done && first.value.timestep === 999);
  });

  const timestepsOf = (draft: Record<string, unknown>, base: Readonly<Record<string, unknown>>) => {
    const plan = planSampling(requestOf({ num_inference_steps: 4, ...draft }), base);
    const sampling = plan.begin(16, new TorchRandom(0), undefined);
    const timesteps: number[] = [];
    for (let turn = sampling.next(); !turn.done; turn = sampling.next(new Float32Array(16))) {
      timesteps.push(turn.value.timestep);
    }
    return timesteps;
  };

  test('_class_name and use_karras_sigmas of the request pick the sampler and the schedule', () => {
    const karras = timestepsOf({ sampler: 'dpmpp_2m', schedule: 'karras' }, plainConfig);
    const overridden = { _class_name: 'DPMSolverMultistepScheduler', use_karras_sigmas: true };
    assert.deepEqual(timestepsOf({ scheduler_config: overridden }, plainConfig), karras);
  });

  test('a config of another class keeps what both have, and the rest is this class own default', () => {
    const uniPc = {
      ...plainConfig,
      _class_name: 'UniPCMultistepScheduler',
      predict_x0: true,
      disable_corrector: [],
    };
    assert.deepEqual(timestepsOf({ sampler: 'euler' }, uniPc), [999, 666, 333, 0]);
    const leading = { ...uniPc, timestep_spacing: 'leading', solver_order: 9 };
    assert.deepEqual(timestepsOf({ sampler: 'euler' }, leading), [751, 501, 251, 1]);
  });

  test("a folder's own DDIM neither clips nor starts at 0, as Stable Diffusion's pipelines correct it", () => {
    const folder = { _class_name: 'DDIMScheduler', beta_schedule: 'scaled_linear' };
    assert.deepEqual(timestepsOf({ sampler: 'ddim' }, folder), [751, 501, 251, 1]);
    const asked = { sampler: 'ddim', scheduler_config: { steps_offset: 0 } };
    assert.deepEqual(timestepsOf(asked, folder), [750, 500, 250, 0]);
  });
});

describe('guidance', () => {
  const [unconditional, conditional] = [Float32Array.of(0, 1, 2, 3), Float32Array.of(1, 1, 0, 5)];

  test('goes on from the negative prompt through the prompt', () => {
    assert.deepEqual(guide(unconditional, conditional, 2, 0), Float32Array.of(2, 1, -2, 7));
  });

  test('rescaled in full, it has the spread of the conditional prediction', () => {
    const rescaled = guide(unconditional, conditional, 7.5, 1);
    const std = (v: Float32Array) => {
      const mean = v.reduce((a, b) => a + b) / v.length;
      return Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / (v.length - 1));
    };
    assert.ok(Math.abs(std(rescaled) - std(conditional)) < 1e-5);
  });
});

test('a preview stays within its colours', () => {
  const rgb = latentsToRgb(Float32Array.of(0, 9, -9, 1, 1, 1), {
    factors: [
      [1, 0.5, 0],
      [0, 0, 0.5],
    ],
    bias: [0, 0, -0.5],
  });
  assert.deepEqual([...rgb], [128, 128, 128, 255, 255, 128, 0, 0, 128]);
});
