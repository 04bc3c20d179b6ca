/**
 * numpy's SeedSequence: 32-bit seeds out of an entropy and a key, far apart for near inputs. By O'Neill 2015
 * ("Developing a seed_seq Alternative").
 */

const INIT_A = 0x43b0d7e5;
const MULT_A = 0x931e8875;
const INIT_B = 0x8b51f9dd;
const MULT_B = 0x58f38ded;
const MIX_LEFT = 0xca01f9dd;
const MIX_RIGHT = 0x4973f715;
const WORD = 2 ** 32;

/**
 * @param entropy a whole number
 * @param spawnKey whole numbers; none for the sequence's own seeds
 * @param poolSize words that everything is mixed in
 * @param count seeds asked for
 */
export function seedSequence(
  entropy: number,
  spawnKey: readonly number[],
  poolSize: number,
  count: number,
): Uint32Array {
  const own = wordsOf(entropy);
  // A key comes after a whole pool of the entropy's own words.
  while (spawnKey.length > 0 && own.length < poolSize) own.push(0);
  const words = [...own, ...spawnKey.flatMap(wordsOf)];
  let hash = INIT_A;
  const hashed = (word: number): number => {
    const value = word ^ hash;
    hash = Math.imul(hash, MULT_A);
    const product = Math.imul(value, hash);
    return product ^ (product >>> 16);
  };
  const pool = new Uint32Array(poolSize);
  for (let i = 0; i < poolSize; i++) pool[i] = hashed(words[i] ?? 0);
  for (let from = 0; from < poolSize; from++) {
    for (let to = 0; to < poolSize; to++) {
      if (from !== to) pool[to] = mix(pool[to]!, hashed(pool[from]!));
    }
  }
  for (const word of words.slice(poolSize)) {
    for (let to = 0; to < poolSize; to++) pool[to] = mix(pool[to]!, hashed(word));
  }
  let out = INIT_B;
  return Uint32Array.from({ length: count }, (_, i) => {
    const value = pool[i % poolSize]! ^ out;
    out = Math.imul(out, MULT_B);
    const product = Math.imul(value, out);
    return product ^ (product >>> 16);
  });
}

function mix(x: number, y: number): number {
  const difference = Math.imul(MIX_LEFT, x) - Math.imul(MIX_RIGHT, y);
  return difference ^ (difference >>> 16);
}

/** Lowest first; 0 is one word. */
function wordsOf(value: number): number[] {
  const words = [value % WORD];
  for (let rest = Math.floor(value / WORD); rest > 0; rest = Math.floor(rest / WORD)) words.push(rest % WORD);
  return words;
}
