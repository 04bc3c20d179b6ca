/** The ControlNets of this machine, found for what a draft asks of them. */
import { DarkroomError, offerNames } from '../errors.ts';
import type { ControlDraft } from '../request.ts';
import { openControlnet } from './controlnet.ts';
import type { ControlNetReader } from './families/family.ts';
import type { Entry, Inventory } from './inventory/inventory.ts';
import type { ModelSpec } from './spec.ts';

/** Names in one sentence. */
const OFFERED = 6;

/** Those of a model's own kind of denoiser, as far as the inventory can tell. */
export const fittingControlnets = ({ denoiser }: ModelSpec, inventory: Inventory): Entry[] =>
  inventory
    .entries('controlnet')
    .filter((entry) => entry.refusal === undefined)
    .filter(({ family }) => denoiser.controlNets?.fits(family));

/**
 * By the name of its file or folder, as A1111 takes it.
 * @throws DarkroomError('not_found') that offers the nearest names
 */
export async function controlnetNamed(name: string, inventory: Inventory): Promise<Entry> {
  const found = await inventory.find('controlnet', name);
  if (found !== undefined) return found;
  await inventory.nearlySettled();
  const names = inventory.entries('controlnet').map((entry) => entry.name);
  const offer =
    names.length === 0
      ? 'None are installed: they belong in a folder of DARKROOM_MODELS, such as controlnet.'
      : offerNames(name, names);
  throw new DarkroomError('not_found', `There is no ControlNet ${name.slice(0, 100)}. ${offer}`);
}

export interface ChosenControls {
  /** Each with the name of its ControlNet, where the model has none of its own for it. */
  readonly controls: readonly ControlDraft[];
  /** Sentences for the user. */
  readonly notes: readonly string[];
}

/**
 * @throws DarkroomError('not_found') for a name that is not here, ('bad_request') where none fits, ('bad_model' |
 *   'unsupported') for one that the model cannot use
 */
export async function chooseControlnets(
  controls: readonly ControlDraft[],
  spec: ModelSpec,
  inventory: Inventory,
): Promise<ChosenControls> {
  if (controls.length > 0) readerOf(spec);
  const notes: string[] = [];
  const chosen: ControlDraft[] = [];
  for (const control of controls) {
    const { kind, controlnet } = control;
    if (controlnet === undefined && spec.controlnets.has(kind)) chosen.push(control);
    else {
      const entry =
        controlnet === undefined
          ? await forKind(kind, spec, inventory, notes)
          : await controlnetNamed(controlnet, inventory);
      await requireFit(entry, spec);
      chosen.push({ ...control, controlnet: entry.name });
    }
  }
  return { controls: chosen, notes };
}

async function forKind(kind: string, spec: ModelSpec, inventory: Inventory, notes: string[]): Promise<Entry> {
  await inventory.look();
  await inventory.nearlySettled();
  const fitting = fittingControlnets(spec, inventory);
  const [first, ...others] = fitting.filter(({ control }) => control === kind);
  if (first === undefined) throw noneFor(kind, spec, fitting);
  if (others.length > 0) {
    const names = listed(others);
    notes.push(
      `The ${kind} picture was followed with ${first.name}. --controlnet takes another one: ${names}.`,
    );
  }
  return first;
}

function noneFor(kind: string, spec: ModelSpec, fitting: readonly Entry[]): DarkroomError {
  const kinds = new Set([...spec.controlnets.keys(), ...fitting.flatMap(({ control }) => control ?? [])]);
  const offer = kinds.size === 0 ? '' : ` It has some for ${[...kinds].join(', ')}.`;
  const unknown = fitting.filter(({ control }) => control === undefined);
  const ask =
    unknown.length > 0
      ? ` What these follow is not known: ${listed(unknown)}. Choose one with --controlnet.`
      : kinds.size === 0
        ? ' Put one for this kind of model into DARKROOM_MODELS, or choose another model.'
        : '';
  return new DarkroomError('bad_request', `${spec.name} has no ControlNet for ${kind}.${offer}${ask}`);
}

function listed(entries: readonly Entry[]): string {
  const rest = entries.length > OFFERED ? ` and ${entries.length - OFFERED} more` : '';
  return `${entries
    .slice(0, OFFERED)
    .map(({ name }) => name)
    .join(', ')}${rest}`;
}

/** @throws DarkroomError('unsupported') for a model whose denoiser takes none */
export function readerOf({ name, denoiser }: Pick<ModelSpec, 'name' | 'denoiser'>): ControlNetReader {
  if (denoiser.controlNets !== undefined) return denoiser.controlNets;
  throw new DarkroomError(
    'unsupported',
    `${name} does not support ControlNets; models of Stable Diffusion 1, 2 and XL do. Remove the controls, or choose another model.`,
  );
}

/** @throws what opening it throws, and where the model cannot use it */
async function requireFit({ path }: Entry, spec: ModelSpec): Promise<void> {
  const reader = readerOf(spec);
  const { component, isFile } = await openControlnet(path);
  reader.read(isFile ? reader.complete(component) : component);
}
