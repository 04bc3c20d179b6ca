/** The parts of Stable Diffusion 3 against diffusers and transformers (make_sd3_goldens.py). */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sd3TransformerGraph } from '../../src/graph/mmdit.ts';
import { t5EncoderGraph } from '../../src/graph/t5.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../src/graph/vae.ts';
import type { Tensor } from '../../src/tensor.ts';
import { agree, outputs, type PackedTensor, temporaryFolder, unpacked } from './agree.ts';
import { field, forgeComponent } from './forge.ts';

interface Golden {
  name: string;
  kind: 'transformer' | 't5' | 'vae';
  config: Record<string, unknown>;
  tensors: Record<string, number[]>;
  inputs: Record<string, number[]>;
  timesteps: number[];
  ids: number[][];
  outputs: Record<string, PackedTensor>;
}
const goldens: Golden[] = JSON.parse(await readFile(join(import.meta.dirname, 'sd3.golden.json'), 'utf8'));

for (const golden of goldens) {
  test(`${golden.name} agrees with the reference`, async (t) => {
    const component = await forgeComponent(await temporaryFolder(t), golden.config, golden.tensors);
    const inputs = Object.fromEntries(
      Object.entries(golden.inputs ?? {}).map(([name, dims]) => [name, field(name, dims)]),
    );
    const results: Record<string, Tensor> = {};
    if (golden.kind === 'transformer') {
      const data = Float32Array.from(golden.timesteps);
      const feeds = { ...inputs, timestep: { data, dims: [data.length] } };
      Object.assign(results, await outputs(sd3TransformerGraph(component), feeds, ['out_hidden_states']));
    } else if (golden.kind === 't5') {
      const { ids } = golden;
      const data = BigInt64Array.from(ids.flat(), BigInt);
      const feeds = { input_ids: { data, dims: [ids.length, ids[0]!.length] } };
      Object.assign(results, await outputs(t5EncoderGraph(component), feeds, ['last_hidden_state']));
    } else {
      const { sample, latent_sample } = inputs as { sample: Tensor; latent_sample: Tensor };
      const encoder = vaeEncoderGraph(component);
      Object.assign(results, await outputs(encoder, { sample }, ['latent_parameters']));
      Object.assign(results, await outputs(vaeDecoderGraph(component), { latent_sample }, ['sample']));
    }
    for (const [name, expected] of Object.entries(golden.outputs)) {
      agree(results[name]!, unpacked(expected), name);
    }
  });
}

const graphOf = async (t: TestContext, name: string, change: (copy: Golden) => void) => {
  const copy = structuredClone(goldens.find((known) => known.name === name)!);
  change(copy);
  const component = await forgeComponent(await temporaryFolder(t), copy.config, copy.tensors);
  return copy.kind === 't5' ? t5EncoderGraph(component) : sd3TransformerGraph(component);
};

const TRANSFORMER = 'transformer as in SD3.5 medium';

for (const sides of [
  [16, 4],
  [4, 16],
]) {
  test(`a latent of ${sides.join(' x ')} is larger than the table of positions and stopped`, async (t) => {
    const graph = await graphOf(t, TRANSFORMER, () => {});
    const feeds = {
      hidden_states: field('x', [1, 16, ...sides]),
      encoder_hidden_states: field('x', [1, 3, 12]),
      pooled_projections: field('x', [1, 10]),
      timestep: { data: Float32Array.of(1), dims: [1] },
    };
    await assert.rejects(outputs(graph, feeds, ['out_hidden_states']), { code: 'engine_failed' });
  });
}

test('the table of tokens may be stored under both of its names', async (t) => {
  await graphOf(t, 'T5 1.1', (c) => {
    c.tensors['encoder.embed_tokens.weight'] = c.tensors['shared.weight']!;
  });
});

const REFUSED: [string, string, (copy: Golden) => void, string, RegExp][] = [
  [
    'a missing tensor of the transformer',
    TRANSFORMER,
    (c) => delete c.tensors['transformer_blocks.0.attn2.norm_q.weight'],
    'bad_model',
    /lack transformer_blocks\.0\.attn2\.norm_q\.weight \(8\)/,
  ],
  [
    'a second attention that the config does not name',
    TRANSFORMER,
    (c) => (c.config['dual_attention_layers'] = [0]),
    'bad_model',
    /transformer_blocks\.1\.norm1\.linear\.weight is 144 x 16; its config.json asks for 96 x 16/,
  ],
  [
    'weights of norms that the config does not name',
    'transformer as in SD3.5 large',
    (c) => (c.config['qk_norm'] = null),
    'bad_model',
    /norm.* that its config.json gives no place to/,
  ],
  [
    'another norm',
    TRANSFORMER,
    (c) => (c.config['qk_norm'] = 'layer_norm'),
    'unsupported',
    /qk_norm is "layer_norm"; .* supports "rms_norm" or null/,
  ],
  [
    'a text of another width',
    TRANSFORMER,
    (c) => (c.config['caption_projection_dim'] = 24),
    'bad_model',
    /caption_projection_dim is 24, but/,
  ],
  [
    'a block that is not there',
    TRANSFORMER,
    (c) => (c.config['dual_attention_layers'] = [3]),
    'bad_model',
    /dual_attention_layers is \[3\], but num_layers \(3\)/,
  ],
  [
    'a table of positions of another size',
    TRANSFORMER,
    (c) => (c.config['pos_embed_max_size'] = 8),
    'bad_model',
    /pos_embed\.pos_embed is 49 x 16; its config.json asks for 64 x 16/,
  ],
  [
    'an unknown key of the transformer',
    TRANSFORMER,
    (c) => (c.config['rope'] = 1),
    'unsupported',
    /rope \(1\) is not known/,
  ],
  [
    'another activation of T5',
    'T5 1.1',
    (c) => (c.config['feed_forward_proj'] = 'gated-silu'),
    'unsupported',
    /feed_forward_proj is "gated-silu"/,
  ],
  [
    'another text model',
    'T5 1.1',
    (c) => (c.config['architectures'] = ['UMT5EncoderModel']),
    'bad_model',
    /architectures is \["UMT5EncoderModel"\], but T5EncoderModel belongs here/,
  ],
  [
    'buckets without distances',
    'T5 1.1',
    (c) => (c.config['relative_attention_max_distance'] = 8),
    'bad_model',
    /relative_attention_max_distance is 8, but relative_attention_num_buckets \(32\)/,
  ],
  ['a decoder', 'T5 1.1', (c) => (c.config['is_decoder'] = true), 'unsupported', /is_decoder is true/],
];
for (const [what, name, change, code, message] of REFUSED) {
  test(`${what} is refused by name`, async (t) => {
    await assert.rejects(graphOf(t, name, change), { code, message });
  });
}
