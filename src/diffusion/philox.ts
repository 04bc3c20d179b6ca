import type { Random } from './noise.ts';

/** Salmon et al. 2011, table 2. */
const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
/** What makes uniforms in 0..1 and angles of two words. */
const UNIFORM = 2 ** -32;
const ANGLE = 2 * Math.PI * UNIFORM;

/**
 * Standard normal numbers as torch draws them on an NVIDIA card and A1111 does on any: Philox4x32-10 (Salmon et
 * al. 2011) with the seed for its key and the index of the value for its counter, then Box and Muller 1958.
 */
export class PhiloxRandom implements Random {
  readonly seed: number;
  #draws = 0;

  /** @param seed a whole number; its lowest 64 bits count */
  constructor(seed: number) {
    this.seed = seed;
  }

  randn(count: number): Float32Array {
    const values = new Float32Array(count);
    const key0 = this.seed >>> 0;
    const key1 = Math.floor(this.seed / 2 ** 32) >>> 0;
    const draw = this.#draws++;
    const words = new Uint32Array(2);
    for (let i = 0; i < count; i++) {
      philox(draw, i, key0, key1, words);
      const u = words[0]! * UNIFORM + UNIFORM / 2;
      const angle = words[1]! * ANGLE + ANGLE / 2;
      values[i] = Math.sqrt(-2 * Math.log(u)) * Math.sin(angle);
    }
    return values;
  }
}

/** The first two of the four words of the counter [draw, 0, index, 0]. */
function philox(draw: number, index: number, key0: number, key1: number, into: Uint32Array): void {
  let c0 = draw;
  let c1 = 0;
  let c2 = index;
  let c3 = 0;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highProduct(MULTIPLIERS[0], c0 >>> 0);
    const high2 = highProduct(MULTIPLIERS[1], c2 >>> 0);
    const low0 = Math.imul(MULTIPLIERS[0], c0);
    const low2 = Math.imul(MULTIPLIERS[1], c2);
    c0 = high2 ^ c1 ^ k0;
    c1 = low2;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL[0]) | 0;
    k1 = (k1 + WEYL[1]) | 0;
  }
  into[0] = c0;
  into[1] = c1;
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carried = aLow * bHigh + (middle % 65536);
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carried / 65536);
}
