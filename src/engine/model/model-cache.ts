/**
 * The models that are open. Those that no run uses stay open as long as the job that comes next has room beside them; the
 * one that is cheapest to open again for what it takes up is closed first (GreedyDual-Size, Cao and Irani 1997).
 */
import type { ModelSpec } from '../../models/spec.ts';
import type { Device } from '../device.ts';
import { Components } from './components.ts';
import { Preparing } from './preparing.ts';

export type { Components, DenoiserCall } from './components.ts';
export { Preparing } from './preparing.ts';

/** A model in use by a run. */
export interface ModelLease {
  readonly components: Components;
  /** Gives the model back; safe to call twice. */
  release(): Promise<void>;
}

/** What a job needs of the memory. */
export interface Room {
  /** Bytes of the job, at most. */
  readonly bytes: number;
  /** Bytes that its model keeps afterwards. */
  readonly kept: number;
  /** Bytes for all models; undefined where nobody knows, and MODELS_KEPT stay open. */
  readonly budget: number | undefined;
}

/** Models that stay open besides the one in use, where nobody knows how much memory there is. */
const MODELS_KEPT = 1;

interface Kept {
  readonly components: Components;
  leases: number;
  /** Bytes. */
  size: number;
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

  constructor(device: Device, preparing = new Preparing(device)) {
    this.#device = device;
    this.#preparing = preparing;
  }

  /** Bytes that open models hold. @param spec one that is left out */
  held(spec?: ModelSpec): { readonly inUse: number; readonly all: number } {
    const others = [...this.#kept].filter(([other]) => other !== spec).map(([, kept]) => kept);
    const total = (some: readonly Kept[]) => some.reduce((sum, { size }) => sum + size, 0);
    return { inUse: total(others.filter(({ leases }) => leases > 0)), all: total([...this.#kept.values()]) };
  }

  /** Resolves once the models that had to make room are closed. */
  async lease(spec: ModelSpec, { bytes, kept: size, budget }: Room): Promise<ModelLease> {
    const kept = this.#current(spec) ?? {
      components: new Components(spec, this.#device, this.#preparing),
      ...{ leases: 0, size, worth: 0 },
    };
    this.#kept.set(spec, kept);
    kept.size = Math.max(kept.size, size);
    kept.leases++;
    this.#makeRoom(kept, bytes, budget);
    await Promise.all(this.#closing);
    const end = await this.#preparing.hold();
    let released = false;
    return {
      components: kept.components,
      release: async () => {
        if (released) return;
        released = true;
        kept.leases--;
        kept.worth = this.#age + kept.components.secondsToOpen / Math.max(1, kept.size);
        // Runs that began later have faster sessions of their own.
        if (kept.leases === 0 && this.#kept.get(spec) !== kept) this.#close(kept);
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

  #makeRoom(wanted: Kept, bytes: number, budget: number | undefined): void {
    const idle = [...this.#kept]
      .filter(([, kept]) => kept !== wanted && kept.leases === 0)
      .sort(([, a], [, b]) => a.worth - b.worth);
    const fits = () => {
      const others = [...this.#kept.values()].filter((kept) => kept !== wanted);
      if (budget === undefined) return others.length <= MODELS_KEPT;
      return others.reduce((sum, { size }) => sum + size, bytes) <= budget;
    };
    for (const [spec, kept] of idle) {
      if (fits()) return;
      this.#age = Math.max(this.#age, kept.worth);
      this.#kept.delete(spec);
      this.#close(kept);
    }
  }

  /** The open model, unless faster sessions can be opened by now. */
  #current(spec: ModelSpec): Kept | undefined {
    const kept = this.#kept.get(spec);
    if (kept?.components.isOutdated !== true) return kept;
    this.#kept.delete(spec);
    if (kept.leases === 0) this.#close(kept);
    return undefined;
  }

  #close({ components }: Kept): void {
    const closing = components.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
