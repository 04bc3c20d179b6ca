/** The ControlNets of this machine, found for what a draft asks of them. */
import { DarkroomError, inARow, offer } from '../errors.ts';
import type { ControlDraft } from '../request.ts';
import { sentence, type Words } from '../sentences.ts';
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
  inventory.requireUsable('controlnet', name);
  const names = inventory.entries('controlnet').map((entry) => entry.name);
  const known = names.length === 0 ? sentence('control.none_installed') : offer(name, names);
  throw new DarkroomError(
    'not_found',
    sentence('control.none_called', { name: name.slice(0, 100), offer: known }),
  );
}

interface ChosenControls {
  /** Each with the name of its ControlNet, where the model has none of its own for it. */
  readonly controls: readonly ControlDraft[];
  /** Sentences for the user. */
  readonly notes: readonly Words[];
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
  const notes: Words[] = [];
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

async function forKind(kind: string, spec: ModelSpec, inventory: Inventory, notes: Words[]): Promise<Entry> {
  await inventory.look();
  await inventory.nearlySettled();
  const fitting = fittingControlnets(spec, inventory);
  const [first, ...others] = fitting.filter(({ control }) => control === kind);
  if (first === undefined) throw noneFor(kind, spec, fitting);
  if (others.length > 0) {
    const names = listed(others);
    notes.push(sentence('control.followed', { kind, name: first.name, others: names }));
  }
  return first;
}

function noneFor(kind: string, spec: ModelSpec, fitting: readonly Entry[]): DarkroomError {
  const kinds = new Set([...spec.controlnets.keys(), ...fitting.flatMap(({ control }) => control ?? [])]);
  const args = { model: spec.name, kind };
  const unknown = fitting.filter(({ control }) => control === undefined);
  const parts = [
    sentence('control.none_for', args),
    ...(kinds.size === 0 ? [] : [sentence('control.has_kinds', { kinds: [...kinds] })]),
    ...(unknown.length > 0 ? [sentence('control.of_no_kind', { names: listed(unknown) })] : []),
    ...(unknown.length === 0 && kinds.size === 0 ? [sentence('control.put_one')] : []),
  ];
  return new DarkroomError('bad_request', inARow(parts));
}

function listed(entries: readonly Entry[]): Words {
  const names = entries.slice(0, OFFERED).map(({ name }) => name);
  const more = entries.length - names.length;
  return more > 0 ? sentence('control.names_more', { names, more }) : names.join(', ');
}

/** @throws DarkroomError('unsupported') for a model whose denoiser takes none */
export function readerOf({ name, denoiser }: Pick<ModelSpec, 'name' | 'denoiser'>): ControlNetReader {
  if (denoiser.controlNets !== undefined) return denoiser.controlNets;
  throw new DarkroomError('unsupported', sentence('control.unsupported', { model: name }));
}

/** @throws what opening it throws, and where the model cannot use it */
async function requireFit({ path }: Entry, spec: ModelSpec): Promise<void> {
  const reader = readerOf(spec);
  const { component, isFile } = await openControlnet(path);
  reader.read(isFile ? reader.complete(component) : component);
}
