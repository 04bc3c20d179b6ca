/** The ControlNets of a request, found and checked against the model before anything is loaded. */
import { join, sep } from 'node:path';
import { DarkroomError, inARow } from '../../errors.ts';
import type { Component } from '../../graph/component.ts';
import { Lru } from '../../lru.ts';
import { isControlnetFolder, openControlnet } from '../../models/controlnet.ts';
import type { ControlNetTraits } from '../../models/families/family.ts';
import type { Inventory } from '../../models/inventory/inventory.ts';
import { controlnetNamed, readerOf } from '../../models/known-controlnets.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { ControlRequest, GenerationRequest } from '../../request.ts';
import { sentence } from '../../sentences.ts';

export interface ControlNet extends ControlNetTraits {
  /** One for each ControlNet, and another one once its files have changed. */
  readonly id: string;
  /** Of its file or folder. */
  readonly path: string;
  readonly component: Component;
}

/** Where ControlNets are found by name. */
export interface ControlnetPlaces {
  /** Folders that hold models and ControlNets, or are one themselves. */
  readonly folders: readonly string[];
  readonly inventory: Inventory;
}

/** One and the same for all requests, since what is computed from it is kept by it. */
const components = new Lru<Component>({ limit: 16 });

/**
 * Needs no weights.
 * @throws DarkroomError for one that is not here, or that the model cannot use
 */
export async function openControlnets(
  request: GenerationRequest,
  spec: ModelSpec,
  places: ControlnetPlaces,
): Promise<ControlNet[]> {
  if (request.controls.length === 0) return [];
  const controlNets = readerOf(spec);
  return await Promise.all(
    request.controls.map(async (control) => {
      const path = await pathOf(control, spec, places);
      const { component: own, isFile, version } = await openControlnet(path);
      const id = `${path}\n${version}`;
      const component = components.get(id) ?? (isFile ? controlNets.complete(own) : own);
      components.set(id, component);
      return { id, path, component, ...controlNets.read(component) };
    }),
  );
}

async function pathOf(
  { kind, controlnet }: ControlRequest,
  spec: ModelSpec,
  { folders, inventory }: ControlnetPlaces,
): Promise<string> {
  if (controlnet === undefined) {
    const own = spec.controlnets.get(kind);
    if (own !== undefined) return own;
    const known = [...spec.controlnets.keys()];
    throw new DarkroomError(
      'bad_request',
      inARow([
        sentence('control.none_of_its_own', { model: spec.name, kind }),
        ...(known.length === 0 ? [] : [sentence('control.has_kinds', { kinds: known })]),
        sentence('control.name_one'),
      ]),
    );
  }
  // Never a path: what comes from a chat must not wander through folders. It is the name of one, or of one among
  // many, or the tail of a folder that the operator has named.
  for (const folder of folders) {
    if (`/${folder.split(sep).join('/')}`.endsWith(`/${controlnet}`) && (await isControlnetFolder(folder)))
      return folder;
  }
  const isName = !/[/\\]|^\.*$/.test(controlnet);
  for (const folder of isName ? folders : []) {
    if (await isControlnetFolder(join(folder, controlnet))) return join(folder, controlnet);
  }
  return (await controlnetNamed(controlnet, inventory)).path;
}
