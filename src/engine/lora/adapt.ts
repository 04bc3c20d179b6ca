/** Models with LoRAs: each is a model of its own, which shares with its base what no LoRA changes. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Component } from '../../graph/component.ts';
import { Lru } from '../../lru.ts';
import type { AdaptedPart } from '../../models/lora/modules.ts';
import { componentsOf } from '../../models/lora/plan.ts';
import { ValueReader } from '../../models/lora/values.ts';
import type { ModelSpec } from '../../models/spec.ts';
import { type Device, targetOf } from '../device.ts';
import { Multiplier } from './arithmetic.ts';
import { foldComponent, type WeightedChange } from './fold.ts';
import type { Loras } from './read.ts';

/** Models with folded weights that are kept on the disk. */
const KEPT = 4;

interface Folded {
  readonly spec: Promise<ModelSpec>;
  readonly folder: Promise<string>;
}

export class AdaptedModels {
  readonly #device: Device;
  readonly #multiplier: Multiplier;
  readonly #folded = new Lru<Folded>({ limit: KEPT, onDrop: removeFolder });
  /** One for each spec: a model whose files changed is another one. */
  readonly #keys = new WeakMap<ModelSpec, number>();
  #models = 0;

  constructor(device: Device) {
    this.#device = device;
    this.#multiplier = new Multiplier(device);
  }

  /** @returns the model with the LoRAs in its weights; the model itself where they change nothing */
  async adapt(spec: ModelSpec, loras: Loras): Promise<ModelSpec> {
    if (loras.changes.length === 0) return spec;
    const model = this.#keys.get(spec) ?? this.#models++;
    this.#keys.set(spec, model);
    const key = `${model}\n${loras.key}`;
    const known = this.#folded.get(key);
    if (known !== undefined) return known.spec;
    const folder = realpath(tmpdir()).then((temporary) => mkdtemp(join(temporary, 'darkroom-lora-')));
    const folded: Folded = { folder, spec: folder.then((path) => this.#fold(spec, loras.changes, path)) };
    this.#folded.set(key, folded);
    folded.spec.catch(() => {
      this.#folded.delete(key);
      removeFolder(folded);
    });
    return folded.spec;
  }

  async close(): Promise<void> {
    await Promise.all(this.#folded.clear().map(removeFolder));
    await this.#multiplier.close();
  }

  async #fold(spec: ModelSpec, changes: readonly WeightedChange[], folder: string): Promise<ModelSpec> {
    const values = new ValueReader();
    const arithmetic = {
      multiply: this.#multiplier.multiply.bind(this.#multiplier),
      read: values.read.bind(values),
    };
    const dtype = targetOf(this.#device).type === 'float' ? 'F32' : 'F16';
    const components = componentsOf(spec);
    const changed = new Map<AdaptedPart, Component>();
    try {
      for (const [part, own] of Map.groupBy(changes, ({ place }) => place.part)) {
        const file = join(folder, `${part}.weights`);
        changed.set(part, await foldComponent(components.get(part)!, own, { dtype, file, arithmetic }));
      }
    } finally {
      await values.close();
    }
    return withComponents(spec, changed);
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

function removeFolder({ folder }: Folded): Promise<void> {
  return folder.then(
    (path) => rm(path, { recursive: true, force: true }),
    () => {},
  );
}
