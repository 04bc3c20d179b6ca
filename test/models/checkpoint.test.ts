/** Single-file checkpoints against the folder in diffusers' layout that holds the same weights. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDetectors } from '../../src/engine/control/controls.ts';
import { cpuDevice } from '../../src/engine/device.ts';
import { planMemory } from '../../src/engine/memory/memory.ts';
import { ModelCache } from '../../src/engine/model/model-cache.ts';
import { draftJob, prepareJob } from '../../src/engine/prepare.ts';
import { PictureRun } from '../../src/engine/run.ts';
import { PORTABLE } from '../../src/graph/target.ts';
import { clipTokenizer } from '../../src/models/checkpoint/clip-tokenizer.ts';
import { openCheckpoint } from '../../src/models/checkpoint/open.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { vaeNamed, withVae } from '../../src/models/other-vae.ts';
import type { ModelSpec } from '../../src/models/spec.ts';
import { createTokenizer } from '../../src/models/tokenizer.ts';
import { freezeRequest } from '../../src/request.ts';
import { temporaryFolder } from './forge.ts';
import {
  type Folder,
  type Forged,
  float,
  forgeModel,
  writeFolder,
  writeSafetensors,
} from './forge-checkpoint.ts';

const CLIP = ['transformers', 'CLIPTextModel'];
const PROJECTED = ['transformers', 'CLIPTextModelWithProjection'];
const TOKENIZER = ['transformers', 'CLIPTokenizer'];
const SHARED = { unet: ['diffusers', 'UNet2DConditionModel'], vae: ['diffusers', 'AutoencoderKL'] };
const BETAS = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  num_train_timesteps: 1000,
};
const LEADING = { ...BETAS, set_alpha_to_one: false, steps_offset: 1, clip_sample: false };

const SD3: Folder = {
  index: {
    _class_name: 'StableDiffusion3Pipeline',
    ...{ text_encoder: PROJECTED, tokenizer: TOKENIZER, text_encoder_2: PROJECTED, tokenizer_2: TOKENIZER },
    ...{
      text_encoder_3: ['transformers', 'T5EncoderModel'],
      tokenizer_3: ['transformers', 'T5TokenizerFast'],
    },
    ...{ transformer: ['diffusers', 'SD3Transformer2DModel'], vae: ['diffusers', 'AutoencoderKL'] },
  },
  scheduler: { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 3 },
  tokenizers: { tokenizer: '<|endoftext|>', tokenizer_2: '!' },
  t5: 'tokenizer_3',
};

const AE = { vae: ['diffusers', 'AutoencoderKL'] };
const FLOW = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000 };
const SHIFTS = { base_shift: 0.5, max_shift: 1.15, base_image_seq_len: 256, max_image_seq_len: 4096 };

const FLUX: Folder = {
  index: {
    _class_name: 'FluxPipeline',
    ...{ text_encoder: CLIP, tokenizer: TOKENIZER },
    ...{
      text_encoder_2: ['transformers', 'T5EncoderModel'],
      tokenizer_2: ['transformers', 'T5TokenizerFast'],
    },
    ...{ transformer: ['diffusers', 'FluxTransformer2DModel'], ...AE },
  },
  scheduler: { ...FLOW, ...SHIFTS, shift: 3, use_dynamic_shifting: true },
  tokenizers: { tokenizer: '<|endoftext|>' },
  t5: 'tokenizer_2',
};

/** The hub's folders of these families, as far as they matter. */
const FOLDERS: Readonly<Record<string, Folder>> = {
  sd1: {
    index: { _class_name: 'StableDiffusionPipeline', text_encoder: CLIP, tokenizer: TOKENIZER, ...SHARED },
    scheduler: { _class_name: 'PNDMScheduler', ...LEADING, skip_prk_steps: true },
    tokenizers: { tokenizer: '<|endoftext|>' },
  },
  sd2: {
    index: { _class_name: 'StableDiffusionPipeline', text_encoder: CLIP, tokenizer: TOKENIZER, ...SHARED },
    scheduler: { _class_name: 'DDIMScheduler', ...LEADING, prediction_type: 'v_prediction' },
    tokenizers: { tokenizer: '!' },
  },
  sdxl: {
    index: {
      _class_name: 'StableDiffusionXLPipeline',
      ...{ text_encoder: CLIP, tokenizer: TOKENIZER, text_encoder_2: PROJECTED, tokenizer_2: TOKENIZER },
      ...SHARED,
    },
    scheduler: { _class_name: 'EulerDiscreteScheduler', ...LEADING, timestep_spacing: 'leading' },
    tokenizers: { tokenizer: '<|endoftext|>', tokenizer_2: '!' },
  },
  sd3: SD3,
  'sd35-medium': SD3,
  'flux-dev': FLUX,
  'z-image': {
    index: {
      _class_name: 'ZImagePipeline',
      ...{ text_encoder: ['transformers', 'Qwen3Model'], tokenizer: ['transformers', 'Qwen2Tokenizer'] },
      ...{ transformer: ['diffusers', 'ZImageTransformer2DModel'], ...AE },
    },
    scheduler: { ...FLOW, shift: 3, use_dynamic_shifting: false },
    ...{ tokenizers: {}, qwen: true },
  },
  klein: {
    index: {
      ...{ _class_name: 'Flux2KleinPipeline', is_distilled: true },
      ...{
        text_encoder: ['transformers', 'Qwen3ForCausalLM'],
        tokenizer: ['transformers', 'Qwen2TokenizerFast'],
      },
      transformer: ['diffusers', 'Flux2Transformer2DModel'],
      vae: ['diffusers', 'AutoencoderKLFlux2'],
    },
    scheduler: { ...FLOW, ...SHIFTS, shift: 3, use_dynamic_shifting: true, time_shift_type: 'exponential' },
    ...{ tokenizers: {}, qwen: true },
  },
};

/** The latents of a small picture. */
async function latentsOf(spec: ModelSpec): Promise<Float32Array> {
  const device = cpuDevice({ threads: 1 });
  const { request } = freezeRequest(
    {
      prompt: 'a (red:1.2) fox!',
      negative_prompt: 'text',
      num_inference_steps: 1,
      width: 32,
      height: 32,
      seed: 5,
    },
    { model: spec.name, defaults: spec.defaults },
  );
  const job = { id: 'one', user: 'test:one', request, inputs: new Map() };
  const draft = await draftJob(job, spec, {
    ...{ folders: [], inventory: new Inventory([]) },
    detectors: openDetectors(undefined, device),
  });
  const plan = await planMemory(spec, request, { device, nets: [], budget: undefined });
  const lease = await new ModelCache(device).lease(spec, {
    ...{ bytes: 0, budget: undefined, spare: undefined, asStored: false },
    kept: { parts: new Map(), own: 0 },
  });
  try {
    const prepared = await prepareJob(job, draft, lease.components, {
      adapted: { spec, feeds: new Map(), key: '', bytes: 0 },
      savers: plan.savers,
    });
    const files = async () => [];
    const run = new PictureRun(request, { ...prepared, files, lease, plan, seconds: { open: 0, encode: 0 } });
    while (!(await run.advance(50, () => {})).done);
    await run.decode();
    return run.latents()[0]!.data;
  } finally {
    await lease.components.close();
  }
}

for (const [layout, folder] of Object.entries(FOLDERS)) {
  test(`${layout}: a single file gives the latents of the folder with the same weights`, async (t) => {
    const forged = forgeModel(layout);
    const at = await temporaryFolder(t);
    const whole = await openModelFolder(await writeFolder(join(at, 'folder'), layout, forged, folder));
    const one = await openCheckpoint(await writeSafetensors(join(at, 'dreams.safetensors'), forged.single));
    assert.equal(one.name, 'dreams');
    assert.equal(one.family, whole.family);
    assert.deepEqual(one.defaults, whole.defaults);
    assert.deepEqual(await latentsOf(one), await latentsOf(whole));
  });
}

test('a VAE of its own replaces the one in the file, with the scale of the model', async (t) => {
  const at = await temporaryFolder(t);
  const spec = await openCheckpoint(
    await writeSafetensors(join(at, 'xl.safetensors'), forgeModel('sdxl').single),
  );
  const own = (layout: string) =>
    new Map([...forgeModel(layout).single].filter(([name]) => name.startsWith('first_stage_model.')));
  await writeSafetensors(join(at, 'vae', 'Soft.safetensors'), own('sd1'));
  await writeSafetensors(join(at, 'vae', 'wide.safetensors'), own('sd35-medium'));
  await writeSafetensors(join(at, 'vae', 'none.safetensors'), new Map([['a', float([1], [1])]]));
  const vaes = new Inventory([at]);
  const soft = await withVae(spec, await vaeNamed('soft.safetensors', vaes));
  assert.equal(await withVae(spec, await vaeNamed('Soft', vaes)), soft);
  // In tiles too: no part of the model's own VAE is left.
  for (const part of ['vaeEncoderFirst', 'vaeEncoderLast', 'vaeDecoderFirst', 'vaeDecoderLast'] as const) {
    assert.notDeepEqual(soft.graph(part, PORTABLE).bytes, spec.graph(part, PORTABLE).bytes, part);
  }
  assert.match(soft.vae.tensors.get('decoder.conv_in.weight')!.file, /Soft\.safetensors$/);
  assert.equal(soft.vae.config['scaling_factor'], 0.13025);
  assert.deepEqual(await latentsOf(soft), await latentsOf(spec));
  await assert.rejects(withVae(spec, await vaeNamed('wide', vaes)), {
    message: /wide has 16 latent channels.*xl needs 4/,
  });
  const none = { name: 'none', path: join(at, 'vae', 'none.safetensors') };
  await assert.rejects(withVae(spec, none), { message: /none\.safetensors holds no VAE/ });
  await assert.rejects(vaeNamed('sofd', vaes), { message: /There is no VAE sofd\. Did you mean Soft/ });
});

/** Both spellings of scales; of FLUX.1 one for each row, also where the halves of the rows are swapped. */
const SCALED = [
  ['sd1', /^model\.diffusion_model\..*\.attn\d\.to_[qkv]\.weight$/, 'scale_weight'],
  ['flux-dev', /^model\.diffusion_model\..*\.(qkv|linear1|adaLN_modulation\.1)\.weight$/, 'weight_scale'],
] as const;

for (const [layout, pattern, spelling] of SCALED) {
  test(`${layout}: scaled 8-bit floats give the latents of the products in float32`, async (t) => {
    const at = await temporaryFolder(t);
    const [scaled, widened] = [new Map(forgeModel(layout).single), new Map(forgeModel(layout).single)];
    for (const [name, { shape }] of forgeModel(layout).single) {
      if (!pattern.test(name)) continue;
      const [rows, columns] = shape as [number, number];
      const bytes = Uint8Array.from({ length: rows * columns }, (_, i) => [0x38, 0xb8, 0x40, 0x00][i % 4]!);
      const isOfRows = spelling === 'weight_scale';
      const scaleOf = (row: number) => Math.fround(isOfRows ? 1e-5 * (row + 1) : 1e-5);
      scaled.set(name, { dtype: 'F8_E4M3', shape, bytes });
      scaled.set(
        name.replace(/weight$/, spelling),
        isOfRows
          ? float(
              [rows, 1],
              Array.from({ length: rows }, (_, row) => scaleOf(row)),
            )
          : float([], [scaleOf(0)]),
      );
      const values = Array.from(bytes, (_, i) => [1, -1, 2, 0][i % 4]! * scaleOf(Math.floor(i / columns)));
      widened.set(name, float(shape, values));
    }
    const [one, other] = await Promise.all([
      openCheckpoint(await writeSafetensors(join(at, 'scaled.safetensors'), scaled)),
      openCheckpoint(await writeSafetensors(join(at, 'widened.safetensors'), widened)),
    ]);
    assert.deepEqual(await latentsOf(one), await latentsOf(other));
  });
}

test('a file whose every tensor is an 8-bit float, tables of embeddings too, draws as in float16', async (t) => {
  const at = await temporaryFolder(t);
  const [narrow, same] = [new Map<string, Forged>(), new Map<string, Forged>()];
  for (const [name, { shape, bytes }] of forgeModel('sd35-medium').single) {
    // The first byte of a float16 is a float of 8 bits, and with a second byte of zeros the same number.
    const first = bytes.filter((_, i) => i % 2 === 1);
    narrow.set(name, { dtype: 'F8_E5M2', shape, bytes: first });
    same.set(name, { dtype: 'F16', shape, bytes: bytes.map((byte, i) => (i % 2 === 1 ? byte : 0)) });
  }
  const [one, other] = await Promise.all([
    openCheckpoint(await writeSafetensors(join(at, 'narrow.safetensors'), narrow)),
    openCheckpoint(await writeSafetensors(join(at, 'same.safetensors'), same)),
  ]);
  assert.deepEqual(await latentsOf(one), await latentsOf(other));
});

test("CLIP's vocabulary gives the ids that CLIP was trained with", async () => {
  const { ids } = createTokenizer(await clipTokenizer('<|endoftext|>')).encode('a photo of a cat');
  assert.deepEqual([...ids].slice(0, 8).map(Number), [49406, 320, 1125, 539, 320, 2368, 49407, 49407]);
});
