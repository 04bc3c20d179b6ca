/**
 * Brownian motion that is the same path whatever points are asked for, and in whatever order: Li et al. 2020
 * ("Scalable Gradients for Stochastic Differential Equations"), section 4. The path is that of torchsde 0.2's
 * BrownianInterval with halfway_tree, tol 1e-6 and a pool of 24 words, on the CPU: Kidger et al. 2021.
 */
import { TorchRandom } from './random.ts';
import { seedSequence } from './seed-sequence.ts';

const POOL_SIZE = 24;
/** Times are rounded to this many digits after the point. */
const DIGITS = 6;
/** Halved increments kept; beyond it those not used for longest are dropped, to be drawn again when needed. */
const KEPT = 64;

const { fround } = Math;
const roundTime = (time: number) => Number(time.toFixed(DIGITS));

interface Interval {
  readonly start: number;
  readonly end: number;
  readonly parent: Interval | undefined;
  readonly isLeft: boolean;
  readonly key: number;
  readonly depth: number;
}

export class BrownianTree {
  readonly #top: Interval;
  readonly #seed: number;
  readonly #size: number;
  readonly #whole: Float32Array;
  /** By the interval that was halved. */
  readonly #kept = new Map<string, Halves>();

  /**
   * @param start below `end`
   * @param size of each increment
   */
  constructor(start: number, end: number, seed: number, size: number) {
    this.#top = {
      start: roundTime(start),
      end: roundTime(end),
      parent: undefined,
      isLeft: true,
      key: 0,
      depth: 0,
    };
    this.#seed = seed;
    this.#size = size;
    const [own] = seedSequence(seed, [], POOL_SIZE, 1) as Uint32Array & [number];
    const spread = fround(Math.sqrt(end - start));
    this.#whole = new TorchRandom(own).randn(size).map((value) => value * spread);
  }

  /** How far the path goes from one time to a later one, [size]; times beyond its ends are those ends. */
  increment(from: number, to: number): Float32Array {
    const { start, end } = this.#top;
    const clamp = (time: number) => Math.min(Math.max(roundTime(time), start), end);
    const sum = new Float32Array(this.#size);
    for (const interval of parts(this.#top, clamp(from), clamp(to))) {
      const part = this.#of(interval);
      for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
    }
    return sum;
  }

  #of({ parent, isLeft }: Interval): Float32Array {
    if (parent === undefined) return this.#whole;
    const name = `${parent.depth}:${parent.key}`;
    const halves = this.#kept.get(name) ?? this.#halve(parent);
    this.#kept.delete(name);
    this.#kept.set(name, halves);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return isLeft ? halves.left : halves.right;
  }

  /** What the path does in both halves of an interval, given what it does in all of it: a Brownian bridge. */
  #halve(interval: Interval): Halves {
    const { start, end, key, depth } = interval;
    const whole = this.#of(interval);
    const middle = halfOf(interval);
    const [before, after] = [middle - start, end - middle];
    const share = 1 / (end - start);
    const [seed] = seedSequence(this.#seed, [key, depth], POOL_SIZE, 1) as Uint32Array & [number];
    const noise = new TorchRandom(seed).randn(this.#size);
    const spread = fround(Math.sqrt(before * after * share));
    const [before32, share32] = [fround(before), fround(share)];
    const [left, right] = [new Float32Array(this.#size), new Float32Array(this.#size)];
    for (let i = 0; i < left.length; i++) {
      const mean = fround(fround(before32 * whole[i]!) * share32);
      left[i] = mean + fround(spread * noise[i]!);
      right[i] = whole[i]! - left[i]!;
    }
    return { left, right };
  }
}

interface Halves {
  readonly left: Float32Array;
  readonly right: Float32Array;
}

const halfOf = ({ start, end }: Interval) => roundTime(0.5 * (end + start));

function child(parent: Interval, isLeft: boolean): Interval {
  const middle = halfOf(parent);
  return {
    start: isLeft ? parent.start : middle,
    end: isLeft ? middle : parent.end,
    parent,
    isLeft,
    key: 2 * parent.key + (isLeft ? 0 : 1),
    depth: parent.depth + 1,
  };
}

/** The largest halves, quarters, ... that make up from..to, in order. */
function* parts(interval: Interval, from: number, to: number): Generator<Interval> {
  if (from >= to) return;
  if (from === interval.start && to === interval.end) {
    yield interval;
    return;
  }
  const middle = halfOf(interval);
  if (from < middle) yield* parts(child(interval, true), from, Math.min(to, middle));
  if (to > middle) yield* parts(child(interval, false), Math.max(from, middle), to);
}
