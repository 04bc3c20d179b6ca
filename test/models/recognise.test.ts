/** What a file of weights is, by names and shapes alone. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { recognise } from '../../src/models/recognise.ts';
import { safetensors, temporaryFolder, write } from './forge.ts';
import { type Forged, type ForgedFile, float, forgeModel, writeSafetensors } from './forge-checkpoint.ts';

const EMPTY: Forged = { dtype: 'F32', shape: [0], bytes: new Uint8Array() };
const tensor = (...shape: number[]): Forged =>
  float(shape, new Array(shape.reduce((product, side) => product * side, 1)).fill(0));

async function found(t: TestContext, tensors: ForgedFile, metadata?: Record<string, string>) {
  return recognise(
    await writeSafetensors(join(await temporaryFolder(t), 'x.safetensors'), tensors, metadata),
  );
}

/** Of a checkpoint, what is no text encoder: quick to write. */
const bare = (layout: string): ForgedFile =>
  new Map([...forgeModel(layout).single].filter(([name]) => !/^(cond_stage_model|conditioner)\./.test(name)));

test('checkpoints: family, prediction, parts', async (t) => {
  const sd1 = await found(t, bare('sd1'));
  assert.deepEqual(
    [sd1.kind, sd1.family, sd1.predictionType, sd1.dtype, sd1.parts],
    ['checkpoint', 'Stable Diffusion 1', 'epsilon', 'F16', { vae: true, textEncoders: false }],
  );
  const whole = await found(t, forgeModel('sd1').single);
  assert.deepEqual(whole.parts, { vae: true, textEncoders: true });
  assert.equal((await found(t, bare('sd1-inpaint'))).variant, 'inpainting');
  assert.equal((await found(t, bare('sd2'))).family, 'Stable Diffusion 2');
  const xl = await found(t, bare('sdxl'));
  assert.deepEqual([xl.family, xl.predictionType], ['Stable Diffusion XL', 'epsilon']);
});

test('what a denoiser predicts: markers, metadata, and words beside the file', async (t) => {
  const marked = await found(t, new Map([...bare('sdxl'), ['v_pred', EMPTY], ['ztsnr', EMPTY]]));
  assert.equal(marked.predictionType, 'v_prediction');
  const said = await found(t, bare('sd1'), { 'modelspec.prediction_type': 'v' });
  assert.equal(said.predictionType, 'v_prediction');
  const other = await found(t, bare('sd1'), { 'modelspec.prediction_type': 'magic' });
  assert.equal(other.kind, 'checkpoint');
  assert.match(other.refusal ?? '', /magic/);
  const folder = await temporaryFolder(t);
  const file = await writeSafetensors(join(folder, 'x.safetensors'), bare('sd1'));
  await writeFile(join(folder, 'x.yaml'), 'model:\n  params:\n    parameterization: "v"\n');
  assert.equal((await recognise(file)).predictionType, 'v_prediction');
  await writeFile(join(folder, 'x.json'), '{"description": "mine", "prediction_type": "epsilon"}');
  assert.equal((await recognise(file)).predictionType, 'epsilon');
  await writeFile(join(folder, 'x.json'), '{"prediction_type": "v-ish"}');
  await assert.rejects(recognise(file), { message: /x\.json: prediction_type/ });
});

test('a safetensors file whose first bytes are those of a pickle or a zip archive', async (t) => {
  const folder = await temporaryFolder(t);
  const plain = '{"emb_params":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  for (const length of [0x280, 0x4b50]) {
    const file = await write(join(folder, 'x.pt'), safetensors(plain.padEnd(length), 4));
    assert.equal((await recognise(file)).kind, 'embedding');
  }
});

test('other kinds of files', async (t) => {
  const cases: [kind: string, family: string | undefined, tensors: Record<string, Forged>][] = [
    ['lora', undefined, { 'lora_unet_mid_block_attentions_0_proj_in.lora_down.weight': tensor(4, 8) }],
    ['lora', undefined, { 'unet.mid_block.attentions.0.proj_in.lora_A.weight': tensor(4, 8) }],
    ['lora', undefined, { 'lora_unet_input_blocks_1_1_proj_in.hada_w1_a': tensor(8, 4) }],
    [
      'lora',
      'Stable Diffusion 2',
      {
        'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight': tensor(4, 1024),
      },
    ],
    ['lora', 'Stable Diffusion XL', { 'lora_te2_text_projection.lora_down.weight': tensor(4, 8) }],
    ['embedding', 'Stable Diffusion 1', { emb_params: tensor(2, 768) }],
    ['embedding', 'Stable Diffusion XL', { clip_l: tensor(2, 768), clip_g: tensor(2, 1280) }],
    ['controlnet', undefined, { 'control_model.input_hint_block.0.weight': tensor(4, 3, 3, 3) }],
    ['controlnet', undefined, { 'controlnet_cond_embedding.conv_in.weight': tensor(4, 3, 3, 3) }],
    ['upscaler', undefined, { 'model.1.sub.0.RDB1.conv1.0.weight': tensor(4, 4, 3, 3) }],
    [
      'text_encoder',
      'T5',
      { 'encoder.block.0.layer.0.SelfAttention.q.weight': tensor(4, 4), 'shared.weight': tensor(4, 4) },
    ],
    ['text_encoder', 'CLIP', { 'text_model.embeddings.token_embedding.weight': tensor(4, 4) }],
    ['checkpoint', 'FLUX.1', { 'double_blocks.0.img_attn.norm.key_norm.scale': tensor(4) }],
    ['unknown', undefined, { weight: tensor(2) }],
  ];
  for (const [kind, family, tensors] of cases) {
    const seen = await found(t, new Map(Object.entries(tensors)));
    assert.deepEqual([seen.kind, seen.family], [kind, family], Object.keys(tensors)[0]);
  }
  const vae = [...forgeModel('sd1').single].filter(([name]) => name.startsWith('first_stage_model.'));
  assert.equal((await found(t, new Map(vae))).kind, 'vae');
  assert.equal(
    (await found(t, new Map(vae.map(([name, of]) => [name.replace('first_stage_model.', ''), of])))).kind,
    'vae',
  );
});
