import assert from 'node:assert/strict';
import { mkdir, readFile, rename, rm, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { openModelFolder } from '../../src/models/folder.ts';
import { parsePythonJson } from '../../src/models/python-json.ts';
import { clipTokenizerOf } from '../../src/models/spec.ts';
import { copyModel, FIXTURES, safetensors, temporaryFolder, write } from './forge.ts';
import { call, torchZip, torchZipOf } from './forge-pickle.ts';

/** Lays values over a JSON file; undefined takes a key away. */
async function spoil(file: string, changes: Record<string, unknown>): Promise<void> {
  const now = JSON.parse(await readFile(file, 'utf8'));
  const text = JSON.stringify({ ...now, ...changes }, (_, value) => (Number.isNaN(value) ? 'NaN!' : value));
  await write(file, text.replaceAll('"NaN!"', 'NaN'));
}

test('a folder as the hub has SD 1.5 is read with the defaults of diffusers', async () => {
  const spec = await openModelFolder(join(FIXTURES, 'tiny-sd15'));
  assert.equal(spec.name, 'tiny-sd15');
  assert.deepEqual(spec.defaults, {
    numInferenceSteps: 50,
    guidanceScale: 7.5,
    sampler: 'pndm',
    schedule: 'normal',
    width: 64,
    height: 64,
    strength: 0.8,
    inpaintStrength: 1,
    runsAtAnyStrength: false,
    sizeMultiple: 4,
    maxSize: 2048,
  });
  assert.deepEqual(spec.latentScales(false).decode, { scalingFactor: 0.18215, shiftFactor: 0 });
  assert.equal(spec.vaeScaleFactor, 4);
  assert.equal(spec.latentChannels, 4);
  assert.equal(spec.schedulerConfig['_class_name'], 'PNDMScheduler');
  assert.equal(clipTokenizerOf(spec).modelMaxLength, 77);
  assert.match(await spec.modelHash(), /^[0-9a-f]{10}$/);
});

test('a sharded UNet, an fp16 variant and a bf16 VAE are read', async () => {
  const spec = await openModelFolder(join(FIXTURES, 'tiny-sd21'));
  const files = new Set(spec.denoiser.component.tensors.values().map(({ file }) => basename(file)));
  assert.equal(files.size, 3);
  assert.equal(spec.textEncoders[0]!.component.tensors.values().next().value?.dtype, 'F16');
  assert.equal(spec.vae.tensors.values().next().value?.dtype, 'BF16');
  assert.equal(spec.latentScales(false).encode.scalingFactor, 0.5);
});

test('darkroom.json sets defaults, preview colours, gallery and words', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  const factors = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [0, 0, 0],
  ];
  const card = {
    defaults: { num_inference_steps: 20, sampler: 'dpmpp_2m', schedule: 'karras', max_size: 512 },
    latent_rgb: { factors, bias: [0, 0, 0.5] },
    gallery: [{ prompt: 'a red mug', seed: 4 }],
    words: { objects: ['mug'], colours: ['red'] },
    vocabulary: ['a', 'mug'],
  };
  await write(join(folder, 'darkroom.json'), JSON.stringify(card));
  const spec = await openModelFolder(folder);
  assert.equal(spec.defaults.numInferenceSteps, 20);
  assert.equal(spec.defaults.guidanceScale, 7.5);
  assert.equal(spec.defaults.sampler, 'dpmpp_2m');
  assert.equal(spec.defaults.maxSize, 512);
  assert.deepEqual(spec.latentRgb, { factors, bias: [0, 0, 0.5] });
  assert.deepEqual(spec.gallery, [{ prompt: 'a red mug', seed: 4 }]);
  assert.deepEqual(spec.words, ['mug', 'red']);
  assert.deepEqual(spec.vocabulary, ['a', 'mug']);

  await write(join(folder, 'darkroom.json'), JSON.stringify({ ...card, defaults: { stepz: 3 } }));
  await assert.rejects(openModelFolder(folder), { code: 'bad_model', message: /darkroom\.json.*stepz/ });
});

test("Python's -Infinity and NaN are numbers, in strings they are text", () => {
  assert.deepEqual(
    parsePythonJson('{"lambda_min_clipped": -Infinity, "b": "-Infinity NaN", "c": [NaN, Infinity]}'),
    {
      lambda_min_clipped: Number.NEGATIVE_INFINITY,
      b: '-Infinity NaN',
      c: [Number.NaN, Number.POSITIVE_INFINITY],
    },
  );
});

const VALUES: [string, Record<string, unknown>, string, RegExp][] = [
  ['vae', { scaling_factor: Number.NaN }, 'bad_model', /vae\/config\.json: scaling_factor is NaN/],
  ['vae', { scaling_factor: 0 }, 'bad_model', /scaling_factor is 0/],
  ['vae', { scaling_factor: 1e30 }, 'bad_model', /scaling_factor is 1e\+30/],
  ['vae', { scaling_factor: '0.18' }, 'bad_model', /scaling_factor is 0\.18; it must be a number/],
  ['vae', { shift_factor: 'half' }, 'bad_model', /shift_factor is half/],
  ['vae', { scaling_factor: null }, 'bad_model', /scaling_factor is null/],
  ['vae', { latents_mean: [0, 0] }, 'bad_model', /latents_mean is \[0,0\]; .* list of 4 numbers/],
  ['vae', { latent_channels: 8 }, 'bad_model', /8 latent channels; the UNet has 4/],
  [
    'unet',
    { cross_attention_dim: 24 },
    'bad_model',
    /hidden_size \(16\) is not the UNet's cross_attention_dim \(24\)/,
  ],
  ['unet', { sample_size: 'large' }, 'bad_model', /sample_size is "large"/],
  [
    'unet',
    { class_embed_type: 'timestep' },
    'unsupported',
    /unet\/config\.json: class_embed_type is "timestep"/,
  ],
  ['unet', { warp_drive: 9 }, 'unsupported', /unet\/config\.json: warp_drive \(9\) is not known/],
];
for (const [part, changes, code, message] of VALUES) {
  test(`${part} with ${JSON.stringify(changes)} is refused by name`, async (t) => {
    const folder = await copyModel(t, 'tiny-sd15');
    await spoil(join(folder, part, 'config.json'), changes);
    await assert.rejects(openModelFolder(folder), { code, message });
  });
}

test('a folder without model_index.json, or of another family, is refused', async (t) => {
  await assert.rejects(openModelFolder('/nowhere/at/all'), { code: 'not_found' });
  const folder = await copyModel(t, 'tiny-sd15');
  const index = join(folder, 'model_index.json');
  await spoil(index, { _class_name: 'Kandinsky3Pipeline' });
  await assert.rejects(openModelFolder(folder), { code: 'unsupported', message: /Kandinsky3Pipeline/ });
  await spoil(index, { _class_name: 'StableDiffusionXLPipeline' });
  await assert.rejects(openModelFolder(folder), { code: 'unsupported', message: /text_encoder_2 is null/ });
  await spoil(index, { _class_name: 'StableDiffusionPipeline', unet: ['diffusers', 'UNet3DConditionModel'] });
  await assert.rejects(openModelFolder(folder), {
    code: 'unsupported',
    message: /unet is \["diffusers","UNet3D/,
  });
  await unlink(index);
  await assert.rejects(openModelFolder(folder), { code: 'bad_model', message: /no model_index\.json/ });
  await write(join(folder, 'v1-5.ckpt'), 'pickle');
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /v1-5\.ckpt .* Name that file/,
  });
});

test('a class that the index names and Darkroom does not have is refused by name', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  const index = join(folder, 'model_index.json');
  const refused: [Record<string, unknown>, RegExp][] = [
    [
      { scheduler: ['diffusers', 'WarpScheduler'] },
      /index\.json: the scheduler is "WarpScheduler"; .* no sampler/,
    ],
    [{ scheduler: null, vae: ['diffusers', 'AutoencoderTiny'] }, /vae is \["diffusers","AutoencoderTiny"\]/],
    [
      { vae: ['diffusers', 'AutoencoderKL'], prior: ['diffusers', 'PriorTransformer'] },
      /prior is .*no such part/,
    ],
  ];
  for (const [changes, message] of refused) {
    await spoil(index, changes);
    await assert.rejects(openModelFolder(folder), { code: 'unsupported', message });
  }
  await spoil(index, { prior: [null, null], feature_extractor: ['transformers', 'CLIPImageProcessor'] });
  await spoil(join(folder, 'scheduler', 'scheduler_config.json'), { _class_name: undefined });
  await assert.rejects(openModelFolder(folder), {
    code: 'unsupported',
    message: /scheduler_config\.json: the scheduler is null/,
  });
  await spoil(index, { scheduler: ['diffusers', 'HeunDiscreteScheduler'] });
  assert.equal((await openModelFolder(folder)).defaults.sampler, 'heun');
});

test('weights as a .bin are read, another pickle is refused, and a missing file named', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  const weights = join(folder, 'unet', 'diffusion_pytorch_model.safetensors');
  const before = await openModelFolder(folder);
  await write(weights.replace('.safetensors', '.bin'), await torchZipOf(weights));
  await unlink(weights);
  const { tensors } = (await openModelFolder(folder)).denoiser.component;
  assert.deepEqual([...tensors.keys()].sort(), [...before.denoiser.component.tensors.keys()].sort());
  await write(weights.replace('.safetensors', '.bin'), torchZip(call('posix', 'system', 'id')));
  await assert.rejects(openModelFolder(folder), {
    code: 'unsupported',
    message: /unet\/diffusion_pytorch_model\.bin asks for "posix\.system"/,
  });
  await unlink(weights.replace('.safetensors', '.bin'));
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /unet holds no diffusion_pytorch_model/,
  });
  await rm(join(folder, 'unet'), { recursive: true });
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /unet\/config\.json is missing/,
  });
});

test('an index that leaves the folder, or disagrees with its shards, is refused', async (t) => {
  const folder = await copyModel(t, 'tiny-sd21');
  const index = join(folder, 'unet', 'diffusion_pytorch_model.safetensors.index.json');
  const { weight_map: map } = JSON.parse(await readFile(index, 'utf8')) as {
    weight_map: Record<string, string>;
  };
  const refusal = async (changed: Record<string, unknown>, message: RegExp) => {
    await write(index, JSON.stringify({ weight_map: changed }));
    await assert.rejects(openModelFolder(folder), { code: 'bad_model', message });
  };
  await refusal(
    { ...map, 'conv_in.weight': '../../other.safetensors' },
    /conv_in\.weight lies in "\.\.\/\.\.\/other/,
  );
  await refusal({ ...map, 'conv_in.weight': 7 }, /lies in 7/);
  await refusal({ ...map, ghost: map['conv_in.weight'] }, /lacks ghost/);
  const { 'conv_in.weight': _, ...without } = map;
  await refusal(without, /does not list conv_in\.weight/);
});

test('a link out of the folder is refused, one within the cache of its repository is followed', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  const weights = join(folder, 'vae', 'diffusion_pytorch_model.safetensors');
  const outside = join(await temporaryFolder(t), 'vae.safetensors');
  await rename(weights, outside);
  await symlink(outside, weights);
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /points outside the model's folder/,
  });

  const repository = join(dirname(folder), 'models--someone--tiny');
  const snapshot = join(repository, 'snapshots', '0123abcd');
  await mkdir(join(repository, 'blobs'), { recursive: true });
  await mkdir(dirname(snapshot), { recursive: true });
  await rename(folder, snapshot);
  await rename(outside, join(repository, 'blobs', 'c0ffee'));
  const link = join(snapshot, 'vae', 'diffusion_pytorch_model.safetensors');
  await unlink(link);
  await symlink('../../../blobs/c0ffee', link);
  const spec = await openModelFolder(snapshot);
  assert.equal(basename(spec.vae.tensors.values().next().value!.file), 'c0ffee');
});

test('a broken weight file is refused when the folder is opened', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  await write(join(folder, 'unet', 'diffusion_pytorch_model.safetensors'), safetensors('{}', 0, 10n ** 12n));
  await assert.rejects(openModelFolder(folder), { code: 'bad_model', message: /100 MB is the limit/ });
});

test('every family is opened with its own parts and defaults', async () => {
  const expected = [
    ['tiny-sdxl', 'sdxl', 2, 'euler', 5, 4],
    ['tiny-lcm', 'lcm', 1, 'lcm', 8.5, 4],
    ['tiny-sd3', 'sd3', 3, 'flow_euler', 7, 8],
    ['tiny-sd3-no-t5', 'sd3', 2, 'flow_euler', 7, 8],
  ] as const;
  for (const [name, family, encoders, sampler, guidance, multiple] of expected) {
    const spec = await openModelFolder(join(FIXTURES, name));
    assert.deepEqual(
      [
        spec.family,
        spec.textEncoders.length,
        spec.defaults.sampler,
        spec.defaults.guidanceScale,
        spec.sizeMultiple,
      ],
      [family, encoders, sampler, guidance, multiple],
      name,
    );
  }
});

test('SD3 draws no larger than its table of positions, whatever the card says', async (t) => {
  const folder = await copyModel(t, 'tiny-sd3');
  assert.equal((await openModelFolder(folder)).defaults.maxSize, 128);
  await write(join(folder, 'darkroom.json'), '{"defaults": {"max_size": 512}}');
  assert.equal((await openModelFolder(folder)).defaults.maxSize, 128);
  await write(join(folder, 'darkroom.json'), '{"defaults": {"max_size": 96}}');
  assert.equal((await openModelFolder(folder)).defaults.maxSize, 96);
});

test('SD3 whose T5 is of another width, or whose pooled texts do not fit, is refused', async (t) => {
  const folder = await copyModel(t, 'tiny-sd3');
  const change = async (part: string, key: string, value: unknown) => {
    const file = join(folder, part, 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8'));
    await write(file, JSON.stringify({ ...config, [key]: value }));
    return config[key];
  };
  await change('transformer', 'joint_attention_dim', 32);
  await assert.rejects(openModelFolder(folder), { code: 'bad_model', message: /T5's d_model \(24\) is not/ });
  await change('transformer', 'joint_attention_dim', 24);
  await change('transformer', 'pooled_projection_dim', 30);
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /projections \(20\) .* \(30\)/,
  });
  await change('transformer', 'pooled_projection_dim', 20);
  await change('vae', 'shift_factor', 'none');
  await assert.rejects(openModelFolder(folder), { code: 'bad_model', message: /shift_factor is none/ });
});

test('FLUX.1: steps and guidance of the distilled model, parts that do not belong together', async (t) => {
  const dev = await openModelFolder(join(FIXTURES, 'tiny-flux-dev'));
  assert.deepEqual([dev.defaults.numInferenceSteps, dev.defaults.guidanceScale], [28, 3.5]);
  const schnell = await openModelFolder(join(FIXTURES, 'tiny-flux-schnell'));
  assert.deepEqual([schnell.defaults.numInferenceSteps, schnell.defaults.guidanceScale], [4, 0]);
  assert.deepEqual([schnell.sizeMultiple, schnell.defaults.width], [16, 1024]);

  const folder = await copyModel(t, 'tiny-flux-dev');
  const change = (key: string, value: unknown) =>
    spoil(join(folder, 'transformer/config.json'), { [key]: value });
  await change('axes_dims_rope', [4, 6, 8]);
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /sum is attention_head_dim \(16\)/,
  });
  await change('axes_dims_rope', [4, 6, 6]);
  await change('joint_attention_dim', 24);
  await assert.rejects(openModelFolder(folder), { code: 'bad_model', message: /d_model \(16\) .* \(24\)/ });
});

test('Z-Image: base and Turbo, and a text encoder of another width', async (t) => {
  const folder = await copyModel(t, 'tiny-z-image');
  const base = await openModelFolder(folder);
  assert.deepEqual([base.defaults.numInferenceSteps, base.defaults.guidanceScale], [50, 5]);
  assert.deepEqual([base.sizeMultiple, base.defaults.width, base.defaults.maxSize], [16, 1024, 2048]);
  await spoil(join(folder, 'scheduler/scheduler_config.json'), { shift: 3 });
  const turbo = await openModelFolder(folder);
  assert.deepEqual([turbo.defaults.numInferenceSteps, turbo.defaults.guidanceScale], [8, 0]);
  await spoil(join(folder, 'transformer/config.json'), { cap_feat_dim: 32 });
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /\(24\) is not cap_feat_dim \(32\)/,
  });
  await spoil(join(folder, 'transformer/config.json'), { cap_feat_dim: 24, siglip_feat_dim: 8 });
  await assert.rejects(openModelFolder(folder), { code: 'unsupported', message: /siglip_feat_dim is 8/ });
});

test('parts of different families in one folder are refused', async (t) => {
  const folder = await copyModel(t, 'tiny-sdxl');
  await rm(join(folder, 'unet'), { recursive: true });
  const other = await copyModel(t, 'tiny-lcm');
  await rename(join(other, 'unet'), join(folder, 'unet'));
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /addition_embed_type is null, .* come from different models/,
  });
});
