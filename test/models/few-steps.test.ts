/** Models that draw in a few steps: where a file, what lies beside it, or a folder's scheduler says so. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/models/checkpoint/open.ts';
import { recognise } from '../../src/models/recognise.ts';
import { fewStepsIn, fewStepsOfScheduler } from '../../src/request.ts';
import { temporaryFolder } from './forge.ts';
import { forgeModel, writeSafetensors } from './forge-checkpoint.ts';

interface Beside {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, object>>;
}

const CASES: readonly (readonly [layout: string, beside: Beside, expected: readonly unknown[]])[] = [
  ['sdxl', {}, [undefined, 50, 5, 'euler', 'leading']],
  [
    'sdxl',
    { metadata: { 'modelspec.title': 'Stable Diffusion XL 1.0 Turbo' } },
    ['turbo', 4, 0, 'euler_a', 'trailing'],
  ],
  [
    'sdxl',
    { files: { 'x.civitai.info': { baseModel: 'SDXL Lightning' } } },
    ['lightning', 8, 0, 'euler', 'trailing'],
  ],
  ['sd1', { files: { 'x.source.json': { base_model: 'SD 1.5 LCM' } } }, ['lcm', 6, 1, 'lcm', undefined]],
  [
    'sdxl',
    { files: { 'x.json': { few_steps: 'hyper', defaults: { num_inference_steps: 2 } } } },
    ['hyper', 2, 0, 'ddim', 'trailing'],
  ],
  [
    'sdxl',
    {
      metadata: { 'modelspec.title': 'Turbo Tax' },
      files: { 'x.json': { few_steps: 'none' }, 'x.civitai.info': { baseModel: 'SDXL Turbo' } },
    },
    [undefined, 50, 5, 'euler', 'leading'],
  ],
];

for (const [layout, { metadata = {}, files = {} }, expected] of CASES) {
  test(`${layout} with ${JSON.stringify({ ...metadata, ...files })}: ${expected[0] ?? 'an ordinary model'}`, async (t) => {
    const folder = await temporaryFolder(t);
    const path = await writeSafetensors(join(folder, 'x.safetensors'), forgeModel(layout).single, metadata);
    for (const [name, json] of Object.entries(files))
      await writeFile(join(folder, name), JSON.stringify(json));
    const { fewSteps, defaults, schedulerConfig } = await openCheckpoint(path);
    assert.deepEqual(
      [
        ...[fewSteps, defaults.numInferenceSteps, defaults.guidanceScale, defaults.sampler],
        schedulerConfig['timestep_spacing'],
      ],
      expected,
    );
    assert.equal((await recognise(path)).fewSteps, expected[0]);
  });
}

test('NAME.json beside a file has all keys of darkroom.json, its draft too', async (t) => {
  const folder = await temporaryFolder(t);
  const path = await writeSafetensors(join(folder, 'x.safetensors'), forgeModel('sd1').single, {});
  const json = { draft: { num_inference_steps: 6, sampler: 'lcm' }, defaults: { guidance_scale: 4 } };
  await writeFile(join(folder, 'x.json'), JSON.stringify(json));
  const { defaults } = await openCheckpoint(path);
  assert.deepEqual([defaults.draft, defaults.guidanceScale], [json.draft, 4]);
});

test('a flow model is told by its family: its title says nothing, and few_steps beside it is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const metadata = { 'modelspec.title': 'SD3.5 Turbo' };
  const path = await writeSafetensors(join(folder, 'x.safetensors'), forgeModel('sd3').single, metadata);
  assert.equal((await openCheckpoint(path)).fewSteps, undefined);
  await writeFile(join(folder, 'x.json'), '{"few_steps": "turbo"}');
  await assert.rejects(openCheckpoint(path), { message: /^x\.json: few_steps is turbo, which only Stable/ });
});

test('a folder is known by its scheduler', () => {
  const trailing = { timestep_spacing: 'trailing', prediction_type: 'epsilon' };
  const cases: [Record<string, unknown>, number, string | undefined][] = [
    [{ _class_name: 'EulerAncestralDiscreteScheduler', ...trailing }, 128, 'turbo'],
    [{ _class_name: 'EulerDiscreteScheduler', ...trailing }, 64, 'turbo'],
    [{ _class_name: 'EulerDiscreteScheduler', ...trailing }, 128, undefined],
    [
      { _class_name: 'EulerAncestralDiscreteScheduler', ...trailing, rescale_betas_zero_snr: true },
      64,
      undefined,
    ],
    [{ _class_name: 'EulerDiscreteScheduler', ...trailing, prediction_type: 'v_prediction' }, 64, undefined],
    [{ _class_name: 'EulerAncestralDiscreteScheduler', prediction_type: 'epsilon' }, 64, undefined],
    [{ _class_name: 'LCMScheduler' }, 64, 'lcm'],
    [{ _class_name: 'TCDScheduler' }, 128, 'hyper'],
  ];
  for (const [config, sampleSize, expected] of cases) {
    assert.equal(fewStepsOfScheduler(config, sampleSize), expected, JSON.stringify(config));
  }
});

test('names that say it, and names that do not', () => {
  const cases = [
    ['dreamshaperXL_lightningDPMSDE', 'lightning'],
    ['sd_xl_turbo_1.0_fp16', 'turbo'],
    ['Juggernaut-XI-Lightning', 'lightning'],
    ['realvisxl_hyperSDXL', 'hyper'],
    ['realvisXLTurbo', 'turbo'],
    ['LCM_Dreamshaper_v7', 'lcm'],
    ['hyperrealism v3', undefined],
    ['turbocharged', undefined],
    ['enlightning', undefined],
  ] as const;
  for (const [name, expected] of cases) assert.equal(fewStepsIn(name), expected, name);
});
