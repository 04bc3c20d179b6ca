/** What a model's text encoders made of the last prompts, so that the same words cost nothing the second time. */
import type { Tensor } from './session.ts';

export interface EncodedWindow {
  /** [1, S, D] */
  readonly states: Tensor;
  /** [1, P] */
  readonly pooled?: Tensor;
}

/** Least recently used first out, bounded by the bytes of its tensors. Its tensors are shared: never written to. */
export class EmbeddingCache {
  readonly #limit: number;
  readonly #kept = new Map<string, EncodedWindow>();
  #bytes = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @param key everything that the result depends on: encoder, layer, token ids
   * @param encode called where the key is new
   */
  async take(key: string, encode: () => Promise<EncodedWindow>): Promise<EncodedWindow> {
    const known = this.#kept.get(key);
    const window = known ?? (await encode());
    this.#drop(key);
    this.#kept.set(key, window);
    this.#bytes += bytesOf(window);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.#drop(oldest);
    }
    return window;
  }

  #drop(key: string): void {
    const window = this.#kept.get(key);
    if (window === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= bytesOf(window);
  }
}

const bytesOf = ({ states, pooled }: EncodedWindow) =>
  states.data.byteLength + (pooled?.data.byteLength ?? 0);
