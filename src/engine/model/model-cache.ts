/** The models that are open: a few are kept, the least recently used one is closed first. */
import { Lru } from '../../lru.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { Device } from '../device.ts';
import { Components } from './components.ts';

export type { Components, DenoiserCall } from './components.ts';

/** A model in use by a run. */
export interface ModelLease {
  readonly components: Components;
  /** Gives the model back; safe to call twice. */
  release(): Promise<void>;
}

interface Kept {
  readonly components: Components;
  leases: number;
}

export class ModelCache {
  readonly #device: Device;
  readonly #kept: Lru<Kept>;
  /** One for each spec: a folder whose files changed is another model, and the old one stays until its runs end. */
  readonly #keys = new WeakMap<ModelSpec, string>();
  #models = 0;
  /** Models that left the cache and still hold memory. */
  readonly #closing = new Set<Promise<void>>();

  /** @param limit models kept open; those in use may be more */
  constructor(limit: number, device: Device) {
    this.#device = device;
    this.#kept = new Lru({
      limit,
      isIdle: ({ leases }) => leases === 0,
      onDrop: ({ components }) => this.#close(components),
    });
  }

  /** Resolves once the models that had to make room are closed. */
  async lease(spec: ModelSpec): Promise<ModelLease> {
    const key = this.#keys.get(spec) ?? `${this.#models++}`;
    this.#keys.set(spec, key);
    const kept = this.#kept.get(key) ?? {
      components: new Components(spec, this.#device),
      leases: 0,
    };
    kept.leases++;
    this.#kept.set(key, kept);
    await Promise.all(this.#closing);
    let released = false;
    return {
      components: kept.components,
      release: async () => {
        if (released) return;
        released = true;
        kept.leases--;
        this.#kept.trim();
        await Promise.all(this.#closing);
      },
    };
  }

  async close(): Promise<void> {
    for (const { components } of this.#kept.clear()) this.#close(components);
    await Promise.all(this.#closing);
  }

  #close(components: Components): void {
    const closing = components.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
