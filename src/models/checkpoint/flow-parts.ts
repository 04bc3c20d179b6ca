/** Parts that single files of flow transformers have in common: where their tensors lie, and those they mostly lack. */
import type { Component } from '../../graph/component.ts';
import type { Weights } from '../weights.ts';
import { type MissingPart, partOf } from './layout.ts';
import { missingVae, readVaeOf } from './ldm.ts';
import { isVae } from './ldm-vae.ts';
import { type Tensors, under } from './tensors.ts';

const PREFIXES = ['model.diffusion_model.', '', 'model.', 'net.', 'diffusion_model.'];
const VAE_PREFIXES = ['first_stage_model.', 'vae.'];

/** The autoencoder of FLUX.1 (ae.safetensors), which Z-Image has as well: vae/config.json of the hub's folders. */
const LATENT_SCALE = { scaling_factor: 0.3611, shift_factor: 0.1159, force_upcast: true };
const CHANNELS = 16;
const HUB = 'https://huggingface.co/';

/** The transformer without its prefix. @param keys of which it has one: a file may lack others */
export function findTransformer({ tensors }: Weights, keys: readonly string[]): Tensors | undefined {
  const prefix = PREFIXES.find((one) => keys.some((key) => tensors.has(`${one}${key}`)));
  return prefix === undefined ? undefined : under(tensors, prefix);
}

export const findVae = ({ tensors }: Weights): Tensors | undefined =>
  VAE_PREFIXES.map((prefix) => under(tensors, prefix)).find(isVae);

/** @returns the VAE of the file, or what is to be looked for elsewhere */
export function fluxVae(
  weights: Weights,
): { readonly component: Component } | { readonly missing: MissingPart } {
  const vae = findVae(weights);
  if (vae !== undefined) return { component: readVaeOf(weights, vae, LATENT_SCALE) };
  return {
    missing: {
      ...missingVae(LATENT_SCALE, CHANNELS),
      isTakenUnnamed: true,
      source: `${HUB}Comfy-Org/z_image_turbo/blob/main/split_files/vae/ae.safetensors`,
    },
  };
}

/**
 * The VAE of FLUX.2, whose latents need no scale: it holds their statistics.
 * @param channels of its latents
 * @returns as fluxVae
 */
export function flux2Vae(
  weights: Weights,
  channels: number,
): { readonly component: Component } | { readonly missing: MissingPart } {
  const vae = findVae(weights);
  if (vae !== undefined) return { component: readVaeOf(weights, vae, {}) };
  const { read, ...missing } = missingVae({}, channels);
  return {
    missing: {
      ...missing,
      isTakenUnnamed: true,
      source: `${HUB}Comfy-Org/flux2-dev/blob/main/split_files/vae/flux2-vae.safetensors`,
      read(tensors) {
        const found = read(tensors);
        return found?.tensors.has(LATENT_STATISTICS) === true ? found : undefined;
      },
    },
  };
}

/** Only FLUX.2's VAE has them. */
const LATENT_STATISTICS = 'bn.running_mean';

/**
 * A text encoder of the file, or what is to be looked for elsewhere.
 * @param prefixes under which the file may have it
 * @param read the encoder of some tensors, in a file that may hold nothing else; undefined where it is none
 */
export function textEncoder(
  weights: Weights,
  {
    part,
    what,
    source,
    prefixes,
    read,
  }: {
    readonly part: string;
    readonly what: string;
    /** Of a file that holds it, on the hub. */
    readonly source: string;
    readonly prefixes: readonly string[];
    read(tensors: Tensors): Pick<Component, 'tensors' | 'config'> | undefined;
  },
): { readonly component: Component } | { readonly missing: MissingPart } {
  for (const prefix of prefixes) {
    const own = read(under(weights.tensors, prefix));
    if (own !== undefined) return { component: partOf(weights, part, own) };
  }
  return { missing: { part, what, source: `${HUB}${source}`, read } };
}

/** Parts by the names of their folders, and those that are missing. */
export function collected(
  parts: Readonly<Record<string, { readonly component: Component } | { readonly missing: MissingPart }>>,
): { readonly components: ReadonlyMap<string, Component>; readonly missing: readonly MissingPart[] } {
  const entries = Object.entries(parts);
  return {
    components: new Map(
      entries.flatMap(([name, part]) => ('component' in part ? [[name, part.component] as const] : [])),
    ),
    missing: entries.flatMap(([, part]) => ('missing' in part ? [part.missing] : [])),
  };
}
