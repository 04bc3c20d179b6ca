/** Whether a model can draw, found out without loading its weights. */
import { PORTABLE } from '../graph/target.ts';
import { openControlnet } from '../models/controlnet.ts';
import type { ComponentName, ModelSpec } from '../models/spec.ts';
import { freezeRequest } from '../request.ts';
import { planPasses } from './passes.ts';

interface Verified {
  /** Names of tensors that no part of the model reads. */
  readonly unused: readonly string[];
}

/**
 * Builds the graph of every part and of every ControlNet in the model's folder, and plans a picture with its defaults:
 * whatever a job would be refused for is found here.
 * @throws DarkroomError('bad_model' | 'unsupported') naming what cannot be used
 */
export async function verifyModel(spec: ModelSpec): Promise<Verified> {
  const parts: ComponentName[] = spec.textEncoders.map(({ name }) => name);
  parts.push('denoiser', 'vaeEncoder', 'vaeDecoder');
  if (spec.upscaler !== undefined) parts.push('upscaler');
  const unused = parts.flatMap((part) => spec.graph(part, PORTABLE).unused ?? []);
  for (const folder of spec.controlnets.values()) {
    const { component } = await openControlnet(folder);
    spec.denoiser.controlNets?.read(component);
    unused.push(...(spec.denoiser.graph([component], PORTABLE).unused ?? []));
  }
  const { request } = freezeRequest({ prompt: spec.name }, { model: spec.name, defaults: spec.defaults });
  planPasses(request, spec);
  return { unused: [...new Set(unused)] };
}
