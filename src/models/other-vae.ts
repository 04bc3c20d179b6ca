/** A VAE other than the model's own: a file of its own, which says nothing of how its latents relate to the denoiser's. */
import { stat } from 'node:fs/promises';
import { DarkroomError, offer } from '../errors.ts';
import type { Component } from '../graph/component.ts';
import { isVaePart, vaeGraph } from '../graph/vae.ts';
import { readVaeConfig } from '../graph/vae-config.ts';
import { sentence } from '../sentences.ts';
import { isVae, lackingVae, readLdmVae } from './checkpoint/ldm-vae.ts';
import { type Tensors, under } from './checkpoint/tensors.ts';
import { requireWhole } from './checkpoint/whole.ts';
import type { Entry, Inventory } from './inventory/inventory.ts';
import type { LentPart, ModelSpec } from './spec.ts';
import { readWeights } from './weights.ts';

/**
 * @param name of a VAE's file, as A1111 takes it, in any case
 * @throws DarkroomError('not_found') that offers the nearest names
 */
export async function vaeNamed(name: string, inventory: Inventory): Promise<Entry> {
  const found = await inventory.find('vae', name);
  if (found !== undefined && found.form === 'file') return found;
  await inventory.nearlySettled();
  inventory.requireUsable('vae', name);
  const names = inventory.entries('vae').flatMap((entry) => (entry.form === 'file' ? [entry.name] : []));
  const offered = names.length === 0 ? sentence('lora.no_vae_installed') : offer(name, names);
  throw new DarkroomError(
    'not_found',
    sentence('lora.no_vae_called', { name: name.slice(0, 100), offer: offered }),
  );
}

/** By the model and the VAE's file: the same model with the same VAE is one model for whoever keeps models open. */
const made = new WeakMap<ModelSpec, Map<string, ModelSpec>>();

/**
 * The model with another VAE. Scale and shift of the latents stay the model's: its denoiser was trained with them.
 * @throws DarkroomError('bad_model') where the file is no VAE, ('unsupported') where it belongs to other models
 */
export async function withVae(
  spec: ModelSpec,
  { name, path: file }: Pick<Entry, 'name' | 'path'>,
): Promise<ModelSpec> {
  const { dev, ino, size, mtimeNs } = await stat(file, { bigint: true });
  const key = `${file} ${dev} ${ino} ${size} ${mtimeNs}`;
  const known = made.get(spec) ?? new Map<string, ModelSpec>();
  made.set(spec, known);
  const found =
    known.get(key) ?? replaced(spec, { name, path: file, component: await readVae(file, spec.vae) });
  known.set(key, found);
  return found;
}

async function readVae(file: string, own: Component): Promise<Component> {
  const { tensors: all, label } = await readWeights(file);
  const parts: Tensors[] = [all, under(all, 'first_stage_model.'), under(all, 'vae.')];
  const part = parts.find(isVae);
  if (part === undefined) throw new DarkroomError('bad_model', `${label} holds no VAE.`);
  requireWhole(label, 'VAE', lackingVae(part));
  const { tensors, config } = readLdmVae(part);
  // What no tensor says. Groups are 32 in all VAEs but those made small for a test.
  const kept = [
    ...['scaling_factor', 'shift_factor', 'latents_mean', 'latents_std', 'force_upcast'],
    'norm_num_groups',
  ];
  const scale = Object.fromEntries(
    kept.filter((key) => key in own.config).map((key) => [key, own.config[key]]),
  );
  return { configFile: `vae of ${label}`, tensors, config: { ...config, ...scale } };
}

function replaced(spec: ModelSpec, other: LentPart): ModelSpec {
  const { name, component: vae } = other;
  const { latentChannels, blockOutChannels } = readVaeConfig(vae);
  const factor = 2 ** (blockOutChannels.length - 1);
  if (latentChannels !== spec.latentChannels || factor !== spec.vaeScaleFactor) {
    throw new DarkroomError(
      'unsupported',
      sentence('lora.other_vae', {
        name,
        channels: latentChannels,
        factor,
        model: spec.name,
        own: spec.latentChannels,
        ownFactor: spec.vaeScaleFactor,
      }),
    );
  }
  return {
    ...spec,
    vae,
    lent: new Map([...(spec.lent ?? []), ['vae', other]]),
    graph: (part, target) => (isVaePart(part) ? vaeGraph(part, vae, target) : spec.graph(part, target)),
  };
}
