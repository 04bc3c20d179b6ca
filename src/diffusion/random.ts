/** Standard normal numbers of a seed, the same on every machine. */
import { log, sinCos } from './float-math.ts';
import type { Random } from './noise.ts';
import { PhiloxRandom } from './philox.ts';

export type { Random } from './noise.ts';

/** `torch`: the numbers of torch's CPU generator, as diffusers draws them; `philox`: of its GPUs, as A1111. */
export const RNGS = ['torch', 'philox'] as const;
export type Rng = (typeof RNGS)[number];

/** @param seed a whole number; 32 bits of it count */
export function createRandom(rng: Rng, seed: number): Random {
  return rng === 'philox' ? new PhiloxRandom(seed) : new TorchRandom(seed);
}

const STATE = 624;
const SHIFT = 397;
/** torch fills whole blocks of this many values at once, and smaller tensors by another rule. */
const BLOCK = 16;

/**
 * Standard normal numbers as torch draws them on the CPU (torch.Generator("cpu").manual_seed, torch.randn), so
 * that a seed gives the same picture here as in diffusers. Every bit is that of PyTorch 2.15 on an x86 processor with
 * AVX2 or AVX-512; elsewhere PyTorch itself may differ from that in the last bits. Mersenne Twister: Matsumoto and
 * Nishimura 1998.
 */
export class TorchRandom implements Random {
  readonly seed: number;
  readonly #state = new Uint32Array(STATE);
  #used = STATE;
  /** The second value of a pair that the rule for small tensors has made. */
  #kept: number | undefined;

  /** @param seed a whole number; torch uses its lowest 32 bits */
  constructor(seed: number) {
    this.seed = seed;
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < STATE; i++) {
      const previous = state[i - 1]!;
      state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  randn(count: number): Float32Array {
    const values = new Float32Array(count);
    if (count < BLOCK) return values.map(() => this.#normal());
    const uniform = () => (this.#next() & 0xffffff) / 2 ** 24;
    for (let i = 0; i < count; i++) values[i] = uniform();
    for (let i = 0; i + BLOCK <= count; i += BLOCK) boxMuller(values.subarray(i, i + BLOCK));
    if (count % BLOCK !== 0) {
      const tail = values.subarray(count - BLOCK);
      for (let i = 0; i < BLOCK; i++) tail[i] = uniform();
      boxMuller(tail);
    }
    return values;
  }

  #normal(): number {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) return kept;
    const angle = 2 * Math.PI * this.#uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.#uniform53()));
    this.#kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** 53 bits of a 64-bit draw, whose high half comes first. */
  #uniform53(): number {
    const high = this.#next() & 0x1fffff;
    return (high * 2 ** 32 + this.#next()) / 2 ** 53;
  }

  #next(): number {
    if (this.#used === STATE) this.#twist();
    let y = this.#state[this.#used++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < STATE; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % STATE]! & 0x7fffffff);
      state[i] = state[(i + SHIFT) % STATE]! ^ (y >>> 1) ^ ((y & 1) * 0x9908b0df);
    }
    this.#used = 0;
  }
}

const TWO_PI = Math.fround(2 * Math.PI);
const sinAndCos = new Float32Array(2);

/** Box and Muller 1958 on a block of 16 uniforms, in float32: the first half gives radii, the second angles. */
function boxMuller(block: Float32Array): void {
  for (let i = 0; i < BLOCK / 2; i++) {
    const radius = Math.fround(Math.sqrt(-2 * log(1 - block[i]!)));
    sinCos(Math.fround(TWO_PI * block[i + BLOCK / 2]!), sinAndCos);
    // Adding 0 turns -0 into 0, as adding torch's mean of 0 does.
    block[i] = radius * sinAndCos[1]! + 0;
    block[i + BLOCK / 2] = radius * sinAndCos[0]! + 0;
  }
}
