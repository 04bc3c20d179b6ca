/**
 * The models that are open. Those that no run uses stay open as long as the job that comes next has room beside them; the
 * one that is cheapest to open again for what it takes up is closed first (GreedyDual-Size, Cao and Irani 1997).
 */
import type { Component } from '../../graph/component.ts';
import type { ComponentName, ModelSpec } from '../../models/spec.ts';
import type { Device } from '../device.ts';
import type { KeptBytes } from '../memory/memory.ts';
import { Components } from './components.ts';
import { componentOf, Parts } from './parts.ts';
import { Preparing } from './preparing.ts';

export type { Components, DenoiserCall } from './components.ts';
export { type PreparedPart, prepareModel } from './prepare-model.ts';
export { Preparing } from './preparing.ts';

/** A model in use by a run. */
export interface ModelLease {
  readonly components: Components;
  /** As the room that was asked for has it. */
  readonly spare: number | undefined;
  /** Gives the model back; safe to call twice. */
  release(): Promise<void>;
}

/** What a job needs of the memory. */
export interface Room {
  /** Bytes of the job, at most. */
  readonly bytes: number;
  /** What its model keeps afterwards. */
  readonly kept: KeptBytes;
  /** Bytes for all models; undefined where nobody knows, and MODELS_KEPT stay open. */
  readonly budget: number | undefined;
  /** Bytes that the job leaves free of what other runs do not use; undefined as the budget. */
  readonly spare: number | undefined;
  /** Whether its weights must stay as they are stored to fit. */
  readonly asStored: boolean;
  /** Whether what is open of it must be closed first: it holds what larger pictures have taken. */
  readonly isReopened?: boolean;
}

/** What is open of a model. */
export interface OpenBytes {
  readonly parts: ReadonlyMap<ComponentName, number>;
  /** Whether a run uses some of it, so that it cannot be closed. */
  readonly isUsed: boolean;
}

/** Models that stay open besides the one in use, where nobody knows how much memory there is. */
const MODELS_KEPT = 1;

interface Kept {
  readonly components: Components;
  leases: number;
  readonly parts: Map<ComponentName, number>;
  own: number;
  /** Whether no job will ask for it again. */
  isForgotten: boolean;
  /** The one with the least is closed first. */
  worth: number;
}

export class ModelCache {
  readonly #device: Device;
  /** One for each spec: a folder whose files changed is another model, and the old one stays until its runs end. */
  readonly #kept = new Map<ModelSpec, Kept>();
  /** What the last closed model was worth: it ages those that are not used. */
  #age = 0;
  /** Models that left the cache and still hold memory. */
  readonly #closing = new Set<Promise<void>>();
  readonly #preparing: Preparing;
  readonly #parts: Parts;

  constructor(device: Device, preparing = new Preparing(device)) {
    this.#device = device;
    this.#preparing = preparing;
    this.#parts = new Parts(device, preparing);
  }

  /** Bytes that open models hold. @param spec one that is left out, with all that other models share with it */
  held(spec?: ModelSpec): { readonly inUse: number; readonly all: number } {
    const inUse = [...this.#kept].filter(([other, { leases }]) => other !== spec && leases > 0);
    return { inUse: bytesOf(inUse, spec), all: bytesOf(this.#kept) };
  }

  /** What is open of a model, also by others that share components with it. */
  openOf(spec: ModelSpec): OpenBytes {
    const own = componentsOf(spec);
    const parts = new Map<ComponentName, number>();
    let isUsed = false;
    for (const [other, kept] of this.#kept) {
      for (const [name, size] of kept.parts) {
        if (!own.has(componentOf(other, name))) continue;
        parts.set(name, Math.max(size, parts.get(name) ?? 0));
        isUsed ||= kept.leases > 0;
      }
    }
    return { parts, isUsed };
  }

  /** Whether a run uses a model that has this component. */
  isUsed(component: Component): boolean {
    return [...this.#kept].some(([spec, { leases }]) => leases > 0 && componentsOf(spec).has(component));
  }

  /** A component that no job will ask for again: its models are closed unless runs use them. */
  forget(component: Component): void {
    for (const [spec, kept] of this.#kept) {
      if (!componentsOf(spec).has(component)) continue;
      kept.isForgotten = true;
      if (kept.leases > 0) continue;
      this.#kept.delete(spec);
      this.#close(kept);
    }
  }

  /** Resolves once the models that had to make room are closed. */
  async lease(
    spec: ModelSpec,
    { bytes, kept: { parts, own }, budget, spare, asStored, isReopened }: Room,
  ): Promise<ModelLease> {
    if (isReopened === true) this.#closeSharing(spec);
    const kept = this.#current(spec, asStored) ?? {
      components: new Components(spec, this.#device, { parts: this.#parts, asStored }),
      ...{ leases: 0, parts: new Map(), own, isForgotten: false, worth: 0 },
    };
    this.#kept.set(spec, kept);
    kept.own = Math.max(kept.own, own);
    for (const [name, size] of parts) kept.parts.set(name, Math.max(size, kept.parts.get(name) ?? 0));
    kept.leases++;
    this.#makeRoom(spec, bytes, budget);
    await Promise.all(this.#closing);
    const end = await this.#preparing.hold();
    let released = false;
    return {
      components: kept.components,
      spare,
      release: async () => {
        if (released) return;
        released = true;
        kept.leases--;
        const size = bytesOf([[spec, kept]]);
        kept.worth = this.#age + kept.components.secondsToOpen / Math.max(1, size);
        // Runs that began later have faster sessions of their own.
        const isCurrent = this.#kept.get(spec) === kept;
        if (kept.leases === 0 && (!isCurrent || kept.isForgotten)) {
          if (isCurrent) this.#kept.delete(spec);
          this.#close(kept);
        }
        await Promise.all(this.#closing);
        end();
      },
    };
  }

  async close(): Promise<void> {
    for (const kept of this.#kept.values()) this.#close(kept);
    this.#kept.clear();
    await Promise.all(this.#closing);
  }

  /** Closes what no run uses of the models that have a component of this one. */
  #closeSharing(spec: ModelSpec): void {
    const own = componentsOf(spec);
    for (const [other, kept] of this.#kept) {
      if (kept.leases > 0 || own.isDisjointFrom(componentsOf(other))) continue;
      this.#kept.delete(other);
      this.#close(kept);
    }
  }

  #makeRoom(wanted: ModelSpec, bytes: number, budget: number | undefined): void {
    const idle = [...this.#kept]
      .filter(([spec, kept]) => spec !== wanted && kept.leases === 0)
      .sort(([, a], [, b]) => a.worth - b.worth);
    const fits = () => {
      const others = [...this.#kept].filter(([spec]) => spec !== wanted);
      if (budget !== undefined) return bytesOf(others, wanted) + bytes <= budget;
      const denoisers = new Set(others.map(([spec]) => spec.denoiser.component));
      denoisers.delete(wanted.denoiser.component);
      return denoisers.size <= MODELS_KEPT;
    };
    for (const [spec, kept] of idle) {
      if (fits()) return;
      this.#age = Math.max(this.#age, kept.worth);
      this.#kept.delete(spec);
      this.#close(kept);
    }
  }

  /** The open model, unless faster sessions can be opened by now, or it must be opened otherwise and no run uses it. */
  #current(spec: ModelSpec, asStored: boolean): Kept | undefined {
    const kept = this.#kept.get(spec);
    if (kept === undefined) return undefined;
    const { isOutdated, asStored: isStored } = kept.components;
    const isOtherwise = isStored !== asStored && kept.leases === 0;
    if (!isOutdated && !isOtherwise) return kept;
    this.#kept.delete(spec);
    if (kept.leases === 0) this.#close(kept);
    return undefined;
  }

  #close({ components }: Kept): void {
    const closing = components.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

const componentsOf = ({ denoiser, textEncoders, vae, upscaler }: ModelSpec): Set<Component> =>
  new Set([
    denoiser.component,
    ...textEncoders.map(({ component }) => component),
    ...(upscaler === undefined ? [vae] : [vae, upscaler]),
  ]);

/** What several models share counts once. @param without a model whose components do not count at all */
function bytesOf(
  models: Iterable<readonly [ModelSpec, Pick<Kept, 'parts' | 'own'>]>,
  without?: ModelSpec,
): number {
  const left = without === undefined ? new Set() : componentsOf(without);
  const shared = new Map<Component, Map<ComponentName, number>>();
  let bytes = 0;
  for (const [spec, { parts, own }] of models) {
    bytes += own;
    for (const [name, size] of parts) {
      const component = componentOf(spec, name);
      if (left.has(component)) continue;
      const sizes = shared.get(component) ?? new Map<ComponentName, number>();
      shared.set(component, sizes.set(name, Math.max(size, sizes.get(name) ?? 0)));
    }
  }
  const sizes = shared.values().flatMap((names) => names.values());
  return sizes.reduce((sum, size) => sum + size, bytes);
}
