/**
 * One module of a LoRA's file: which kind of change its tensors describe, and the shape of the weight that they fit.
 * LoRA (Hu et al. 2021), with a core of Tucker's for convolutions, LoHa and LoKr (Yeh et al. 2023, LyCORIS), DoRA (Liu et
 * al. 2024), and whole differences.
 */
import type { StoredTensor } from '../../graph/component.ts';
import type { Role } from './key.ts';

export type AdapterTensors = Partial<Readonly<Record<Role, StoredTensor>>>;

type AdapterKind = 'low-rank' | 'hadamard' | 'kronecker' | 'difference' | 'replacement' | 'bias';

export interface Adapter {
  readonly kind: AdapterKind;
  readonly tensors: AdapterTensors;
  /** Of the weight that it changes, as a matrix: a convolution's inputs, rows and columns are one axis. */
  readonly rows: number;
  readonly columns: number;
  /** What alpha is divided by; undefined where the kind has no rank. */
  readonly rank: number | undefined;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);
const isMatrix = ({ shape }: StoredTensor) => shape.length >= 2;
/** Of [n, ...] the size of what follows. */
const columnsOf = ({ shape }: StoredTensor) => sizeOf(shape.slice(1));

/** @returns a sentence's end that says what is wrong where the tensors make no adapter */
export function adapterOf(tensors: AdapterTensors): Adapter | string {
  const given = Object.values(tensors).filter((tensor) => tensor !== undefined);
  const empty = given.find(({ shape }) => shape.includes(0));
  if (empty !== undefined) return `${empty.name} has no numbers: its shape is ${empty.shape.join(' x ')}`;
  if (tensors.up !== undefined || tensors.down !== undefined) return lowRank(tensors);
  if (Object.keys(tensors).some((role) => role.startsWith('hada_'))) return hadamard(tensors);
  if (Object.keys(tensors).some((role) => role.startsWith('lokr_'))) return kronecker(tensors);
  const { difference, replacement, biasDifference } = tensors;
  const whole = difference ?? replacement;
  if (whole !== undefined) {
    const kind = difference === undefined ? 'replacement' : 'difference';
    return { kind, tensors, rows: whole.shape[0] ?? 1, columns: columnsOf(whole), rank: undefined };
  }
  if (biasDifference !== undefined) {
    return { kind: 'bias', tensors, rows: sizeOf(biasDifference.shape), columns: 1, rank: undefined };
  }
  return `${given[0]!.name} stands without the tensors that it belongs to`;
}

function lowRank(tensors: AdapterTensors): Adapter | string {
  const { up, down, mid } = tensors;
  if (up === undefined || down === undefined) return `${(up ?? down)!.name} stands without its other half`;
  if (!isMatrix(up) || !isMatrix(down)) return `${up.name} and ${down.name} are no matrices`;
  const rank = columnsOf(up);
  const inner = mid === undefined ? rank : mid.shape[1];
  const isFitting =
    down.shape[0] === inner && (mid === undefined || (mid.shape.length === 4 && mid.shape[0] === rank));
  if (!isFitting) return mismatch(up, down);
  const kernel = mid === undefined ? 1 : sizeOf(mid.shape.slice(2));
  return {
    kind: 'low-rank',
    tensors,
    rows: up.shape[0]!,
    columns: columnsOf(down) * kernel,
    rank: down.shape[0]!,
  };
}

function hadamard(tensors: AdapterTensors): Adapter | string {
  const { hada_w1_a: a1, hada_w1_b: b1, hada_w2_a: a2, hada_w2_b: b2, hada_t1: t1, hada_t2: t2 } = tensors;
  if (a1 === undefined || b1 === undefined || a2 === undefined || b2 === undefined) {
    return `${Object.values(tensors)[0]!.name} stands without its other parts`;
  }
  if (![a1, b1, a2, b2].every(isMatrix)) return `${a1.name} is no matrix`;
  const [first, second] = [factors(a1, b1, t1), factors(a2, b2, t2)];
  if (typeof first === 'string') return first;
  if (typeof second === 'string') return second;
  if (first.rows !== second.rows || first.columns !== second.columns) return mismatch(a1, a2);
  return { kind: 'hadamard', tensors, ...first, rank: b1.shape[0]! };
}

/** Of a times b, or of Tucker's core with a and b, which then are [rank, rows] and [rank, columns]. */
function factors(a: StoredTensor, b: StoredTensor, core: StoredTensor | undefined) {
  if (core === undefined) {
    return a.shape[1] === b.shape[0] ? { rows: a.shape[0]!, columns: columnsOf(b) } : mismatch(a, b);
  }
  const isFitting = core.shape.length === 4 && core.shape[0] === a.shape[0] && core.shape[1] === b.shape[0];
  return isFitting
    ? { rows: columnsOf(a), columns: columnsOf(b) * sizeOf(core.shape.slice(2)) }
    : mismatch(a, core);
}

function kronecker(tensors: AdapterTensors): Adapter | string {
  const {
    lokr_w1: w1,
    lokr_w1_a: a1,
    lokr_w1_b: b1,
    lokr_w2: w2,
    lokr_w2_a: a2,
    lokr_w2_b: b2,
    lokr_t2: t2,
  } = tensors;
  const [left, right] = [part(w1, a1, b1), part(w2, a2, b2, t2)];
  if (left === undefined || right === undefined) {
    return `${Object.values(tensors)[0]!.name} stands without its other parts`;
  }
  if (typeof left === 'string') return left;
  if (typeof right === 'string') return right;
  // As LyCORIS: with two whole matrices there is no rank, and the scale is 1.
  const rank = w2 === undefined ? b2!.shape[0] : w1 === undefined ? b1!.shape[0] : undefined;
  return {
    kind: 'kronecker',
    tensors,
    rows: left.rows * right.rows,
    columns: left.columns * right.columns,
    rank,
  };
}

function part(whole?: StoredTensor, a?: StoredTensor, b?: StoredTensor, core?: StoredTensor) {
  if (whole !== undefined) {
    return isMatrix(whole)
      ? { rows: whole.shape[0]!, columns: columnsOf(whole) }
      : `${whole.name} is no matrix`;
  }
  return a === undefined || b === undefined ? undefined : factors(a, b, core);
}

const mismatch = (one: StoredTensor, other: StoredTensor) =>
  `${one.name} (${one.shape.join(' x ')}) and ${other.name} (${other.shape.join(' x ')}) do not fit together`;
