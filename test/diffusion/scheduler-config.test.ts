/** What a scheduler_config.json asks for is carried out, or refused by its name and value. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type PipelineHabits, PLAIN_HABITS } from '../../src/diffusion/pipeline-habits.ts';
import { TorchRandom } from '../../src/diffusion/random.ts';
import { planSampling } from '../../src/diffusion/sampling.ts';
import { DarkroomError } from '../../src/errors.ts';
import { parseSampler, samplerOfConfig, scheduleOfConfig } from '../../src/request.ts';
import { requestOf } from './request-of.ts';

/** Of Stable Diffusion 1.x and 2.x. */
const SD_HABITS: PipelineHabits = { ...PLAIN_HABITS, correctsConfig: true };

/** As the hub's SD 1.5 says it. */
const plainConfig: Readonly<Record<string, unknown>> = {
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  clip_sample: false,
  set_alpha_to_one: false,
  steps_offset: 1,
};

describe('scheduler_config', () => {
  const refused = (
    config: Record<string, unknown>,
    sampler = 'euler',
    base: Record<string, unknown> = {},
  ) => {
    try {
      planSampling(requestOf({ sampler, scheduler_config: config }), base);
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
    assert.match(
      refused({ prediction_type: 'sample' }, 'euler_a'),
      /"sample" is not one of epsilon, v_prediction/,
    );
    assert.match(refused({ variance_type: 'fixed_large_log' }, 'ddpm'), /variance_type "fixed_large_log"/);
    assert.match(
      refused({ predict_x0: false }, 'unipc'),
      /predict_x0 false .* final_sigmas_type "sigma_min"/,
    );
    assert.match(refused({ algorithm_type: 'sde-dpmsolver' }, 'deis'), /algorithm_type "sde-dpmsolver"/);
    assert.match(refused({ solver_p: { a: 1 } }, 'unipc'), /solver_p {"a":1}/);
    assert.match(refused({ disable_corrector: 'all' }, 'unipc'), /disable_corrector "all"/);
    assert.match(
      refused({ use_karras_sigmas: true, use_beta_sigmas: true }),
      /use_karras_sigmas and use_beta_sigmas/,
    );
    assert.match(refused({ clip_sample: true }, 'euler'), /clip_sample true is no option of euler/);
  });

  test('a rectified flow and a diffusion are not drawn by the other kind', () => {
    const flow = { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 };
    assert.match(
      refused({}, 'euler', flow),
      /^euler is for a diffusion.*this model is a rectified flow. Try flow_euler/,
    );
    assert.match(
      refused({}, 'flow_euler', { _class_name: 'DDIMScheduler' }),
      /^flow_euler is for a rectified flow; this model is a diffusion.*Try ddim/,
    );
  });

  test("a solver over a rectified flow's config takes that flow's sigmas and shift", () => {
    const flow = { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 };
    const told = timestepsOf({ sampler: 'dpmpp_2m' }, flow);
    const asked = { use_flow_sigmas: true, flow_shift: 3, prediction_type: 'flow_prediction' };
    assert.deepEqual(told, timestepsOf({ sampler: 'dpmpp_2m', scheduler_config: asked }, {}));
  });

  test("the request's values lie over the model's", () => {
    const request = requestOf({ num_inference_steps: 2, scheduler_config: { timestep_spacing: 'trailing' } });
    const first = planSampling(request, { timestep_spacing: 'leading' })
      .begin(16, new TorchRandom(0), undefined)
      .next();
    assert.ok(!first.done && first.value.timestep === 999);
  });

  const timestepsOf = (draft: Record<string, unknown>, base: Readonly<Record<string, unknown>>) => {
    const plan = planSampling(requestOf({ num_inference_steps: 4, ...draft }), base, { habits: SD_HABITS });
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

  test('pipelines other than those take a folder as it stands', () => {
    const folder = { _class_name: 'DDIMScheduler', beta_schedule: 'scaled_linear' };
    const request = requestOf({ sampler: 'ddim', num_inference_steps: 4 });
    assert.deepEqual(planSampling(request, folder).timesteps, [750, 500, 250, 0]);
    const control = { kind: 'raw', controlnet: 'c', image: 'a.png' };
    const controlled = requestOf({ sampler: 'ddim', num_inference_steps: 4, controls: [control] });
    assert.deepEqual(planSampling(controlled, folder, { habits: SD_HABITS }).timesteps, [750, 500, 250, 0]);
  });

  test('pipelines round the steps of a strength each their own way', () => {
    const calls = (habits: Partial<PipelineHabits>, base: Record<string, unknown>, sampler: string) => {
      const draft = { sampler, num_inference_steps: 10, image: 'a.png', strength: 0.75 };
      return planSampling(requestOf(draft), base, { habits: { ...PLAIN_HABITS, ...habits } }).timesteps;
    };
    assert.equal(calls({}, {}, 'ddim').length, 7);
    assert.equal(calls({ strengthSteps: 'part' }, {}, 'flow_euler').length, 8);
    assert.equal(calls({ squeezesSteps: true }, {}, 'lcm').length, 10);
    assert.ok(calls({ squeezesSteps: true }, {}, 'lcm')[0]! < 750);
  });

  test('simple and sgm_uniform are trailing timesteps', () => {
    const trailing = timestepsOf(
      { sampler: 'euler', scheduler_config: { timestep_spacing: 'trailing' } },
      plainConfig,
    );
    for (const schedule of ['simple', 'sgm_uniform']) {
      assert.deepEqual(timestepsOf({ sampler: 'euler', schedule }, plainConfig), trailing);
    }
  });

  test('the SDE names bring their algorithm and order; the request may still say otherwise', () => {
    const drawn = (draft: Record<string, unknown>, base: Record<string, unknown> = {}) => {
      const plan = planSampling(requestOf({ num_inference_steps: 5, ...draft }), base);
      const sampling = plan.begin(16, new TorchRandom(0), undefined);
      let turn = sampling.next();
      while (!turn.done) turn = sampling.next(turn.value.sample.map((x) => 0.5 * x));
      return turn.value;
    };
    const sde = { algorithm_type: 'sde-dpmsolver++' };
    const third = { ...sde, solver_order: 3 };
    assert.deepEqual(
      drawn({ sampler: 'dpmpp_2m_sde' }),
      drawn({ sampler: 'dpmpp_2m', scheduler_config: sde }),
    );
    assert.deepEqual(
      drawn({ sampler: 'dpmpp_3m_sde' }, { solver_order: 2 }),
      drawn({ sampler: 'dpmpp_2m', scheduler_config: third }),
    );
    const second = { sampler: 'dpmpp_3m_sde', scheduler_config: { solver_order: 2 } };
    assert.deepEqual(drawn(second), drawn({ sampler: 'dpmpp_2m_sde' }));
  });
});

test('samplers are known as A1111 and diffusers name them', () => {
  assert.deepEqual(parseSampler('DPM++ 3M SDE Exponential'), {
    sampler: 'dpmpp_3m_sde',
    schedule: 'exponential',
  });
  assert.deepEqual(parseSampler('DPM2 a Karras'), { sampler: 'dpm2_a', schedule: 'karras' });
  assert.deepEqual(parseSampler('Euler SGM Uniform'), { sampler: 'euler', schedule: 'sgm_uniform' });
  assert.deepEqual(parseSampler('PLMS'), { sampler: 'pndm' });
  const config = { _class_name: 'DPMSolverMultistepScheduler', algorithm_type: 'sde-dpmsolver++' };
  assert.equal(samplerOfConfig(config), 'dpmpp_2m_sde');
  assert.equal(samplerOfConfig({ ...config, solver_order: 3 }), 'dpmpp_3m_sde');
  assert.equal(scheduleOfConfig({ ...config, use_beta_sigmas: true }), 'beta');
  // Left there by another class, and not read by this one.
  assert.equal(scheduleOfConfig({ _class_name: 'DDIMScheduler', use_karras_sigmas: true }), 'normal');
});
