/** Graphs of the tiny flow models' folders, with inputs: what they become on each device is held against the CPU. */
import { join } from 'node:path';
import type { Graph } from '../../src/graph/component.ts';
import type { Target } from '../../src/graph/target.ts';
import type { Denoiser } from '../../src/models/families/family.ts';
import type { QwenPart } from '../../src/models/families/text-encoders.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import type { Feeds } from '../../src/tensor.ts';
import { field } from './forge.ts';

interface FlowCase {
  readonly name: string;
  readonly build: (target: Target) => Graph;
  /** Of a transformer, to be built with other weights. */
  readonly denoiser?: Pick<Denoiser, 'component' | 'graph'>;
  readonly feeds: Feeds;
}

const MODELS = join(import.meta.dirname, '../golden/fixtures/models');
const WORDS = 5;

/** Of each model the transformer's inputs beside the timestep. */
const TRANSFORMERS: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  'tiny-flux-dev': {
    hidden_states: [1, 16, 4, 6],
    encoder_hidden_states: [1, WORDS, 16],
    pooled_projections: [1, 12],
    guidance: [1],
    ...rotary(6 + WORDS),
  },
  'tiny-z-image': {
    hidden_states: [1, 16, 4, 6],
    encoder_hidden_states: [1, WORDS, 24],
    // Both are padded to 32.
    ...rotary(32 + 32),
  },
  'tiny-klein': {
    hidden_states: [1, 16, 2, 3],
    reference_states: [1, 4, 16],
    encoder_hidden_states: [1, WORDS, 24],
    ...rotary(6 + 4 + WORDS),
  },
};

function rotary(positions: number) {
  return { rotary_cos: [positions, 8], rotary_sin: [positions, 8] };
}

/** The last two of the words are padding. */
function qwenCase(name: string, encoder: QwenPart): FlowCase {
  const ids = BigInt64Array.from({ length: WORDS }, (_, i) => BigInt(7 * i + 3));
  const padding = Float32Array.from({ length: WORDS }, (_, i) => (i < WORDS - 2 ? 0 : -1e9));
  const feeds = {
    input_ids: { data: ids, dims: [1, WORDS] },
    padding: { data: padding, dims: [1, WORDS] },
    ...encoder.positions(WORDS),
  };
  return { name: `${name}, text encoder`, build: (target) => encoder.graph(target), feeds };
}

/** The text encoders, the transformers, and the VAE that takes statistics out of its latents. */
export async function flowCases(): Promise<FlowCase[]> {
  const cases: FlowCase[] = [];
  for (const [name, inputs] of Object.entries(TRANSFORMERS)) {
    const spec = await openModelFolder(join(MODELS, name));
    const fields = Object.entries(inputs).map(([input, dims]) => [input, field(input, dims)] as const);
    const timestep = { data: Float32Array.of(700), dims: [1] };
    cases.push({
      name: `${name}, transformer`,
      build: (target) => spec.graph('denoiser', target),
      denoiser: spec.denoiser,
      feeds: { ...Object.fromEntries(fields), timestep },
    });
    const [encoder] = spec.textEncoders;
    if (encoder?.kind === 'qwen') cases.push(qwenCase(name, encoder));
    if (name !== 'tiny-klein') continue;
    const parts = [
      ['vaeDecoder', 'latent_sample', [1, 16, 2, 3]],
      ['vaeEncoder', 'sample', [1, 3, 32, 48]],
    ] as const;
    for (const [part, input, dims] of parts) {
      const build = (target: Target) => spec.graph(part, target);
      cases.push({ name: `${name}, ${part}`, build, feeds: { [input]: field(input, dims) } });
    }
  }
  return cases;
}
