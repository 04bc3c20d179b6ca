/** Every part of every family as a graph, with inputs: tiny random weights, and the embedded model at 64x64. */
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { textEncoderGraph } from '../../src/graph/clip.ts';
import type { Graph } from '../../src/graph/component.ts';
import { sd3TransformerGraph } from '../../src/graph/mmdit.ts';
import { t5EncoderGraph } from '../../src/graph/t5.ts';
import type { Target } from '../../src/graph/target.ts';
import { unetGraph } from '../../src/graph/unet.ts';
import { upscalerGraph } from '../../src/graph/upscaler.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../src/graph/vae.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import type { Feeds } from '../../src/tensor.ts';
import { flowCases } from './flow-cases.ts';
import { field, forgeComponent } from './forge.ts';

interface Part {
  readonly config: Record<string, unknown>;
  readonly tensors: Record<string, number[]>;
}

interface Golden extends Part {
  readonly name: string;
  readonly kind?: string;
  readonly nets?: readonly Part[];
  readonly inputs?: Record<string, number[]>;
  readonly picture?: number[];
  readonly timesteps?: readonly number[];
  readonly ids?: readonly (readonly number[])[];
}

export interface Case {
  readonly name: string;
  readonly build: (target: Target) => Graph;
  readonly feeds: Feeds;
}

async function casesOf(golden: Golden, folder: string): Promise<Case[]> {
  const forge = async ({ config, tensors }: Part) =>
    forgeComponent(await mkdtemp(join(folder, 'part-')), config, tensors);
  const { name, kind, nets = [], timesteps = [], ids = [[]] } = golden;
  const component = await forge(golden);
  const fields = Object.fromEntries(
    Object.entries(golden.inputs ?? {}).map(([input, dims]) => [input, field(input, dims)]),
  );
  const timestep = { data: Float32Array.from(timesteps), dims: [timesteps.length] };
  const input_ids = {
    data: BigInt64Array.from(ids.flat(), BigInt),
    dims: [ids.length, ids[0]!.length],
  };
  switch (kind) {
    case 'unet': {
      const controlNets = await Promise.all(nets.map(forge));
      const build = (target: Target) => unetGraph(component, controlNets, target);
      return [{ name, build, feeds: { ...fields, timestep } }];
    }
    case 'vae': {
      const { sample, latent_sample } = fields as Feeds;
      return [
        {
          name: `${name}, encoder`,
          build: (target) => vaeEncoderGraph(component, target),
          feeds: { sample: sample! },
        },
        {
          name: `${name}, decoder`,
          build: (target) => vaeDecoderGraph(component, target),
          feeds: { latent_sample: latent_sample! },
        },
      ];
    }
    case 'clip':
      return [{ name, build: (target) => textEncoderGraph(component, target), feeds: { input_ids } }];
    case 't5':
      return [{ name, build: (target) => t5EncoderGraph(component, target), feeds: { input_ids } }];
    case 'transformer': {
      const build = (target: Target) => sd3TransformerGraph(component, target);
      return [{ name, build, feeds: { ...fields, timestep } }];
    }
    default: {
      const picture = field('picture', golden.picture!);
      return [{ name, build: (target) => upscalerGraph(component, target), feeds: { picture } }];
    }
  }
}

/** The embedded model's UNet and VAE at 64x64 pixels. */
async function embedded(): Promise<Case[]> {
  const spec = await new Catalogue([join(import.meta.dirname, '../../models')]).open('mini');
  const { denoiser, latentChannels: channels, vaeScaleFactor } = spec;
  const side = 64 / vaeScaleFactor;
  const { cross_attention_dim: width } = denoiser.component.config as { cross_attention_dim: number };
  const feeds = {
    sample: field('sample', [2, channels, side, side]),
    timestep: { data: Float32Array.of(500), dims: [1] },
    encoder_hidden_states: field('context', [2, 16, width]),
  };
  return [
    { name: 'mini, denoiser', build: (target) => spec.graph('denoiser', target), feeds },
    {
      name: 'mini, decoder',
      build: (target) => spec.graph('vaeDecoder', target),
      feeds: { latent_sample: field('latents', [1, channels, side, side]) },
    },
  ];
}

const goldens = ['components', 'sd3', 'upscaler'].flatMap(
  (name) => JSON.parse(readFileSync(join(import.meta.dirname, `${name}.golden.json`), 'utf8')) as Golden[],
);

/**
 * @param folder for files of weights, which the caller deletes
 * @param names only those; `flow` stands for the flow families, `mini` for the embedded model
 */
export async function* everyPart(folder: string, names: readonly string[] = []): AsyncGenerator<Case> {
  for (const name of names.length > 0 ? names : [...goldens.map((one) => one.name), 'flow', 'mini']) {
    const golden = goldens.find((one) => one.name === name);
    if (golden !== undefined) yield* await casesOf(golden, folder);
    else yield* await (name === 'flow' ? flowCases() : embedded());
  }
}
