/** Whole model folders against diffusers' single calls (test/golden): old names, shards, F16 and BF16 weights. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { openSession } from '../../src/engine/session.ts';
import { textEncoderGraph } from '../../src/graph/clip.ts';
import { unetGraph } from '../../src/graph/unet.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../src/graph/vae.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { clipTokenizerOf, type ModelSpec } from '../../src/models/spec.ts';
import { createTokenizer } from '../../src/models/tokenizer.ts';
import type { Tensor } from '../../src/tensor.ts';
import { readNpy } from './npy.ts';

const FIXTURES = join(import.meta.dirname, '../golden/fixtures');

interface GoldenCall {
  model: string;
  component: keyof typeof GRAPHS | 'tokenizer';
  name: string;
  inputs: Record<string, string>;
  outputs: Record<string, string>;
  prompts: string[];
  input_ids: number[][];
}

const GRAPHS = {
  text_encoder: (spec: ModelSpec) => textEncoderGraph(spec.textEncoders[0]!.component),
  unet: (spec: ModelSpec) => unetGraph(spec.denoiser.component),
  vae_encoder: (spec: ModelSpec) => vaeEncoderGraph(spec.vae),
  vae_decoder: (spec: ModelSpec) => vaeDecoderGraph(spec.vae),
};

const calls: GoldenCall[] = JSON.parse(await readFile(join(FIXTURES, 'manifest.json'), 'utf8')).components;

for (const { model, component, name, inputs, outputs, prompts, input_ids: ids } of calls) {
  test(`${model}: ${name} agrees with diffusers`, async () => {
    const spec = await openModelFolder(join(FIXTURES, 'models', model));
    if (component === 'tokenizer') {
      const tokenizer = createTokenizer(clipTokenizerOf(spec));
      for (const [i, prompt] of prompts.entries()) {
        assert.deepEqual(Array.from(tokenizer.encode(prompt).ids, Number), ids[i], prompt);
      }
      return;
    }
    const feeds: Record<string, Tensor<Float32Array | BigInt64Array>> = {};
    for (const [input, file] of Object.entries(inputs)) feeds[input] = await readNpy(join(FIXTURES, file));
    const session = await openSession(GRAPHS[component](spec), cpuDevice({ threads: 1 }));
    const { timestep } = feeds;
    if (timestep !== undefined) {
      const data = Float32Array.from(timestep.data, Number);
      feeds['timestep'] = { data, dims: [data.length] };
    }
    const results = await session.run(feeds, Object.keys(outputs));
    await session.close();
    for (const [output, file] of Object.entries(outputs)) {
      const expected = await readNpy(join(FIXTURES, file));
      const actual = results[output]!;
      assert.deepEqual(actual.dims, expected.dims);
      const values = Array.from(expected.data, Number);
      const scale = Math.max(...values.map(Math.abs));
      const error = Math.max(...values.map((v, i) => Math.abs(v - actual.data[i]!)));
      assert.ok(error <= 1e-5 * scale, `${output}: error ${error} at a scale of ${scale}`);
    }
  });
}
