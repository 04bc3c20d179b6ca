/** The ControlNets of a request, found and checked against the model before anything is loaded. */
import { join, sep } from 'node:path';
import { DarkroomError } from '../../errors.ts';
import type { Component } from '../../graph/component.ts';
import { isControlnetFolder, openControlnet } from '../../models/controlnet.ts';
import type { ControlNetTraits } from '../../models/families/family.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { ControlRequest, GenerationRequest } from '../../request.ts';

export interface ControlNet extends ControlNetTraits {
  /** One for each ControlNet, and another one once its files have changed. */
  readonly id: string;
  readonly component: Component;
}

/** @param folders that hold models and ControlNets, or are one themselves */
export async function openControlnets(
  request: GenerationRequest,
  spec: ModelSpec,
  folders: readonly string[],
): Promise<ControlNet[]> {
  if (request.controls.length === 0) return [];
  const { controlNets } = spec.denoiser;
  if (controlNets === undefined) {
    throw new DarkroomError(
      'unsupported',
      `${spec.name} does not support ControlNets; models of Stable Diffusion 1, 2 and XL do. Remove the controls, or choose another model.`,
    );
  }
  return await Promise.all(
    request.controls.map(async (control) => {
      const folder = await folderOf(control, spec, folders);
      const { component, version } = await openControlnet(folder);
      return { id: `${folder}\n${version}`, component, ...controlNets.read(component) };
    }),
  );
}

async function folderOf(
  { kind, controlnet }: ControlRequest,
  spec: ModelSpec,
  folders: readonly string[],
): Promise<string> {
  if (controlnet === undefined) {
    const own = spec.controlnets.get(kind);
    if (own !== undefined) return own;
    const known = [...spec.controlnets.keys()];
    const offer = known.length === 0 ? '' : ` It has some for ${known.join(', ')}.`;
    throw new DarkroomError(
      'bad_request',
      `${spec.name} has no ControlNet for ${kind} of its own.${offer} Name one in the control's controlnet field.`,
    );
  }
  // Never a path: what comes from a chat must not wander through folders. It is the name of one, or of one among
  // many, or the tail of a folder that the operator has named.
  for (const folder of folders) {
    if (`/${folder.split(sep).join('/')}`.endsWith(`/${controlnet}`) && (await isControlnetFolder(folder)))
      return folder;
  }
  if (!/[/\\]|^\.*$/.test(controlnet)) {
    for (const folder of folders) {
      if (await isControlnetFolder(join(folder, controlnet))) return join(folder, controlnet);
    }
  }
  throw new DarkroomError('not_found', `There is no ControlNet ${controlnet}. Check its name.`);
}
