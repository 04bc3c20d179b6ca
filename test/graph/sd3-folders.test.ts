/** Whole SD3 folders against diffusers' single calls (test/golden/make_sd3.py): shards, F16 and BF16 weights. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { textEncoderGraph } from '../../src/graph/clip.ts';
import type { Component, Graph } from '../../src/graph/component.ts';
import { sd3TransformerGraph } from '../../src/graph/mmdit.ts';
import { t5EncoderGraph } from '../../src/graph/t5.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../src/graph/vae.ts';
import { ModelFiles } from '../../src/models/files.ts';
import type { Tensor } from '../../src/tensor.ts';
import { agree, outputs } from './agree.ts';
import { readNpy } from './npy.ts';

const FIXTURES = join(import.meta.dirname, '../golden/fixtures');

/** What each part's weight files are called, and the graph over it. */
const PARTS: Record<string, [folder: string, base: string, graph: (component: Component) => Graph]> = {
  text_encoder: ['text_encoder', 'model', textEncoderGraph],
  text_encoder_2: ['text_encoder_2', 'model', textEncoderGraph],
  text_encoder_3: ['text_encoder_3', 'model', t5EncoderGraph],
  transformer: ['transformer', 'diffusion_pytorch_model', sd3TransformerGraph],
  vae_encoder: ['vae', 'diffusion_pytorch_model', vaeEncoderGraph],
  vae_decoder: ['vae', 'diffusion_pytorch_model', vaeDecoderGraph],
};

interface GoldenCall {
  model: string;
  component: string;
  name: string;
  inputs: Record<string, string>;
  outputs: Record<string, string>;
}
const calls: GoldenCall[] = JSON.parse(await readFile(join(FIXTURES, 'sd3/components.json'), 'utf8'));

for (const call of calls) {
  test(`${call.model}: ${call.name} agrees with diffusers`, async () => {
    const [folder, base, graph] = PARTS[call.component]!;
    const files = await ModelFiles.at(join(FIXTURES, 'models', call.model));
    const feeds: Record<string, Tensor<Float32Array | BigInt64Array>> = {};
    for (const [name, file] of Object.entries(call.inputs)) feeds[name] = await readNpy(join(FIXTURES, file));
    const results = await outputs(
      graph(await files.component(folder, base)),
      feeds,
      Object.keys(call.outputs),
    );
    for (const [name, file] of Object.entries(call.outputs)) {
      agree(results[name]!, (await readNpy(join(FIXTURES, file))) as Tensor, name);
    }
  });
}
