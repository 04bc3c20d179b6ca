/**
 * Models with LoRAs. A LoRA of low rank goes beside the weights (branches.ts): the model with places for it is opened once
 * and serves all of them. What has no low rank, or too large a one, is folded into the weights (fold.ts): a model of its own.
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Component } from '../../graph/component.ts';
import { Lru } from '../../lru.ts';
import type { AdaptedPart } from '../../models/lora/modules.ts';
import { componentsOf } from '../../models/lora/plan.ts';
import { ValueReader } from '../../models/lora/values.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { Feeds } from '../../tensor.ts';
import { type Device, targetOf } from '../device.ts';
import { Multiplier } from './arithmetic.ts';
import { branchFeeds, canBranch, withBranches } from './branches.ts';
import type { WeightedChange } from './change.ts';
import { foldComponent } from './fold.ts';
import type { Loras } from './read.ts';

/** Models with folded weights that are kept on the disk. */
const FOLDED_KEPT = 4;
/** Bytes of factors that are kept in memory: some LoRAs of SDXL at rank 32 in float32. */
const FACTOR_BYTES = 2 ** 31;

/** A model as a request's LoRAs make it. */
export interface Adapted {
  readonly spec: ModelSpec;
  /** What the graphs of its parts take beside their usual inputs. */
  readonly feeds: ReadonlyMap<AdaptedPart, Feeds>;
  /** The same for the same LoRAs. */
  readonly key: string;
  /** What the factors take up. */
  readonly bytes: number;
}

interface Folded {
  readonly spec: Promise<ModelSpec>;
  readonly folder: Promise<string>;
}

/** A model with places for factors, which grow as LoRAs need more. */
interface Branched {
  readonly modules: Map<AdaptedPart, Set<string>>;
  version: number;
  spec: ModelSpec;
}

export class AdaptedModels {
  readonly #device: Device;
  readonly #multiplier: Multiplier;
  readonly #folded = new Lru<Folded>({ limit: FOLDED_KEPT, onDrop: removeFolder });
  readonly #branched = new WeakMap<ModelSpec, Branched>();
  readonly #factors = new Lru<ReadonlyMap<AdaptedPart, Feeds>>({ limit: FACTOR_BYTES });
  /** One for each spec: a model whose files changed is another one. */
  readonly #keys = new WeakMap<ModelSpec, number>();
  #models = 0;

  constructor(device: Device) {
    this.#device = device;
    this.#multiplier = new Multiplier(device);
  }

  /** @returns the model itself where the LoRAs change nothing */
  async adapt(spec: ModelSpec, loras: Loras): Promise<Adapted> {
    if (loras.changes.length === 0) return { spec, feeds: new Map(), key: '', bytes: 0 };
    const parts = [...Map.groupBy(loras.changes, ({ place }) => place.part)];
    const beside = parts.filter(([, changes]) => canBranch(changes));
    const within = parts.filter(([, changes]) => !canBranch(changes)).flatMap(([, changes]) => changes);
    const base = within.length === 0 ? spec : await this.#foldedModel(spec, within, loras.key);
    if (beside.length === 0) return { spec: base, feeds: new Map(), key: loras.key, bytes: 0 };
    const branched = this.#branchedModel(base, beside);
    const key = `${this.#keyOf(branched.spec)}\n${loras.key}`;
    const feeds = this.#factors.get(key) ?? (await this.#feedsOf(branched, new Map(beside)));
    const bytes = bytesOf(feeds);
    this.#factors.set(key, feeds, bytes);
    return { spec: branched.spec, feeds, key, bytes };
  }

  async close(): Promise<void> {
    this.#factors.clear();
    await Promise.all(this.#folded.clear().map(removeFolder));
    await this.#multiplier.close();
  }

  #keyOf(spec: ModelSpec): number {
    const key = this.#keys.get(spec) ?? this.#models++;
    this.#keys.set(spec, key);
    return key;
  }

  #branchedModel(
    base: ModelSpec,
    beside: readonly (readonly [AdaptedPart, readonly WeightedChange[]])[],
  ): Branched {
    const known = this.#branched.get(base) ?? {
      modules: new Map<AdaptedPart, Set<string>>(),
      version: 0,
      spec: base,
    };
    this.#branched.set(base, known);
    let isNew = false;
    for (const [part, changes] of beside) {
      const modules = known.modules.get(part) ?? new Set();
      known.modules.set(part, modules);
      for (const { place } of changes) {
        isNew ||= !modules.has(place.module);
        modules.add(place.module);
      }
    }
    if (isNew) {
      const components = componentsOf(base);
      const changed = Array.from(
        known.modules,
        ([part, modules]) => [part, withBranches(components.get(part)!, modules)] as const,
      );
      known.spec = withComponents(base, new Map(changed));
      known.version++;
    }
    return { ...known };
  }

  async #feedsOf({ spec, modules }: Branched, changes: ReadonlyMap<AdaptedPart, readonly WeightedChange[]>) {
    const components = componentsOf(spec);
    const { type } = targetOf(this.#device);
    return this.#reading(async (arithmetic) => {
      const feeds = new Map<AdaptedPart, Feeds>();
      // A part that has places takes factors also from a LoRA that leaves it as it is.
      for (const part of modules.keys()) {
        feeds.set(
          part,
          await branchFeeds(components.get(part)!, changes.get(part) ?? [], { type, arithmetic }),
        );
      }
      return feeds;
    });
  }

  async #foldedModel(spec: ModelSpec, changes: readonly WeightedChange[], loras: string): Promise<ModelSpec> {
    const key = `${this.#keyOf(spec)}\n${loras}`;
    const known = this.#folded.get(key);
    if (known !== undefined) return known.spec;
    const folder = realpath(tmpdir()).then((temporary) => mkdtemp(join(temporary, 'darkroom-lora-')));
    const folded: Folded = { folder, spec: folder.then((path) => this.#fold(spec, changes, path)) };
    this.#folded.set(key, folded);
    folded.spec.catch(() => {
      this.#folded.delete(key);
      void removeFolder(folded);
    });
    return folded.spec;
  }

  async #fold(spec: ModelSpec, changes: readonly WeightedChange[], folder: string): Promise<ModelSpec> {
    const dtype = targetOf(this.#device).type === 'float' ? 'F32' : 'F16';
    const components = componentsOf(spec);
    return this.#reading(async (arithmetic) => {
      const changed = new Map<AdaptedPart, Component>();
      for (const [part, own] of Map.groupBy(changes, ({ place }) => place.part)) {
        const file = join(folder, `${part}.weights`);
        changed.set(part, await foldComponent(components.get(part)!, own, { dtype, file, arithmetic }));
      }
      return withComponents(spec, changed);
    });
  }

  async #reading<Result>(
    work: (arithmetic: Parameters<typeof foldComponent>[2]['arithmetic']) => Promise<Result>,
  ): Promise<Result> {
    const values = new ValueReader();
    try {
      return await work({
        multiply: this.#multiplier.multiply.bind(this.#multiplier),
        read: values.read.bind(values),
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

const bytesOf = (feeds: ReadonlyMap<AdaptedPart, Feeds>): number =>
  feeds
    .values()
    .flatMap((inputs) => Object.values(inputs))
    .reduce((sum, { data }) => sum + data.byteLength, 0);

function removeFolder({ folder }: Folded): Promise<void> {
  return folder.then(
    (path) => rm(path, { recursive: true, force: true }),
    () => {},
  );
}
