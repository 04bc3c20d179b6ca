/**
 * How a LoRA fits a model, decided from headers alone: which of its tensors change what, and which are left over. No
 * tensor is left out in silence.
 */
import { DarkroomError } from '../../errors.ts';
import type { Component, StoredTensor } from '../../graph/component.ts';
import { type Sentence, sentence } from '../../sentences.ts';
import type { ModelSpec } from '../spec.ts';
import { type Adapter, type AdapterTensors, adapterOf } from './adapter.ts';
import type { LoraFile } from './file.ts';
import { otherKind, type Role, readKey, refuseAdapters, refuseKind } from './key.ts';
import { type AdaptedPart, type Place, placesOf } from './modules.ts';
import { originOf } from './origin.ts';
import { FLOAT_TYPES, isFloat, isWhole, ValueReader } from './values.ts';

/** One change of one module. */
export interface Change {
  readonly place: Place;
  readonly adapter: Adapter;
  /** alpha by the file's settings, for a module without a tensor of it. */
  readonly alpha: number | undefined;
}

export interface LoraPlan {
  readonly changes: readonly Change[];
  /** Of the file's tensors, those that change something. */
  readonly used: number;
  readonly total: number;
  /** Names of the others. */
  readonly unused: readonly string[];
}

interface Module {
  readonly name: string;
  readonly tensors: AdapterTensors;
}

/**
 * @throws DarkroomError('unsupported') for a LoRA of another family or of an unsupported kind, ('bad_model')
 *   where the file contradicts itself
 */
export function planLora(
  file: LoraFile,
  spec: Pick<ModelSpec, 'name' | 'denoiser' | 'textEncoders'>,
): LoraPlan {
  const origin = originOf(file);
  if (origin !== undefined && spec.denoiser.loraKin?.includes(origin) === true) {
    throw new DarkroomError(
      'unsupported',
      sentence('lora.of_kin', { name: file.name, origin, model: spec.name }),
    );
  }
  const { modules, unknown } = modulesOf(file);
  const places = placesOf(spec);
  const components = componentsOf(spec);
  const changes: Change[] = [];
  const unused = [...unknown];
  for (const module of modules) {
    // Some programs write a module's own dots behind a prefix of underscores: lora_unet_down_blocks.0.
    const found = places.get(module.name) ?? places.get(module.name.replaceAll('.', '_')) ?? [];
    const names = Object.values(module.tensors).map((tensor) => tensor!.name);
    if (found.length === 0) {
      unused.push(...names);
      continue;
    }
    const adapter = adapterOf(module.tensors);
    if (typeof adapter === 'string') throw broken(file, adapter);
    const left = new Set(names);
    for (const place of found) {
      const { part, module: target } = place;
      const { tensors } = components.get(part)!;
      const of = { weight: tensors.get(`${target}.weight`), bias: tensors.get(`${target}.bias`) };
      if (adapter.kind !== 'bias') {
        if (of.weight === undefined || !isFitting(adapter, place, of.weight))
          throw misfit(file, spec.name, module.name, adapter, of.weight);
      }
      const { biasDifference } = module.tensors;
      const fitsBias =
        biasDifference !== undefined &&
        of.bias !== undefined &&
        isFittingBias(biasDifference, place, of.bias);
      if (adapter.kind === 'bias' && !fitsBias) continue;
      for (const tensor of names) if (tensor !== biasDifference?.name || fitsBias) left.delete(tensor);
      changes.push({
        place,
        adapter: fitsBias ? adapter : withoutBias(adapter),
        alpha: file.alphaOf(module.name),
      });
    }
    unused.push(...left);
  }
  const total = file.tensors.size;
  const used = total - unused.length;
  // A file for another model shares a few names with this one at most.
  if (used * 2 < total || changes.length === 0) throw foreign(file, spec.name, used);
  return { changes, used, total, unused: unused.sort() };
}

/** @returns a sentence for the user about tensors that change nothing; undefined where all are used */
export function describeUnused({ used, total, unused }: LoraPlan, name: string): Sentence | undefined {
  if (unused.length === 0) return undefined;
  const shown = unused.slice(0, SHOWN).map((tensor) => tensor.slice(0, SHOWN_CHARACTERS));
  const more = unused.length - shown.length;
  const args = { name, used: count(used), total: count(total), tensors: shown };
  return more > 0 ? sentence('lora.unused_more', { ...args, more }) : sentence('lora.unused', args);
}

/**
 * A layer's change is multiplied by its alpha: files that were shrunk or merged wrongly have zeros there.
 * @returns a sentence for the user about layers that change nothing for that reason; undefined where there are none
 * @throws DarkroomError('bad_model') where the file has become shorter
 */
export async function describeIdle(
  { changes }: Pick<LoraPlan, 'changes'>,
  name: string,
): Promise<Sentence | undefined> {
  const values = new ValueReader();
  const alphas = new Set(changes.flatMap(({ adapter: { tensors, rank } }) => (rank && tensors.alpha) || []));
  try {
    let idle = 0;
    for (const alpha of alphas) if ((await values.read(alpha))[0] === 0) idle++;
    if (idle === 0) return undefined;
    const modules = new Set(changes.map(({ adapter }) => Object.values(adapter.tensors)[0]!.name)).size;
    return idle >= modules
      ? sentence('lora.idle', { name })
      : sentence('lora.idle_layers', { name, idle: count(idle), modules: count(modules) });
  } finally {
    await values.close();
  }
}

const SHOWN = 3;
const SHOWN_CHARACTERS = 80;
const count = (n: number) => n.toLocaleString('en');

function modulesOf(file: LoraFile): { modules: Module[]; unknown: string[] } {
  const several = refuseAdapters(file.name, file.tensors.keys());
  if (several !== undefined) throw new DarkroomError('unsupported', several);
  const modules = new Map<string, Partial<Record<Role, StoredTensor>>>();
  const unknown: string[] = [];
  for (const [name, stored] of file.tensors) {
    const kind = otherKind(name);
    if (kind !== undefined) {
      throw new DarkroomError('unsupported', refuseKind(file.name, kind));
    }
    const key = readKey(name);
    if (key === undefined) {
      unknown.push(name);
      continue;
    }
    if (!isFloat(stored) && !(key.role === 'alpha' && isWhole(stored))) {
      throw new DarkroomError(
        'unsupported',
        sentence('lora.dtype', { name: file.name, tensor: name, dtype: stored.dtype, known: FLOAT_TYPES }),
      );
    }
    const tensors = modules.get(key.module) ?? {};
    if (tensors[key.role] !== undefined)
      throw broken(file, `${name} and ${tensors[key.role]!.name} say the same`);
    tensors[key.role] = stored;
    modules.set(key.module, tensors);
  }
  return { modules: Array.from(modules, ([name, tensors]) => ({ name, tensors })), unknown };
}

export function componentsOf({
  denoiser,
  textEncoders,
}: Pick<ModelSpec, 'denoiser' | 'textEncoders'>): ReadonlyMap<AdaptedPart, Component> {
  return new Map<AdaptedPart, Component>([
    ['denoiser', denoiser.component],
    ...textEncoders.map(({ name, component }) => [name, component] as const),
  ]);
}

function isFitting({ rows, columns }: Adapter, place: Place, weight: StoredTensor): boolean {
  const [outputs = 1, ...rest] = weight.shape;
  const inputs = rest.reduce((product, side) => product * side, 1);
  const { of, count = 1 } = place.rows ?? { of: 1 };
  return rows * count === outputs * of && columns === inputs;
}

function isFittingBias(difference: StoredTensor, place: Place, bias: StoredTensor): boolean {
  const { of, count = 1 } = place.rows ?? { of: 1 };
  return difference.shape.reduce((product, side) => product * side, count) === bias.shape[0]! * of;
}

function withoutBias({ tensors: { biasDifference: _, ...tensors }, ...adapter }: Adapter): Adapter {
  return { ...adapter, tensors };
}

const broken = (file: LoraFile, what: string) =>
  new DarkroomError('bad_model', sentence('lora.broken', { name: file.name, what }));

function misfit(
  file: LoraFile,
  model: string,
  module: string,
  { rows, columns }: Adapter,
  weight: StoredTensor | undefined,
): DarkroomError {
  const origin = originOf(file);
  const [outputs = 0, ...rest] = weight?.shape ?? [];
  const whose =
    origin === undefined
      ? sentence('lora.for_another', { name: file.name })
      : sentence('lora.for', { name: file.name, origin });
  const size = `${outputs} x ${rest.reduce((product, side) => product * side, 1)}`;
  const here = weight === undefined ? sentence('lora.without_weight') : sentence('lora.of_size', { size });
  return new DarkroomError(
    'unsupported',
    sentence('lora.misfit', { whose, model, layer: module.slice(0, 120), rows, columns, here }),
  );
}

function foreign(file: LoraFile, model: string, used: number): DarkroomError {
  const origin = originOf(file);
  const total = file.tensors.size;
  const fitting = used === 0 ? 'none' : `${used}`;
  if (origin !== undefined) {
    return new DarkroomError(
      'unsupported',
      sentence('lora.of_other', { name: file.name, origin, model, fitting, total }),
    );
  }
  return new DarkroomError(
    'unsupported',
    sentence('lora.foreign', { name: file.name, model, fitting, total }),
  );
}
