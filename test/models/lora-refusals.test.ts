/** LoRA files that cannot be used, or only in part: each is refused by name or told in a sentence; and how they are found. */
import assert from 'node:assert/strict';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { openLora } from '../../src/models/lora/file.ts';
import { loraNamed } from '../../src/models/lora/known.ts';
import { describeIdle, describeUnused, planLora } from '../../src/models/lora/plan.ts';
import { recognise } from '../../src/models/recognise.ts';
import { sayWords, type Words } from '../../src/sentences.ts';
import { FIXTURES, temporaryFolder, write } from './forge.ts';
import { loraBytes, pair, random, scalar, type Values, writeLora } from './lora-files.ts';

const LORAS = join(FIXTURES, '../loras');
const sd15 = await openModelFolder(join(FIXTURES, 'tiny-sd15'));
type Spec = typeof sd15;

const UNET = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
const flat = (name: string) => name.replaceAll('.', '_');
const inEnglish = (words: Words | undefined) => words && sayWords('en', words);
const [a, b] = [random(11, 8, 2), random(12, 2, 8)];

const refused = async (
  t: { readonly after: (fn: () => Promise<void>) => void },
  tensors: Readonly<Record<string, Values>>,
  pattern: RegExp,
  metadata?: Readonly<Record<string, string>>,
  spec = sd15,
) => {
  const file = await writeLora(await temporaryFolder(t as never), 'x', tensors, metadata);
  await assert.rejects(
    async () => planLora(await openLora(file), spec),
    (error) => (error instanceof DarkroomError && pattern.test(error.message)) || assert.fail(String(error)),
  );
};
const unet = `lora_unet_${flat(UNET)}`;
const cross = `lora_unet_${flat(UNET.replace('attn1.to_q', 'attn2.to_k'))}`;

test('a LoRA of another family is refused by name', async (t) => {
  await refused(t, pair(cross, 2048, 8), /x is a LoRA for Stable Diffusion XL and does not fit tiny-sd15/);
  await refused(t, pair(cross, 1024, 8), /Stable Diffusion 2/);
  await refused(t, pair('lora_unet_double_blocks_0_img_attn_qkv', 3072, 9216), /FLUX.*none of its 2 tensors/);
  await refused(t, pair('transformer.transformer_blocks.0.attn.add_q_proj', 16, 16), /Stable Diffusion 3/);
  await refused(t, pair('diffusion_model.layers.0.attention.to_q', 16, 16), /Z-Image/);
  await refused(t, pair('lora_unet_x_y_z', 16, 16), /Wan/, { 'modelspec.architecture': 'wan-2.1' });
  await refused(t, pair('something.else', 16, 16), /no LoRA that fits tiny-sd15/);
});

test('metadata that contradicts the tensors is not believed', async (t) => {
  const sdxl = { ss_base_model_version: 'sdxl_base_v1-0' };
  await refused(t, pair(cross, 1024, 8), /x is a LoRA for Stable Diffusion 2 and/, sdxl);
  await refused(t, pair('lora_unet_double_blocks_0_img_attn_qkv', 8, 24), /x is a LoRA for FLUX and/, sdxl);
  const folder = await temporaryFolder(t);
  const flux = { 'modelspec.architecture': 'flux-1-dev/lora' };
  const { family } = await recognise(await writeLora(folder, 'unet', pair(unet, 8, 8), flux));
  assert.equal(family, undefined);
  const text = pair('lora_te_text_model_encoder_layers_0_mlp_fc1', 8, 8);
  assert.equal((await recognise(await writeLora(folder, 'text', text, sdxl))).family, 'Stable Diffusion XL');
});

test('files that contradict themselves are refused, naming the tensor', async (t) => {
  await refused(t, pair(unet, 8, 8, 0), /has no numbers: its shape is 0 x 8/);
  await refused(
    t,
    { [`${unet}.lora_down.weight`]: random(1, 2, 8), [`${unet}.lora_up.weight`]: random(1, 8, 3) },
    /do not fit together/,
  );
  await refused(t, { [`${unet}.lora_down.weight`]: random(1, 2, 8) }, /without its other half/);
  await refused(t, { [`${unet}.alpha`]: scalar(1) }, /stands without the tensors/);
  await refused(
    t,
    { [`${unet}.lora_down.weight`]: random(1, 16), [`${unet}.lora_up.weight`]: random(1, 8, 2) },
    /are no matrices/,
  );
  await refused(t, { ...pair(unet, 8, 8), [`${unet}.lora.down.weight`]: random(1, 2, 8) }, /say the same/);
  await refused(t, { [`${unet}.hada_w1_a`]: a, [`${unet}.hada_w1_b`]: b }, /without its other parts/);
  await refused(t, pair(unet, 8, 16), /changes a layer of 16 x 8, which is 8 x 8 there/);
});

test('kinds that are not carried out are refused by name', async (t) => {
  const kinds: [kind: string, tensors: Record<string, Values>][] = [
    ['GLoRA', { [`${unet}.a1.weight`]: a, [`${unet}.a2.weight`]: b }],
    ['OFT', { [`${unet}.oft_blocks`]: random(1, 2, 4, 4) }],
    ['OFT', { [`base_model.model.${UNET}.oft_R.default.weight`]: random(1, 2, 6) }],
    ['BOFT', { [`base_model.model.${UNET}.boft_R`]: random(1, 2, 2, 4, 4) }],
    ['IA3', { [`${unet}.weight`]: random(1, 8, 1), [`${unet}.on_input`]: scalar(1) }],
    ['IA3', { [`base_model.model.${UNET}.ia3_l`]: random(1, 8, 1) }],
    ['VeRA', { [`base_model.model.${UNET}.vera_lambda_b`]: random(1, 8) }],
    [
      'a LoRA that reshapes layers',
      {
        [`${unet}.lora_down.weight`]: a,
        [`${unet}.lora_up.weight`]: b,
        [`${unet}.reshape_weight`]: scalar(8),
      },
    ],
  ];
  for (const [kind, tensors] of kinds) {
    await refused(t, tensors, new RegExp(`x is ${kind}, which`));
    // In lists, too.
    const { kind: listed, refusal } = await recognise(
      await writeLora(await temporaryFolder(t), 'x', tensors),
    );
    assert.equal(listed, 'lora');
    assert.match(refusal ?? '', new RegExp(`is ${kind}, which`));
  }
});

test('differences of norms and of biases are used', async (t) => {
  const block = 'lora_unet_down_blocks_0_attentions_0';
  const file = await writeLora(await temporaryFolder(t), 'x', {
    [`${block}_norm.diff`]: random(1, 8),
    [`${block}_norm.diff_b`]: random(2, 8),
    [`${block}_transformer_blocks_0_norm1.w_norm`]: random(3, 8),
    [`${block}_transformer_blocks_0_norm1.b_norm`]: random(4, 8),
  });
  const plan = planLora(await openLora(file), sd15);
  assert.deepEqual([plan.used, plan.total, plan.changes.length], [4, 4, 2]);
});

test('every tensor is accounted for', async (t) => {
  const file = await writeLora(await temporaryFolder(t), 'x', {
    ...pair(unet, 8, 8),
    ...pair('lora_te3_encoder_block_0_layer_0_SelfAttention_q', 8, 8),
    [`lora_unet_${flat(UNET)}.diff_b`]: random(1, 8),
    '<b>markup</b>': random(1, 1),
  });
  await assert.rejects(async () => planLora(await openLora(file), sd15), /2 of its 6 tensors belong there/);
  const more = await writeLora(await temporaryFolder(t), 'x', {
    ...pair(unet, 8, 8),
    ...pair(cross, 16, 8),
    '<b>markup</b>': random(1, 1),
  });
  const plan = planLora(await openLora(more), sd15);
  assert.equal(
    inEnglish(describeUnused(plan, 'x')),
    'x: used 4 of 5 tensors; this model has no place for <b>markup</b>.',
  );
});

test('layers whose alpha is 0 are told', async (t) => {
  const folder = await temporaryFolder(t);
  const told = async (...alphas: number[]) => {
    const modules = [unet, cross].slice(0, alphas.length);
    const tensors = modules.map((module, i) => ({
      ...pair(module, module === unet ? 8 : 16, 8),
      [`${module}.alpha`]: scalar(alphas[i]!),
    }));
    const file = await openLora(
      await writeLora(folder, `x${alphas.join('')}`, Object.assign({}, ...tensors)),
    );
    return inEnglish(await describeIdle(planLora(file, sd15), 'x'));
  };
  assert.equal(await told(0), 'x has no effect: its alpha is 0 in all of its layers.');
  assert.equal(await told(1, 0), 'x: 1 of 2 layers have no effect, as their alpha is 0.');
  assert.equal(await told(4, 8), undefined);
});

test('a file cut off anywhere is refused in one sentence', async (t) => {
  const bytes = loraBytes({ ...pair(unet, 8, 8), ...pair(cross, 16, 8) }, { ss_tag_frequency: '{}' });
  const folder = await temporaryFolder(t);
  for (let i = 0; i < 20; i++) {
    const file = await write(
      join(folder, `cut-${i}.safetensors`),
      bytes.subarray(0, Math.floor((bytes.length * i) / 20)),
    );
    await assert.rejects(
      openLora(file),
      (error) => error instanceof DarkroomError && error.code === 'bad_model',
      `${i}`,
    );
  }
});

// ---- the catalogue

test('LoRAs are found in the folders of A1111 and ComfyUI, by name in any case', async (t) => {
  const folder = await temporaryFolder(t);
  const bytes = loraBytes(pair(unet, 8, 8));
  await mkdir(join(folder, 'Lora', 'styles'), { recursive: true });
  await writeFile(join(folder, 'Lora', 'styles', 'Pixel Art v2.safetensors'), bytes);
  await writeFile(join(folder, 'Lora', 'notes.txt'), '');
  await mkdir(join(folder, 'loras'));
  await writeFile(join(folder, 'loras', 'ink.safetensors'), bytes);
  await symlink(folder, join(folder, 'loras', 'round'));
  const inventory = new Inventory([folder]);
  assert.equal((await loraNamed('pixel art v2', inventory)).name, 'Pixel Art v2');
  assert.equal((await loraNamed('styles/Pixel Art v2.safetensors', inventory)).name, 'Pixel Art v2');
  // Folders in front tell two of one name apart.
  await writeFile(join(folder, 'loras', 'Pixel Art v2.safetensors'), bytes);
  const twins = new Inventory([folder]);
  for (const place of ['Lora/styles', 'loras'])
    assert.equal(
      (await loraNamed(`${place}/pixel art v2`, twins)).path,
      join(folder, place, 'Pixel Art v2.safetensors'),
    );
  await rm(join(folder, 'loras', 'Pixel Art v2.safetensors'));
  await assert.rejects(loraNamed('inc', inventory), /There is no LoRA inc. Did you mean ink\?/);
  await assert.rejects(loraNamed('../../etc/passwd', inventory), /There is no LoRA/);
  assert.deepEqual(
    inventory
      .entries('lora')
      .map(({ name }) => name)
      .sort(),
    ['Pixel Art v2', 'ink'],
  );
});

test('a file of another kind is called what it is', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLora(folder, 'moody', { emb_params: random(1, 2, 768) });
  await writeLora(folder, 'stray', { x: random(1, 2) });
  const inventory = new Inventory([folder]);
  for (const [name, kind] of [
    ['moody', 'embedding'],
    ['stray.safetensors', 'not recognised'],
    [join(folder, 'stray.safetensors'), 'not recognised'],
  ] as const)
    await assert.rejects(loraNamed(name, inventory), {
      code: 'not_found',
      message: new RegExp(`^There is no LoRA (moody|stray): .* another kind \\(${kind}\\)`),
    });
});

test('a flow model takes every tensor of its LoRAs in all programs’ names, and refuses those of another family', async () => {
  const models = new Map(
    await Promise.all(
      ['flux-dev', 'klein', 'z-image', 'sd3'].map(
        async (name) => [name, await openModelFolder(join(FIXTURES, `tiny-${name}`))] as const,
      ),
    ),
  );
  const files = [
    ...['flux-kohya', 'flux-aitoolkit', 'flux-diffusers', 'flux-xlabs'].map(
      (name) => [name, 'flux-dev', /for FLUX/] as const,
    ),
    ...['klein-kohya', 'klein-aitoolkit', 'klein-diffusers'].map(
      (name) => [name, 'klein', /for FLUX/] as const,
    ),
    ...['z-image-kohya', 'z-image-aitoolkit'].map((name) => [name, 'z-image', /for Z-Image/] as const),
  ];
  for (const [name, own, origin] of files) {
    const file = await openLora(join(LORAS, `${name}.safetensors`));
    for (const [model, spec] of models) {
      if (model === own) assert.deepEqual(planLora(file, spec).unused, [], name);
      else
        assert.throws(
          () => planLora(file, spec),
          { code: 'unsupported', message: origin },
          `${name} on ${model}`,
        );
    }
  }
});

test('a LoRA of a klein whose layers FLUX.1 has too, and the other way round, is told by what the file says of itself', async (t) => {
  const [flux, klein] = await Promise.all(
    ['flux-dev', 'klein'].map((name) => openModelFolder(join(FIXTURES, `tiny-${name}`))),
  );
  const folder = await temporaryFolder(t);
  const plan = async (spec: Spec, blocks: number, metadata: Record<string, string> = {}) => {
    const tensors = Array.from({ length: blocks }, (_, i) => [
      [`diffusion_model.double_blocks.${i}.img_attn.qkv.lora_A.weight`, random(1, 2, 32)],
      [`diffusion_model.double_blocks.${i}.img_attn.qkv.lora_B.weight`, random(2, 96, 2)],
    ]).flat();
    return planLora(
      await openLora(await writeLora(folder, 'one', Object.fromEntries(tensors), metadata)),
      spec,
    );
  };
  const kin = (origin: string) => ({
    code: 'unsupported',
    message: new RegExp(`is a LoRA for ${origin} and`),
  });
  for (const [key, value] of [
    ['modelspec.architecture', 'Flux.2-klein-4b/lora'],
    ['ss_base_model_version', 'flux2_klein_4b'],
  ] as const) {
    await assert.rejects(plan(flux!, 1, { [key]: value }), kin('FLUX\\.2'));
    assert.equal((await plan(klein!, 1, { [key]: value })).used, 2);
  }
  for (const [key, value] of [
    ['modelspec.architecture', 'flux-1-dev/lora'],
    ['ss_base_model_version', 'flux1'],
  ] as const) {
    await assert.rejects(plan(klein!, 1, { [key]: value }), kin('FLUX\\.1'));
    assert.equal((await plan(flux!, 1, { [key]: value })).used, 2);
  }
  // Without metadata the blocks are counted.
  await assert.rejects(plan(flux!, 5), kin('FLUX\\.2'));
  await assert.rejects(plan(klein!, 19), kin('FLUX\\.1'));
  assert.equal((await plan(flux!, 1)).used, 2);
});
