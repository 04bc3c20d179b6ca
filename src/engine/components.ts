/**
 * The sessions of one model: each is opened when it is first needed, then kept. A few models are kept at once,
 * the least recently used one goes first, and never one that a run is using.
 */
import { DarkroomError } from '../errors.ts';
import { textEncoderGraph } from '../graph/clip.ts';
import type { Graph } from '../graph/component.ts';
import { unetGraph } from '../graph/unet.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../graph/vae.ts';
import type { ModelSpec } from '../models/spec.ts';
import { type ClipTokenizer, createTokenizer } from '../models/tokenizer.ts';
import { EmbeddingCache } from './embedding-cache.ts';
import { type Feeds, openSession, type Session } from './session.ts';

const COMPONENTS = ['textEncoder', 'unet', 'vaeEncoder', 'vaeDecoder'] as const;
export type ComponentName = (typeof COMPONENTS)[number];

const BUILD: Readonly<Record<ComponentName, (spec: ModelSpec) => Graph>> = {
  textEncoder: (spec) => textEncoderGraph(spec.components.textEncoder),
  unet: (spec) => unetGraph(spec.components.unet),
  vaeEncoder: (spec) => vaeEncoderGraph(spec.components.vae),
  vaeDecoder: (spec) => vaeDecoderGraph(spec.components.vae),
};

/** Kept of each model's encoded prompts: some hundred chunks of SDXL, a dozen prompts of SD3's T5. */
const EMBEDDING_BYTES = 64 * 2 ** 20;

/** A model in use. Sessions of the same component are one and the same for all runs. */
export class Components {
  readonly spec: ModelSpec;
  readonly embeddings = new EmbeddingCache(EMBEDDING_BYTES);
  readonly #threads: number;
  readonly #sessions = new Map<ComponentName, Promise<Session>>();
  #tokenizer: ClipTokenizer | undefined;
  #closed = false;

  constructor(spec: ModelSpec, threads: number) {
    this.spec = spec;
    this.#threads = threads;
  }

  get tokenizer(): ClipTokenizer {
    this.#tokenizer ??= createTokenizer(this.spec.tokenizer);
    return this.#tokenizer;
  }

  /** @throws DarkroomError('bad_model') where the weights cannot be read; the next call tries again */
  async session(name: ComponentName): Promise<Session> {
    if (this.#closed) throw new DarkroomError('cancelled', 'The engine was stopped.');
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const opening = (async () => openSession(BUILD[name](this.spec), { threads: this.#threads }))();
    this.#sessions.set(name, opening);
    opening.catch(() => this.#sessions.delete(name));
    return opening;
  }

  /**
   * One call of the denoiser.
   * @returns its prediction, [B, C, h, w]
   */
  async denoise(feeds: Feeds): Promise<Float32Array> {
    const unet = await this.session('unet');
    const { out_sample: out } = await unet.run(feeds, ['out_sample']);
    return out.data;
  }

  /** Sessions asked for later are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of await Promise.allSettled(sessions)) {
      if (session.status === 'fulfilled') await session.value.close();
    }
  }
}

/** A model lent to a run; `release` gives it back, also when called twice. */
export interface Loan {
  readonly components: Components;
  release(): Promise<void>;
}

/** Models kept open, at most `limit` beyond those in use. */
export class ComponentCache {
  readonly #limit: number;
  readonly #threads: number;
  /** By folder, least recently used first. */
  readonly #kept = new Map<string, { components: Components; loans: number }>();

  constructor(limit: number, threads: number) {
    this.#limit = limit;
    this.#threads = threads;
  }

  async lend(spec: ModelSpec): Promise<Loan> {
    const kept = this.#kept.get(spec.folder) ?? { components: new Components(spec, this.#threads), loans: 0 };
    this.#kept.delete(spec.folder);
    this.#kept.set(spec.folder, kept);
    kept.loans++;
    await this.#evict();
    let released = false;
    return {
      components: kept.components,
      release: async () => {
        if (released) return;
        released = true;
        kept.loans--;
        await this.#evict();
      },
    };
  }

  async close(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    for (const { components } of all) await components.close();
  }

  async #evict(): Promise<void> {
    for (const [folder, { components, loans }] of this.#kept) {
      if (this.#kept.size <= this.#limit) return;
      if (loans > 0) continue;
      this.#kept.delete(folder);
      await components.close();
    }
  }
}
