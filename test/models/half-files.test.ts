/** Files that hold a part of a network: what is missing is named, in lists and where the file is opened. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/models/checkpoint/open.ts';
import { openControlnet } from '../../src/models/controlnet.ts';
import { openLora } from '../../src/models/lora/file.ts';
import { planLora } from '../../src/models/lora/plan.ts';
import { withVae } from '../../src/models/other-vae.ts';
import { recognise } from '../../src/models/recognise.ts';
import { temporaryFolder } from './forge.ts';
import { float, forgeModel, writeSafetensors } from './forge-checkpoint.ts';
import { random, writeLora } from './lora-files.ts';

const UNET = 'UNet';
const TRANSFORMER = 'transformer';
const CASES: readonly (readonly [layout: string, left: RegExp, whose: string, missing: string])[] = [
  ['sd1', /output_blocks\./, UNET, 'output_blocks.0'],
  ['sd1', /[^t]_blocks\.|input_blocks\.[1-9]/, UNET, 'input_blocks.1'],
  ['sd1', /input_blocks\./, UNET, 'input_blocks.0.0, input_blocks.1'],
  ['sdxl', /output_blocks\.3\./, UNET, 'output_blocks (3 for 4 input_blocks)'],
  ['sd2', /time_embed\./, UNET, 'time_embed.0, time_embed.2'],
  ['sd1', /input_blocks\.1\.0\.out_layers\.3/, UNET, 'input_blocks.1.0.out_layers.3'],
  ['sd1', /middle_block\.1\./, UNET, 'middle_block.1'],
  ['sdxl', /middle_block\.2\./, UNET, 'middle_block.2'],
  ['sd1', /middle_block\.[02]\./, UNET, 'middle_block.0, middle_block.2'],
  ['sd1', /output_blocks\.2\.1\./, UNET, 'output_blocks.2.1'],
  ['sd1', /first_stage_model\.encoder\./, 'VAE', 'encoder.conv_in, encoder.mid, encoder.norm_out and 2 more'],
  ['sd1', /decoder\.up\.0\./, 'VAE', 'decoder.up.0'],
  ['sd1', /text_model.*layers\.\d/, 'text encoder', 'encoder.layers.0'],
  ['sd3', /joint_blocks\.0\./, TRANSFORMER, 'joint_blocks.0'],
  ['sd3', /t5xxl.*block\.0\./, 'text encoder 3', 'encoder.block.0'],
  ['sd35-medium', /pos_embed|final_layer/, TRANSFORMER, 'pos_embed, final_layer.linear'],
  ['flux-dev', /single_blocks\./, TRANSFORMER, 'single_blocks.0'],
  [
    'klein',
    /double_blocks\.|single_stream/,
    TRANSFORMER,
    'single_stream_modulation.lin.weight, double_blocks.0',
  ],
  ['z-image', /model\.layers\.0\.(?!self)/, TRANSFORMER, 'layers.0'],
];

for (const [layout, left, whose, missing] of CASES) {
  test(`${layout} without ${left.source}`, async (t) => {
    const file = new Map([...forgeModel(layout).single].filter(([name]) => !left.test(name)));
    const path = await writeSafetensors(join(await temporaryFolder(t), 'x.safetensors'), file);
    const message = `x.safetensors holds only a part of a ${whose}: ${missing} missing. Download it again, or save all of it in one file.`;
    const { kind, refusal } = await recognise(path);
    assert.deepEqual([kind, refusal], ['checkpoint', message]);
    await assert.rejects(openCheckpoint(path), { code: 'bad_model', message });
  });
}

test('a UNet without its middle is a pruned one only where its blocks are smaller too', async (t) => {
  const folder = await temporaryFolder(t);
  const rest = [...forgeModel('sd1').single].filter(([name]) => !name.includes('middle_block.'));
  const pruned = await openCheckpoint(await writeSafetensors(join(folder, 'x.safetensors'), new Map(rest)));
  assert.equal(pruned.denoiser.component.config['mid_block_type'], null);
  // Another residual layer behind the first one of the way down.
  const whole = rest.flatMap(([name, of]) => {
    const number = Number(/\.input_blocks\.(\d+)\./.exec(name)?.[1] ?? 0);
    const at = (i: number) => [name.replace(/input_blocks\.\d+/, `input_blocks.${i}`), of] as const;
    if (number === 0) return [[name, of] as const];
    return number === 1 ? [at(1), at(2)] : [at(number + 1)];
  });
  const path = await writeSafetensors(join(folder, 'x.safetensors'), new Map(whole));
  const message = /^x\.safetensors holds only a part of a UNet: middle_block missing\./;
  assert.match((await recognise(path)).refusal ?? '', message);
  await assert.rejects(openCheckpoint(path), { code: 'bad_model', message });
});

test('a UNet whose middle is a single residual layer is a pruned one', async (t) => {
  const rest = [...forgeModel('sdxl').single].filter(([name]) => !/middle_block\.[12]\./.test(name));
  const path = await writeSafetensors(join(await temporaryFolder(t), 'x.safetensors'), new Map(rest));
  const { denoiser } = await openCheckpoint(path);
  assert.equal(denoiser.component.config['mid_block_type'], 'UNetMidBlock2D');
});

test('half a VAE, half a text encoder and half a ControlNet in files of their own', async (t) => {
  const folder = await temporaryFolder(t);
  const single = forgeModel('sd1').single;
  const only = (prefix: string, left: RegExp) =>
    writeSafetensors(
      join(folder, 'x.safetensors'),
      new Map(
        [...single].flatMap(([name, of]) =>
          name.startsWith(prefix) && !left.test(name) ? [[name.slice(prefix.length), of] as const] : [],
        ),
      ),
    );
  const listed = async (path: string) => {
    const { kind, refusal } = await recognise(path);
    return [kind, refusal?.replace(/ missing\. .*/, '')];
  };
  const model = await openCheckpoint(await writeSafetensors(join(folder, 'whole.safetensors'), single));
  const vae = await only('first_stage_model.', /encoder\.down\./);
  const begin = 'x.safetensors holds only a part of a ';
  assert.deepEqual(await listed(vae), ['vae', `${begin}VAE: encoder.down.0`]);
  await assert.rejects(withVae(model, { name: 'x', path: vae }), { message: /encoder\.down\.0 missing/ });
  const text = await only('cond_stage_model.transformer.', /layers\.0\./);
  assert.deepEqual(await listed(text), ['text_encoder', `${begin}text encoder: encoder.layers.0`]);
  const net = await writeSafetensors(
    join(folder, 'x.safetensors'),
    new Map(Object.entries({ 'zero_convs.0.0.weight': float([4, 4, 1, 1], new Array(16).fill(0)) })),
  );
  const missing = 'input_hint_block.0.weight, time_embed.0, time_embed.2 and 4 more';
  assert.deepEqual(await listed(net), ['controlnet', `${begin}ControlNet: ${missing}`]);
  await assert.rejects(openControlnet(net), { code: 'bad_model' });
});

test('a shard, and the denoiser of a model folder by itself, are called what they are', async (t) => {
  const folder = await temporaryFolder(t);
  const parts = [
    ['sd1', 'unet', /only the UNet of a model folder.*as unet\/diffusion_pytorch_model/],
    ['flux-dev', 'transformer', /the transformer of a model folder/],
    ['z-image', 'transformer', /the transformer of a model folder/],
  ] as const;
  for (const [layout, part, message] of parts) {
    const tensors = forgeModel(layout).parts.get(part)!;
    const path = await writeSafetensors(join(folder, `${layout}.safetensors`), tensors);
    assert.match((await recognise(path)).refusal ?? '', message);
    await assert.rejects(openCheckpoint(path), { code: 'unsupported', message });
    const shard = await writeSafetensors(
      join(folder, `${layout}-00002-of-00003.safetensors`),
      new Map([...tensors].slice(-9)),
    );
    assert.match((await recognise(shard)).refusal ?? '', /one of 3 files of one network/);
    await assert.rejects(openCheckpoint(shard), { message: /00002-of-00003\.safetensors is one of 3 files/ });
  }
});

test('a LoRA of two adapters is refused by their names', async (t) => {
  const layer = 'base_model.model.unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
  const path = await writeLora(await temporaryFolder(t), 'x', {
    [`${layer}.lora_A.style.weight`]: random(1, 2, 8),
    [`${layer}.lora_B.style.weight`]: random(2, 8, 2),
    [`${layer}.lora_A.face.weight`]: random(3, 2, 8),
    [`${layer}.lora_B.face.weight`]: random(4, 8, 2),
  });
  const message =
    'x holds 2 adapters (style, face); Darkroom reads one from a file. Save each adapter in a file of its own.';
  const model = await openCheckpoint(
    await writeSafetensors(join(await temporaryFolder(t), 'whole.safetensors'), forgeModel('sd1').single),
  );
  const file = await openLora(path);
  assert.throws(() => planLora(file, model), { code: 'unsupported', message });
  assert.match((await recognise(path)).refusal ?? '', /holds 2 adapters \(style, face\)/);
});
