/**
 * What single files of other programs are like, each a tiny fixture with its right answer. Sources: issues of diffusers
 * (8228, 8359, 9171, 10016), InvokeAI (7495, 7965), ComfyUI (818; utils.py), stable-diffusion.cpp (716, 888, 1898),
 * diffusion-pipe (381).
 */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verifyModel } from '../../src/engine/verify.ts';
import { PORTABLE } from '../../src/graph/target.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { openCheckpoint } from '../../src/models/checkpoint/open.ts';
import { ValueReader } from '../../src/models/lora/values.ts';
import { vaeNamed } from '../../src/models/other-vae.ts';
import { recognise } from '../../src/models/recognise.ts';
import type { ModelSpec } from '../../src/models/spec.ts';
import { temporaryFolder, write } from './forge.ts';
import {
  type Forged,
  type ForgedFile,
  float,
  forgeModel,
  half,
  writeSafetensors,
} from './forge-checkpoint.ts';
import { text, torchFile, whole } from './forge-pickle.ts';

const EMPTY: Forged = { dtype: 'F32', shape: [0], bytes: new Uint8Array() };
const UNET = 'model.diffusion_model.';
const TEXT = 'cond_stage_model.transformer.';

const open = async (t: TestContext, tensors: ForgedFile): Promise<ModelSpec> =>
  openCheckpoint(await writeSafetensors(join(await temporaryFolder(t), 'x.safetensors'), tensors));

/** A copy with some names changed, and some tensors. */
const renamed = (layout: string, rename: (name: string) => string | undefined): ForgedFile =>
  new Map(
    [...forgeModel(layout).single].flatMap(([name, of]) => {
      const now = rename(name);
      return now === undefined ? [] : [[now, of] as const];
    }),
  );
const plus = (layout: string, more: Readonly<Record<string, Forged>>): ForgedFile =>
  new Map([...forgeModel(layout).single, ...Object.entries(more)]);
const changed = (layout: string, name: string, change: (of: Forged) => Forged): ForgedFile =>
  plus(layout, { [name]: change(forgeModel(layout).single.get(name)!) });

/** Every tensor's name and shape by part, and that every part can be built of them. */
function shapesOf(spec: ModelSpec): Record<string, unknown> {
  const parts = {
    denoiser: spec.denoiser.component,
    vae: spec.vae,
    ...Object.fromEntries(spec.textEncoders.map(({ name, component }) => [name, component])),
  };
  for (const { name } of spec.textEncoders) spec.graph(name, PORTABLE);
  for (const part of ['denoiser', 'vaeEncoder', 'vaeDecoder'] as const) spec.graph(part, PORTABLE);
  return Object.fromEntries(
    Object.entries(parts).map(([part, { tensors }]) => [
      part,
      [...tensors].map(([name, { shape }]) => `${name} ${shape.filter((side) => side !== 1)}`).sort(),
    ]),
  );
}

const wide = ({ shape, bytes }: Forged): Forged => float(shape, [...new Float16Array(bytes.slice().buffer)]);

test('Stable Diffusion 1 as other programs save it is the same model', async (t) => {
  const wanted = shapesOf(await open(t, forgeModel('sd1').single));
  const ids = Array.from({ length: 77 }, (_, i) => i);
  const ema = Object.fromEntries(
    [...forgeModel('sd1').single.keys()]
      .filter((name) => name.startsWith(UNET))
      .map((name) => [`model_ema.${name.slice(6).replaceAll('.', '')}`, float([1], [9])]),
  );
  const attention = 'first_stage_model.decoder.mid.attn_1.q.weight';
  const projection = `${UNET}input_blocks.1.1.proj_in.weight`;
  const flat = (of: Forged): Forged => ({ ...of, shape: of.shape.slice(0, 2) });
  const cases: [what: string, file: ForgedFile][] = [
    ['another prefix of the UNet', renamed('sd1', (name) => name.replace(UNET, 'model.model.'))],
    ['a text encoder without text_model', renamed('sd1', (name) => name.replace('.text_model.', '.'))],
    [
      "ComfyUI's prefix",
      renamed('sd1', (name) => name.replace(TEXT, 'cond_stage_model.clip_l.transformer.')),
    ],
    ['vae. as prefix', renamed('sd1', (name) => name.replace('first_stage_model.', 'vae.'))],
    [
      'position_ids as floats',
      plus('sd1', { [`${TEXT}text_model.embeddings.position_ids`]: float([1, 77], ids) }),
    ],
    [
      'moving averages',
      plus('sd1', { ...ema, 'model_ema.decay': float([], [1]), 'model_ema.num_updates': float([], [1]) }),
    ],
    [
      'what training leaves',
      plus('sd1', {
        alphas_cumprod: float([2], [1, 0]),
        betas: float([2], [0, 1]),
        [`${TEXT}logit_scale`]: float([], [1]),
      }),
    ],
    ['a loss within the VAE', plus('sd1', { 'first_stage_model.loss.logvar': float([], [1]) })],
    ['attention of the VAE as matrices', changed('sd1', attention, flat)],
    ['projections as matrices', changed('sd1', projection, flat)],
    ['one tensor in float32', changed('sd1', projection, wide)],
  ];
  for (const [what, file] of cases) assert.deepEqual(shapesOf(await open(t, file)), wanted, what);
});

test('a UNet that a file holds only as moving averages is the model, not the VAE beside it', async (t) => {
  for (const layout of ['sd1', 'sd2', 'sdxl']) {
    const averaged = renamed(layout, (name) =>
      name.startsWith(UNET) ? `model_ema.${name.slice('model.'.length).replaceAll('.', '')}` : name,
    );
    averaged.set('model_ema.decay', float([], [1]));
    const path = await writeSafetensors(join(await temporaryFolder(t), 'x.safetensors'), averaged);
    const { kind, family, refusal, parts } = await recognise(path);
    const plain = await writeSafetensors(
      join(await temporaryFolder(t), 'x.safetensors'),
      forgeModel(layout).single,
    );
    assert.deepEqual([kind, refusal, parts], ['checkpoint', undefined, { vae: true, textEncoders: true }]);
    assert.equal(family, (await recognise(plain)).family);
    const [own, wanted] = [await openCheckpoint(path), await openCheckpoint(plain)];
    assert.deepEqual(shapesOf(own), shapesOf(wanted), layout);
    assert.deepEqual(
      (await verifyModel(own)).unused.map((name) => name.replace(/^.* /, '')),
      (await verifyModel(wanted)).unused,
    );
  }
});

test('a checkpoint whose denoiser nobody knows is not listed as the VAE that it holds', async (t) => {
  for (const prefix of ['model.diffusion_model.', 'model_ema.diffusion_model']) {
    const strange = renamed('sd1', (name) =>
      name.startsWith(UNET) ? `${prefix}strange${[...name.slice(UNET.length)].reverse().join('')}` : name,
    );
    const path = await writeSafetensors(join(await temporaryFolder(t), 'x.safetensors'), strange);
    const message = /^x\.safetensors is no checkpoint that this version of Darkroom knows/;
    const { kind, refusal } = await recognise(path);
    assert.equal(kind, 'checkpoint');
    assert.match(refusal ?? '', message);
    await assert.rejects(openCheckpoint(path), { code: 'unsupported', message });
  }
});

test('counters and scales beside both text encoders of SDXL change nothing', async (t) => {
  const ids = float(
    [1, 77],
    Array.from({ length: 77 }, (_, i) => i),
  );
  const more = {
    'conditioner.embedders.0.transformer.text_model.embeddings.position_ids': ids,
    'conditioner.embedders.1.model.transformer.text_model.embeddings.position_ids': ids,
    'conditioner.embedders.1.model.logit_scale': float([], [4.6]),
    denoiser: EMPTY,
  };
  assert.deepEqual(
    shapesOf(await open(t, plus('sdxl', more))),
    shapesOf(await open(t, forgeModel('sdxl').single)),
  );
});

test('a checkpoint that was saved in training, as a pickle: its state_dict, and its global_step', async (t) => {
  const wanted = shapesOf(await open(t, forgeModel('sd2').single));
  for (const [steps, prediction] of [
    [875_000, 'epsilon'],
    [110_000, 'v_prediction'],
  ] as const) {
    const bytes = torchFile('zip', forgeModel('sd2').single, [
      ['global_step', whole(steps)],
      ['pytorch-lightning_version', text('1.7.7')],
    ]);
    const spec = await openCheckpoint(await write(join(await temporaryFolder(t), 'sd2.ckpt'), bytes));
    assert.deepEqual(shapesOf(spec), wanted);
    assert.equal(spec.schedulerConfig['prediction_type'], prediction);
  }
});

test('weights that training scripts save under another key', async (t) => {
  const wanted = shapesOf(await open(t, forgeModel('sd1').single));
  const folder = await temporaryFolder(t);
  for (const wrapper of ['model', 'ema', 'module']) {
    const bytes = torchFile('zip', forgeModel('sd1').single, [['epoch', whole(3)]], wrapper);
    const spec = await openCheckpoint(await write(join(folder, `${wrapper}.pt`), bytes));
    assert.deepEqual(shapesOf(spec), wanted, wrapper);
  }
});

test('weights of a type that no layer is read from are refused in lists too; other tensors may have any type', async (t) => {
  const folder = await temporaryFolder(t);
  const key = `${UNET}input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight`;
  const whole8: Forged = { dtype: 'I8', shape: [32, 32], bytes: new Uint8Array(32 * 32) };
  const refused = await recognise(
    await writeSafetensors(join(folder, 'a.safetensors'), plus('sd1', { [key]: whole8 })),
  );
  assert.equal(refused.kind, 'checkpoint');
  assert.match(
    refused.refusal ?? '',
    /^a\.safetensors: model\..*to_q\.weight is stored as I8; weights can be F32/,
  );
  const more = { phases: { dtype: 'C64', shape: [1], bytes: new Uint8Array(8) } };
  const file = await writeSafetensors(join(folder, 'b.safetensors'), plus('sd1', more));
  assert.equal((await recognise(file)).refusal, undefined);
});

test('Stable Diffusion 2 without a marker: by the spread of one bias', async (t) => {
  const name = `${UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias`;
  const spread = (by: number) => half([8], Float32Array.of(by, -by, by, -by, by, -by, by, -by));
  for (const [by, prediction] of [
    [0.2, 'v_prediction'],
    [0.05, 'epsilon'],
  ] as const) {
    const spec = await open(t, plus('sd2', { [name]: spread(by) }));
    assert.equal(spec.schedulerConfig['prediction_type'], prediction);
  }
});

test('markers of SDXL: v-prediction, zero terminal SNR, CosXL, Playground', async (t) => {
  const config = async (more: Readonly<Record<string, Forged>>) =>
    (await open(t, plus('sdxl', more))).schedulerConfig;
  assert.equal((await config({}))['prediction_type'], 'epsilon');
  const noob = await config({ v_pred: EMPTY, ztsnr: EMPTY });
  assert.deepEqual(
    ['prediction_type', 'rescale_betas_zero_snr', 'timestep_spacing'].map((key) => noob[key]),
    ['v_prediction', true, 'trailing'],
  );
  const cos = await config({
    'edm_vpred.sigma_max': float([], [120]),
    'edm_vpred.sigma_min': float([], [Math.fround(0.002)]),
  });
  assert.deepEqual(
    ['_class_name', 'prediction_type', 'sigma_max', 'sigma_data'].map((key) => cos[key]),
    ['EDMEulerScheduler', 'v_prediction', 120, 1],
  );
  const playground = await open(
    t,
    plus('sdxl', { edm_mean: float([4], [1, 2, 3, 4]), edm_std: float([4], [5, 6, 7, 8]) }),
  );
  assert.equal(playground.schedulerConfig['_class_name'], 'EDMDPMSolverMultistepScheduler');
  assert.deepEqual(playground.latentScales(false).decode, {
    scalingFactor: 0.5,
    shiftFactor: 0,
    statistics: { mean: [1, 2, 3, 4], std: [5, 6, 7, 8] },
  });
});

test('what is missing or cannot be drawn is named', async (t) => {
  const input = `${UNET}input_blocks.0.0.weight`;
  const channels = (count: number) =>
    changed('sd1', input, () => half([32, count, 3, 3], new Float32Array(32 * count * 9)));
  const cases: [message: RegExp, file: ForgedFile][] = [
    [
      /x\.safetensors does not hold the VAE/,
      renamed('sd1', (name) => (name.startsWith('first_stage') ? undefined : name)),
    ],
    [
      /x\.safetensors does not hold CLIP-L/,
      renamed('sd1', (name) => (name.startsWith(TEXT) ? undefined : name)),
    ],
    [/an InstructPix2Pix model/, channels(8)],
    [/the x4 upscaler of Stable Diffusion/, channels(7)],
    [/a depth-to-image model/, channels(5)],
    [
      /SDXL's refiner.* use the base model/,
      renamed('sdxl', (name) =>
        name.startsWith('conditioner.embedders.0.')
          ? undefined
          : name.replace('embedders.1.', 'embedders.0.'),
      ),
    ],
    [/is no checkpoint that this version of Darkroom knows/, new Map([['a', float([1], [1])]])],
    [
      /edm_vpred says sigmas from 0\.\d+ to NaN/,
      plus('sdxl', { 'edm_vpred.sigma_max': float([], [Number.NaN]) }),
    ],
  ];
  for (const [message, file] of cases) await assert.rejects(open(t, file), { message });
});

test('a VAE and text encoders that a file lacks are taken from others, or named', async (t) => {
  const folder = await temporaryFolder(t);
  const safe = (name: string, file: ForgedFile) => writeSafetensors(join(folder, name), file);
  const only = (prefix: string) =>
    renamed('sd1', (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined));
  const bare = await safe(
    'bare.safetensors',
    renamed('sd1', (name) => (name.startsWith(UNET) ? name : undefined)),
  );
  const whole = await safe('whole.safetensors', forgeModel('sd1').single);
  const wanted = shapesOf(await openCheckpoint(whole));
  const lenders = async () => [
    { name: 'broken', path: await write(join(folder, 'broken.safetensors'), 'no') },
    { name: 'other', path: await safe('other.safetensors', forgeModel('sdxl').single) },
    { name: 'whole', path: whole },
  ];
  const lent = await openCheckpoint(bare, 'bare', lenders);
  assert.deepEqual(shapesOf(lent), wanted);
  assert.deepEqual(lentBy(lent), [
    ['text_encoder', 'whole'],
    ['vae', 'whole'],
  ]);
  // Files of their own, and A1111's name for a VAE beside the checkpoint, come first.
  await safe('bare.vae.safetensors', only('first_stage_model.'));
  const clip = { name: 'clip_l', path: await safe('clip_l.safetensors', only(TEXT)) };
  const beside = await openCheckpoint(bare, 'bare', async () => [clip]);
  assert.deepEqual(shapesOf(beside), wanted);
  assert.deepEqual(lentBy(beside), [
    ['text_encoder', 'clip_l'],
    ['vae', 'bare.vae.safetensors'],
  ]);
  await writeFile(join(folder, 'bare.json'), '{"text_encoders": "mine"}');
  await assert.rejects(openCheckpoint(bare, 'bare', lenders), {
    message: /is to use mine, which is not installed/,
  });
});

test('what stands beside a file without effect on it is said, and only that', async (t) => {
  const folder = await temporaryFolder(t);
  const vae = renamed('sd1', (name) =>
    name.startsWith('first_stage_model.') ? name.slice('first_stage_model.'.length) : undefined,
  );
  const safe = (name: string, file: ForgedFile) => writeSafetensors(join(folder, name), file);
  await safe('whole.safetensors', forgeModel('sd1').single);
  const bare = await safe(
    'bare.safetensors',
    renamed('sd1', (name) => (name.startsWith(UNET) ? name : undefined)),
  );
  const catalogue = new Catalogue([folder]);
  const idleOf = async (path: string) => (await catalogue.openNameOrFolder(path)).idle ?? [];
  assert.deepEqual(await idleOf('whole'), []);
  await safe('whole.vae.safetensors', vae);
  await safe('soft.safetensors', vae);
  const json = (name: string, value: object) => writeFile(join(folder, name), JSON.stringify(value));
  await json('whole.json', { vae: 'soft', text_encoders: 'other', shift: 6, prediction_type: 'epsilon' });
  const ownVae = 'whole.safetensors holds a VAE of its own. Ask for this one with --vae';
  assert.deepEqual(await idleOf('whole'), [
    `whole.json: "vae" has no effect: ${ownVae} "soft".`,
    'whole.json: "text_encoders" has no effect: whole.safetensors holds its own.',
    `whole.vae.safetensors has no effect: ${ownVae} "whole.vae".`,
    '"shift" beside whole.safetensors has no effect on Stable Diffusion 1.',
  ]);
  assert.equal((await vaeNamed('whole.vae', catalogue.inventory)).name, 'whole.vae');
  // The file is told of again when what stands beside it goes.
  await rm(join(folder, 'whole.vae.safetensors'));
  await json('whole.json', { vae: 'Automatic' });
  assert.deepEqual(await idleOf('whole'), []);

  await json('bare.json', { vae: 'soft.safetensors', text_encoders: 'whole' });
  assert.deepEqual(lentBy(await catalogue.openNameOrFolder(bare)), [
    ['text_encoder', 'whole'],
    ['vae', 'soft'],
  ]);
  assert.deepEqual(await idleOf(bare), []);
  await safe('bare.vae.safetensors', vae);
  assert.deepEqual(await idleOf(bare), [
    'bare.json: "vae" has no effect: the VAE is taken from bare.vae.safetensors.',
  ]);
  await write(join(folder, 'bare.vae.safetensors'), 'no');
  assert.deepEqual(await idleOf(bare), ['bare.vae.safetensors has no effect: the VAE is taken from soft.']);
  assert.ok(whole);
});

/** The names of the files that lend parts. */
function lentBy({ lent }: ModelSpec): (readonly [part: string, name: string])[] {
  return Array.from(lent ?? [], ([part, { name }]) => [part, name]);
}

/** A weight in 8-bit floats, and its values times the scale. */
const NAME = 'input_blocks.1.1.transformer_blocks.0.attn1.to_q';
async function valuesOf(spec: ModelSpec): Promise<Float32Array> {
  const stored = spec.denoiser.component.tensors.get(
    'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight',
  )!;
  const reader = new ValueReader();
  try {
    return await reader.read(stored);
  } finally {
    await reader.close();
  }
}

test('8-bit floats, plain and scaled, in both spellings; other scales are refused by the name of their format', async (t) => {
  // 0x38 is 1, 0xb8 is -1, 0x40 is 2.
  const bytes = Uint8Array.from({ length: 32 * 32 }, (_, i) => [0x38, 0xb8, 0x40][i % 3]!);
  const weight: Forged = { dtype: 'F8_E4M3', shape: [32, 32], bytes };
  const key = `${UNET}${NAME}.weight`;
  const plain = [1, -1, 2];
  const marks = { scaled_fp8: { dtype: 'F8_E4M3', shape: [0], bytes: new Uint8Array() } };
  const quant = { dtype: 'U8', shape: [2], bytes: Buffer.from('{}') };
  const cases: [what: string, more: Record<string, Forged>, scale: number][] = [
    ['plain', {}, 1],
    [
      'old',
      {
        ...marks,
        [`${UNET}${NAME}.scale_weight`]: float([], [0.25]),
        [`${UNET}${NAME}.scale_input`]: float([], [1]),
      },
      0.25,
    ],
    [
      'new',
      { [`${UNET}${NAME}.weight_scale`]: float([1], [0.5]), [`${UNET}${NAME}.comfy_quant`]: quant },
      0.5,
    ],
    ['a scale for each row', { [`${UNET}${NAME}.weight_scale`]: float([32, 1], new Array(32).fill(3)) }, 3],
    ['an empty scale', { ...marks, [`${UNET}${NAME}.scale_weight`]: EMPTY }, 1],
  ];
  for (const [what, more, scale] of cases) {
    const spec = await open(t, plus('sd1', { [key]: weight, ...more }));
    const values = await valuesOf(spec);
    assert.deepEqual(
      [...values.subarray(0, 3)],
      plain.map((value) => value * scale),
      what,
    );
    spec.graph('denoiser', PORTABLE);
  }
  // A layer that was left wider has a scale all the same, and other layers have none.
  const mixed = await open(
    t,
    plus('sd1', {
      ...{ ...marks, [key]: half([32, 32], new Float32Array(32 * 32).fill(2)) },
      [`${UNET}${NAME}.scale_weight`]: float([], [0.25]),
    }),
  );
  assert.deepEqual([...(await valuesOf(mixed)).subarray(0, 2)], [0.5, 0.5]);
  mixed.graph('denoiser', PORTABLE);
  const scale = `${UNET}${NAME}.weight_scale`;
  const said = (text: string) => ({
    [`${UNET}${NAME}.comfy_quant`]: { dtype: 'U8', shape: [text.length], bytes: Buffer.from(text) },
  });
  const blocks = { [scale]: float([32, 2], new Array(64).fill(1)) };
  const refused: [what: string, more: Record<string, Forged>][] = [
    [
      'int8_tensorwise',
      {
        [key]: { ...weight, dtype: 'I8' },
        [scale]: float([], [1]),
        ...said('{"format": "int8_tensorwise"}'),
      },
    ],
    [
      'int8_tensorwise (rotated)',
      {
        ...{ [key]: { ...weight, dtype: 'I8' }, [scale]: float([32, 1], new Array(32).fill(1)) },
        ...said('{"format": "int8_tensorwise", "convrot": true, "convrot_groupsize": 256}'),
      },
    ],
    ['mxfp8', { [key]: weight, ...blocks, ...said('{"format": "mxfp8"}') }],
    [
      'nvfp4',
      {
        [key]: { dtype: 'U8', shape: [32, 16], bytes: bytes.subarray(0, 512) },
        ...blocks,
        [`${scale}_2`]: float([], [1]),
        ...said('{"format": "nvfp4"}'),
      },
    ],
    ['scales of blocks or of whole numbers', { [key]: weight, ...blocks, ...said('no JSON') }],
  ];
  for (const [what, more] of refused) {
    await assert.rejects(open(t, plus('sd1', more)), {
      code: 'unsupported',
      message: `x.safetensors: its weights are quantised with ${what}, which this version of Darkroom does not read. Use the same model as GGUF, or in 8-bit floats, float16 or bfloat16.`,
    });
  }
});

test('NAME.json beside a checkpoint: its prediction and its defaults', async (t) => {
  const folder = await temporaryFolder(t);
  const file = await writeSafetensors(join(folder, 'x.safetensors'), forgeModel('sd1').single);
  const before = await openCheckpoint(file);
  await writeFile(
    join(folder, 'x.json'),
    JSON.stringify({
      ...{ 'activation text': 'words of A1111', prediction_type: 'v_prediction', zero_terminal_snr: true },
      defaults: { num_inference_steps: 8, guidance_scale: 1.5 },
    }),
  );
  assert.equal(await before.isCurrent(), false);
  const spec = await openCheckpoint(file);
  assert.equal(await spec.isCurrent(), true);
  assert.deepEqual(
    [spec.defaults.numInferenceSteps, spec.defaults.guidanceScale, spec.schedulerConfig['prediction_type']],
    [8, 1.5, 'v_prediction'],
  );
  await writeFile(join(folder, 'x.json'), '{"defaults": {"num_inference_steps": 0}}');
  await assert.rejects(openCheckpoint(file), { message: /^x\.json: defaults\.num_inference_steps/ });
});
