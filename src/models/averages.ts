/**
 * Moving averages of a UNet's weights, which latent-diffusion saves beside those that it trains (ldm/modules/ema.py): names
 * without any dot behind `model_ema.`. Where a file holds no other UNet, they are it.
 */
import type { StoredTensor } from '../graph/component.ts';

const UNET = 'model.diffusion_model.';
const AVERAGES = 'model_ema.diffusion_model';

/** How the dots come back, one after another. */
const DOTS: readonly (readonly [flat: RegExp, dotted: string])[] = [
  [/(weight|bias)$/, '.$1'],
  [/^((?:input|output)_blocks)(\d{1,2})(\d)/, '$1.$2.$3.'],
  [/^middle_block(\d)/, 'middle_block.$1.'],
  [/^(time_embed|out)(\d)/, '$1.$2.'],
  [/^time_embedcond_proj/, 'time_embed.cond_proj.'],
  [/^label_emb(\d)(\d)/, 'label_emb.$1.$2.'],
  [/\.((?:in|emb|out)_layers)(\d)/, '.$1.$2.'],
  [/\.transformer_blocks(\d{1,2})/, '.transformer_blocks.$1.'],
  [/\.(attn\d)(to_[qkv])\./, '.$1.$2.'],
  [/\.(attn\d)to_out(\d)\./, '.$1.to_out.$2.'],
  [/\.ffnet(\d)(proj)?\./, '.ff.net.$1.$2.'],
  [/\.{2,}/g, '.'],
];

/** @returns the tensors, with averages under the names of a UNet where there is no other one */
export function withAverages(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const names = [...tensors.keys()];
  if (!names.some((name) => name.startsWith(AVERAGES)) || names.some((name) => name.startsWith(UNET)))
    return tensors;
  return new Map(
    Array.from(tensors, ([name, stored]) => [
      name.startsWith(AVERAGES) ? UNET + dotted(name.slice(AVERAGES.length)) : name,
      stored,
    ]),
  );
}

const dotted = (flat: string): string =>
  DOTS.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), flat);
