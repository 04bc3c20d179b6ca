/**
 * Models with LoRAs. A LoRA of low rank goes beside the weights (branches.ts): the component with places for it is opened
 * once and serves all of them. What has no low rank, or too large a one, is folded into the weights (fold.ts): a component
 * of its own. The other components stay those of the model, so that nothing of them is opened again.
 */
import { isBlockType } from '../../graph/block-types.ts';
import type { Component } from '../../graph/component.ts';
import { Lru } from '../../lru.ts';
import type { Arithmetic } from '../../models/lora/delta.ts';
import type { AdaptedPart } from '../../models/lora/modules.ts';
import { componentsOf } from '../../models/lora/plan.ts';
import { ValueReader } from '../../models/lora/values.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { Feeds } from '../../tensor.ts';
import { type Device, targetOf } from '../device.ts';
import { Multiplier, readBlocks } from './arithmetic.ts';
import { branchFeeds, canBranch, withBranches } from './branches.ts';
import type { WeightedChange } from './change.ts';
import { type ComponentUsers, FoldedComponents } from './folded.ts';
import type { Loras } from './read.ts';

/** Bytes of factors that are kept in memory: some LoRAs of SDXL at rank 32 in float32. */
const FACTOR_BYTES = 2 ** 31;
/** Combinations of components that are kept for each model. */
const COMBINATIONS = 16;

/** A model as a request's LoRAs make it. */
export interface Adapted {
  readonly spec: ModelSpec;
  /** What the graphs of its parts take beside their usual inputs. */
  readonly feeds: ReadonlyMap<AdaptedPart, Feeds>;
  /** The same where the text encoders are given the same factors. */
  readonly key: string;
  /** What the factors take up. */
  readonly bytes: number;
}

/** A component with places for factors, which grow as LoRAs need more. */
interface Branched {
  readonly modules: Set<string>;
  component: Component;
}

const NOBODY: ComponentUsers = { isUsed: () => false, forget() {} };

export class AdaptedModels {
  readonly #device: Device;
  readonly #users: ComponentUsers;
  readonly #multiplier: Multiplier;
  readonly #folded: FoldedComponents;
  /** By the component as the model has it. */
  readonly #branched = new WeakMap<Component, Branched>();
  readonly #factors = new Lru<Feeds>({ limit: FACTOR_BYTES });
  /** By the components that are not the model's own. */
  readonly #models = new WeakMap<ModelSpec, Lru<ModelSpec>>();
  readonly #ids = new WeakMap<Component, number>();
  #components = 0;

  constructor(device: Device, users: ComponentUsers = NOBODY) {
    this.#device = device;
    this.#users = users;
    this.#multiplier = new Multiplier(device);
    this.#folded = new FoldedComponents(device, users);
  }

  /** @returns the model itself where the LoRAs change nothing */
  async adapt(spec: ModelSpec, loras: Loras): Promise<Adapted> {
    if (loras.changes.length === 0) return { spec, feeds: new Map(), key: '', bytes: 0 };
    const own = componentsOf(spec);
    const changed = new Map<AdaptedPart, Component>();
    const feeds = new Map<AdaptedPart, Feeds>();
    await this.#reading(async (arithmetic) => {
      for (const [part, changes] of Map.groupBy(loras.changes, ({ place }) => place.part)) {
        const component = own.get(part)!;
        if (canBranch(changes, component)) {
          const branched = this.#withPlaces(component, changes);
          changed.set(part, branched);
          feeds.set(part, await this.#feedsOf(branched, changes, { loras: loras.key, arithmetic }));
        } else {
          const how = { key: `${this.#idOf(component)}\n${loras.key}`, loras: loras.key, arithmetic };
          changed.set(part, await this.#folded.fold(component, changes, how));
        }
      }
    });
    const isRead = feeds.keys().some((part) => part !== 'denoiser');
    return {
      ...{ spec: this.#modelWith(spec, changed), feeds },
      key: isRead ? loras.key : '',
      bytes: feeds.values().reduce((sum, inputs) => sum + bytesOf(inputs), 0),
    };
  }

  async close(): Promise<void> {
    this.#factors.clear();
    await this.#folded.close();
    await this.#multiplier.close();
  }

  #idOf(component: Component): number {
    const id = this.#ids.get(component) ?? this.#components++;
    this.#ids.set(component, id);
    return id;
  }

  #withPlaces(base: Component, changes: readonly WeightedChange[]): Component {
    const known = this.#branched.get(base) ?? { modules: new Set<string>(), component: base };
    this.#branched.set(base, known);
    const { size } = known.modules;
    for (const { place } of changes) known.modules.add(place.module);
    if (known.modules.size > size) {
      const before = known.component;
      known.component = withBranches(base, known.modules);
      if (before !== base) this.#users.forget(before);
    }
    return known.component;
  }

  async #feedsOf(
    component: Component,
    changes: readonly WeightedChange[],
    { loras, arithmetic }: { readonly loras: string; readonly arithmetic: Arithmetic },
  ): Promise<Feeds> {
    const key = `${this.#idOf(component)}\n${loras}`;
    const { type } = targetOf(this.#device);
    const feeds = this.#factors.get(key) ?? (await branchFeeds(component, changes, { type, arithmetic }));
    this.#factors.set(key, feeds, bytesOf(feeds));
    return feeds;
  }

  /** One and the same for the same components, for whoever keeps models open. */
  #modelWith(spec: ModelSpec, changed: ReadonlyMap<AdaptedPart, Component>): ModelSpec {
    const models = this.#models.get(spec) ?? new Lru<ModelSpec>({ limit: COMBINATIONS });
    this.#models.set(spec, models);
    const key = Array.from(changed, ([part, component]) => `${part} ${this.#idOf(component)}`).sort();
    const found = models.get(key.join('\n')) ?? withComponents(spec, changed);
    models.set(key.join('\n'), found);
    return found;
  }

  async #reading<Result>(work: (arithmetic: Arithmetic) => Promise<Result>): Promise<Result> {
    const values = new ValueReader();
    try {
      return await work({
        multiply: this.#multiplier.multiply.bind(this.#multiplier),
        read: (stored) =>
          isBlockType(stored.dtype) ? readBlocks(stored, this.#device) : values.read(stored),
      });
    } finally {
      await values.close();
    }
  }
}

/** The same model over other weights. */
function withComponents(spec: ModelSpec, changed: ReadonlyMap<AdaptedPart, Component>): ModelSpec {
  const { denoiser, textEncoders } = spec;
  const component = changed.get('denoiser') ?? denoiser.component;
  return {
    ...spec,
    denoiser: {
      ...denoiser,
      component,
      graph: (nets, target, own = component) => denoiser.graph(nets, target, own),
    },
    textEncoders: textEncoders.map((part) => {
      const own = changed.get(part.name) ?? part.component;
      return { ...part, component: own, graph: (target, other = own) => part.graph(target, other) };
    }),
    graph(part, target) {
      const of = changed.get(part as AdaptedPart);
      if (of === undefined) return spec.graph(part, target);
      if (part === 'denoiser') return denoiser.graph([], target, of);
      return textEncoders.find(({ name }) => name === part)!.graph(target, of);
    },
  };
}

const bytesOf = (feeds: Feeds): number =>
  Object.values(feeds).reduce((sum, { data }) => sum + data.byteLength, 0);
