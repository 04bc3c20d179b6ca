import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { textEncoderGraph } from '../../src/graph/clip.ts';
import { unetGraph } from '../../src/graph/unet.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../src/graph/vae.ts';
import type { Tensor } from '../../src/tensor.ts';
import { agree, outputs, type PackedTensor, temporaryFolder, unpacked } from './agree.ts';
import { field, forgeComponent } from './forge.ts';

interface Golden {
  name: string;
  kind: 'unet' | 'vae' | 'clip';
  config: Record<string, unknown>;
  tensors: Record<string, number[]>;
  /** ControlNets in the UNet's graph. */
  nets?: { config: Record<string, unknown>; tensors: Record<string, number[]> }[];
  inputs: Record<string, number[]>;
  timesteps: number[];
  ids: number[][];
  outputs: Record<string, PackedTensor>;
}
const goldens: Golden[] = JSON.parse(
  await readFile(join(import.meta.dirname, 'components.golden.json'), 'utf8'),
);

for (const golden of goldens) {
  test(`${golden.name} agrees with the reference`, async (t) => {
    const component = await forgeComponent(await temporaryFolder(t), golden.config, golden.tensors);
    const { inputs } = golden;
    const results: Record<string, Tensor> = {};
    if (golden.kind === 'unet') {
      const nets = await Promise.all(
        (golden.nets ?? []).map(async (net) =>
          forgeComponent(await temporaryFolder(t), net.config, net.tensors),
        ),
      );
      const feeds = {
        ...feedsOf(inputs),
        timestep: { data: Float32Array.from(golden.timesteps), dims: [golden.timesteps.length] },
      };
      Object.assign(results, await outputs(unetGraph(component, nets), feeds, ['out_sample']));
    } else if (golden.kind === 'vae') {
      const encode = { sample: field('sample', inputs['sample']!) };
      const decode = { latent_sample: field('latent_sample', inputs['latent_sample']!) };
      Object.assign(results, await outputs(vaeEncoderGraph(component), encode, ['latent_parameters']));
      Object.assign(results, await outputs(vaeDecoderGraph(component), decode, ['sample']));
    } else {
      const { ids } = golden;
      const data = BigInt64Array.from(ids.flat(), BigInt);
      const feeds = { input_ids: { data, dims: [ids.length, ids[0]!.length] } };
      Object.assign(results, await outputs(textEncoderGraph(component), feeds, Object.keys(golden.outputs)));
    }
    for (const [name, expected] of Object.entries(golden.outputs))
      agree(results[name]!, unpacked(expected), name);
  });
}

/** Inputs by their names; control pictures hold nothing below 0. */
function feedsOf(inputs: Golden['inputs']): Record<string, Tensor> {
  const feeds = Object.entries(inputs).map(([name, dims]) => {
    const { data } = field(name === 'encoder_hidden_states' ? 'context' : name, dims);
    return [name, { data: name.startsWith('controlnet_conds') ? data.map(Math.abs) : data, dims }] as const;
  });
  return Object.fromEntries(feeds);
}

const golden = (name: string) => goldens.find((known) => known.name === name)!;
const graphOf = async (t: TestContext, name: string, change: (copy: Golden) => void) => {
  const copy = structuredClone(golden(name));
  change(copy);
  const component = await forgeComponent(await temporaryFolder(t), copy.config, copy.tensors);
  return { unet: unetGraph, vae: vaeDecoderGraph, clip: textEncoderGraph }[copy.kind](component);
};

for (const [what, name] of [
  ['SDXL', 'unet as in SDXL with a ControlNet'],
  ['other widths', 'unet with every other option'],
] as const) {
  test(`a ControlNet of SD 1.5 is refused on a UNet of ${what}`, async (t) => {
    const [net] = golden('unet with two ControlNets').nets!;
    const unet = golden(name);
    const [netPart, unetPart] = await Promise.all(
      [net!, unet].map(async ({ config, tensors }) =>
        forgeComponent(await temporaryFolder(t), config, tensors),
      ),
    );
    assert.throws(() => unetGraph(unetPart!, [netPart!]), {
      code: 'bad_model',
      message: /this ControlNet was made for another family of models/,
    });
  });
}

test('text encoder weights are read with the hub prefix and their position ids', async (t) => {
  await graphOf(t, 'clip with quick_gelu', (copy) => {
    const prefixed = Object.entries(copy.tensors).map(([name, shape]) => [`text_model.${name}`, shape]);
    copy.tensors = Object.fromEntries([...prefixed, ['text_model.embeddings.position_ids', [1, 9]]]);
  });
});

test('modules that nobody needs are left unread and named', async (t) => {
  const unused = async (name: string, tensors: Record<string, number[]>) =>
    (await graphOf(t, name, (copy) => Object.assign(copy.tensors, tensors))).unused;
  assert.deepEqual(
    await unused('clip with quick_gelu', { 'text_projection.weight': [6, 12], logit_scale: [] }),
    ['text_projection.weight', 'logit_scale'],
  );
  assert.deepEqual(
    await unused('vae of later families', { 'quant_conv.weight': [32, 32, 1, 1], 'loss.logvar': [1] }),
    ['loss.logvar'],
  );
  assert.deepEqual(await unused('vae of later families', { 'post_quant_conv.weight': [16, 16, 1, 1] }), [
    'post_quant_conv.weight',
  ]);
  assert.deepEqual(await unused('unet as in SD 1.5', {}), []);
});

test('what libraries and training scripts write about themselves is no option', async (t) => {
  await graphOf(t, 'unet as in SD 1.5', (copy) =>
    Object.assign(copy.config, {
      _name_or_path: 'somewhere',
      _attn_implementation_autoset: true,
      pretrained_vae_name_or_path: null,
      decay: 0.9999,
      optimization_step: 20_000,
      use_ema_warmup: false,
      power: 0.75,
    }),
  );
});

test('old names of the VAE attention are read, as convolutions too', async (t) => {
  await graphOf(t, 'vae as in SD 1.5', (copy) => {
    const old = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' };
    copy.tensors = Object.fromEntries(
      Object.entries(copy.tensors).map(([name, shape]) => {
        const part = Object.entries(old).find(([now]) => name.includes(`attentions.0.${now}.`));
        if (part === undefined) return [name, shape];
        return [name.replace(part[0], part[1]), shape.length === 2 ? [...shape, 1, 1] : shape];
      }),
    );
  });
});

const REFUSED: [string, string, (copy: Golden) => void, string, RegExp][] = [
  [
    'a missing tensor',
    'unet as in SD 1.5',
    (c) => delete c.tensors['conv_in.weight'],
    'bad_model',
    /lack conv_in\.weight \(8 x 4 x 3 x 3\)/,
  ],
  [
    'a surplus tensor',
    'unet as in SD 1.5',
    (c) => (c.tensors['conv_in.ghost'] = [2]),
    'bad_model',
    /a tensor conv_in\.ghost that/,
  ],
  [
    'a layer more than the config has',
    'clip with quick_gelu',
    (c) => (c.tensors['encoder.layers.3.layer_norm1.weight'] = [12]),
    'bad_model',
    /encoder\.layers\.3\.layer_norm1\.weight/,
  ],
  [
    'a list of transformer layers for each layer without its counterpart',
    'unet with transformer layers for each layer, as SSD-1B',
    (c) => (c.config['reverse_transformer_layers_per_block'] = null),
    'bad_model',
    /transformer_layers_per_block is .* reverse_transformer_layers_per_block is missing/,
  ],
  [
    'null where diffusers needs a number',
    'unet as in SD 1.5',
    (c) => (c.config['norm_eps'] = null),
    'bad_model',
    /norm_eps is null; it must be a number/,
  ],
  [
    'null where diffusers needs a name',
    'unet as in SD 1.5',
    (c) => (c.config['resnet_time_scale_shift'] = null),
    'unsupported',
    /resnet_time_scale_shift is null/,
  ],
  [
    'a tensor of another shape',
    'unet as in SD 1.5',
    (c) => (c.tensors['conv_in.bias'] = [9]),
    'bad_model',
    /conv_in\.bias is 9; .* asks for 8/,
  ],
  [
    'a tensor with and without prefix',
    'clip with quick_gelu',
    (c) => (c.tensors['text_model.final_layer_norm.bias'] = [12]),
    'bad_model',
    /with and without/,
  ],
  [
    'an unknown key',
    'unet as in SD 1.5',
    (c) => (c.config['warp'] = 1),
    'unsupported',
    /part\/config\.json: warp \(1\) is not known/,
  ],
  [
    'an embedding of pictures',
    'unet as in SD 1.5',
    (c) => (c.config['addition_embed_type'] = 'image'),
    'unsupported',
    /addition_embed_type is "image"/,
  ],
  [
    'an addition without room for the text',
    'unet as in SDXL',
    (c) => (c.config['projection_class_embeddings_input_dim'] = 36),
    'bad_model',
    /leave nothing for the text/,
  ],
  [
    'class labels',
    'unet as in SD 1.5',
    (c) => (c.config['num_class_embeds'] = 10),
    'unsupported',
    /num_class_embeds is 10/,
  ],
  [
    'another block',
    'unet as in SD 1.5',
    (c) => (c.config['down_block_types'] = ['AttnDownBlock2D', 'DownBlock2D']),
    'unsupported',
    /down_block_types is "AttnDownBlock2D"/,
  ],
  [
    'too few blocks',
    'unet as in SD 1.5',
    (c) => (c.config['up_block_types'] = ['UpBlock2D']),
    'bad_model',
    /up_block_types is \["UpBlock2D"\]; it must be a list of 2/,
  ],
  [
    'num_attention_heads',
    'unet as in SD 1.5',
    (c) => (c.config['num_attention_heads'] = 8),
    'unsupported',
    /num_attention_heads is 8/,
  ],
  [
    'heads that do not divide',
    'unet as in SD 1.5',
    (c) => (c.config['attention_head_dim'] = 3),
    'bad_model',
    /attention_head_dim is 3, but/,
  ],
  [
    'groups that do not divide',
    'unet as in SD 1.5',
    (c) => (c.config['norm_num_groups'] = 5),
    'bad_model',
    /norm_num_groups \(5\) must divide/,
  ],
  [
    'an even kernel',
    'unet as in SD 1.5',
    (c) => (c.config['conv_in_kernel'] = 2),
    'bad_model',
    /only odd kernels/,
  ],
  [
    'another activation',
    'vae as in SD 1.5',
    (c) => (c.config['act_fn'] = 'mish'),
    'unsupported',
    /act_fn is "mish"; .* "silu"/,
  ],
  [
    'a number that is text',
    'vae as in SD 1.5',
    (c) => (c.config['latent_channels'] = '4'),
    'bad_model',
    /latent_channels is "4"; it must be a whole number/,
  ],
  [
    'another text activation',
    'clip with quick_gelu',
    (c) => (c.config['hidden_act'] = 'relu'),
    'unsupported',
    /hidden_act is "relu"/,
  ],
  [
    'another text model',
    'clip with quick_gelu',
    (c) => (c.config['architectures'] = ['T5EncoderModel']),
    'bad_model',
    /architectures/,
  ],
];
for (const [what, name, change, code, message] of REFUSED) {
  test(`${what} is refused by name`, async (t) => {
    await assert.rejects(graphOf(t, name, change), { code, message });
  });
}
