/** What an adapter adds to a weight, as numbers. */
import type { StoredTensor } from '../../graph/component.ts';
import type { Adapter, AdapterTensors } from './adapter.ts';
import type { Place } from './modules.ts';

/** A dense matrix in row-major order. */
export interface Matrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** How matrices are multiplied and tensors read: the engine has a fast way. */
export interface Arithmetic {
  multiply(left: Matrix, right: Matrix): Promise<Matrix>;
  read(tensor: StoredTensor): Promise<Float32Array>;
}

/** The two factors of a low-rank change, up [rows, rank] and down [rank, columns]; their product is it, unscaled. */
interface Factors {
  readonly up: Matrix;
  readonly down: Matrix;
}

/** alpha / rank; 1 where the file gives no alpha. @param alpha of the file's settings, for a module without its own */
export async function scaleOf(
  adapter: Adapter,
  { read }: Pick<Arithmetic, 'read'>,
  alpha?: number,
): Promise<number> {
  const { tensors, rank } = adapter;
  if (rank === undefined) return 1;
  const own = tensors.alpha === undefined ? alpha : (await read(tensors.alpha))[0];
  return own === undefined ? 1 : own / rank;
}

/** Of a LoRA with or without a core: the core is multiplied into the way down. */
export async function factorsOf({ tensors }: Adapter, arithmetic: Arithmetic): Promise<Factors> {
  const { up, down, mid } = tensors as Required<Pick<AdapterTensors, 'up' | 'down'>> & AdapterTensors;
  const factor = await matrix(up, arithmetic);
  return {
    up: factor,
    down:
      mid === undefined
        ? await matrix(down, arithmetic)
        : await spread(mid, await matrix(down, arithmetic), arithmetic),
  };
}

/** The whole change without its scale, [rows, columns] as the file has them. */
export async function deltaOf(adapter: Adapter, arithmetic: Arithmetic): Promise<Matrix> {
  const { kind, tensors, rows, columns } = adapter;
  switch (kind) {
    case 'low-rank': {
      const { up, down } = await factorsOf(adapter, arithmetic);
      return arithmetic.multiply(up, down);
    }
    case 'hadamard': {
      const first = await product(tensors.hada_w1_a!, tensors.hada_w1_b!, tensors.hada_t1, arithmetic);
      const second = await product(tensors.hada_w2_a!, tensors.hada_w2_b!, tensors.hada_t2, arithmetic);
      return { data: first.data.map((value, i) => value * second.data[i]!), rows, columns };
    }
    case 'kronecker': {
      const left = tensors.lokr_w1
        ? await matrix(tensors.lokr_w1, arithmetic)
        : await product(tensors.lokr_w1_a!, tensors.lokr_w1_b!, undefined, arithmetic);
      const right = tensors.lokr_w2
        ? await matrix(tensors.lokr_w2, arithmetic)
        : await product(tensors.lokr_w2_a!, tensors.lokr_w2_b!, tensors.lokr_t2, arithmetic);
      return kroneckerProduct(left, right);
    }
    case 'difference':
    case 'replacement':
      return { data: await arithmetic.read((tensors.difference ?? tensors.replacement)!), rows, columns };
    case 'bias':
      throw new Error('a bias is no matrix');
  }
}

/** The rows of a fused matrix that belong to one module, in its own order. */
export function rowsOf({ data, rows, columns }: Matrix, { rows: part, halvesSwapped }: Place): Matrix {
  if (halvesSwapped === true) {
    const half = (rows / 2) * columns;
    const swapped = new Float32Array(data.length);
    swapped.set(data.subarray(half));
    swapped.set(data.subarray(0, half), half);
    return { data: swapped, rows, columns };
  }
  if (part === undefined) return { data, rows, columns };
  const one = rows / part.of;
  const [first, count] = [part.index * one, (part.count ?? 1) * one];
  return { data: data.subarray(first * columns, (first + count) * columns), rows: count, columns };
}

/**
 * DoRA: the weight's direction with the change, at the length that was learnt.
 * @param weight [rows, columns]; it is left as it is
 * @param length of each row (`rows`), or of each input channel
 * @returns the new weight
 */
export function decompose(
  weight: Matrix,
  change: Matrix,
  scale: number,
  length: Float32Array,
  axis: 'rows' | 'inputs',
): Float32Array {
  const { rows, columns, data } = weight;
  const merged = data.map((value, i) => value + scale * change.data[i]!);
  const group = axis === 'rows' ? columns : columns / length.length;
  const index =
    axis === 'rows'
      ? (i: number) => Math.floor(i / columns)
      : (i: number) => Math.floor((i % columns) / group);
  const squares = new Float64Array(axis === 'rows' ? rows : length.length);
  for (let i = 0; i < merged.length; i++) {
    const place = index(i);
    squares[place] = squares[place]! + merged[i]! ** 2;
  }
  const factors = squares.map((square, i) => length[i]! / (Math.sqrt(square) + EPSILON));
  return merged.map((value, i) => value * factors[index(i)]!);
}

/** Of float32, so that a row of zeros stays one. */
const EPSILON = 2 ** -23;

async function matrix(tensor: StoredTensor, { read }: Arithmetic): Promise<Matrix> {
  const rows = tensor.shape[0]!;
  const data = await read(tensor);
  return { data, rows, columns: data.length / rows };
}

/** a b, or the core with both: a [rank, rows] and b [rank, columns] then. */
async function product(
  a: StoredTensor,
  b: StoredTensor,
  core: StoredTensor | undefined,
  arithmetic: Arithmetic,
): Promise<Matrix> {
  const [left, right] = [await matrix(a, arithmetic), await matrix(b, arithmetic)];
  if (core === undefined) return arithmetic.multiply(left, right);
  return arithmetic.multiply(transpose(left), await spread(core, right, arithmetic));
}

/** core [r, s, rows, columns] over down [s, inputs]: [r, inputs rows columns] */
async function spread(core: StoredTensor, down: Matrix, arithmetic: Arithmetic): Promise<Matrix> {
  const [outer, inner, ...sides] = core.shape as [number, number, number, number];
  const kernel = sides.reduce((size, side) => size * side, 1);
  const values = await arithmetic.read(core);
  const inputs = transpose(down);
  const data = new Float32Array(outer * inputs.rows * kernel);
  for (let i = 0; i < outer; i++) {
    const slice = {
      data: values.subarray(i * inner * kernel, (i + 1) * inner * kernel),
      rows: inner,
      columns: kernel,
    };
    data.set((await arithmetic.multiply(inputs, slice)).data, i * inputs.rows * kernel);
  }
  return { data, rows: outer, columns: inputs.rows * kernel };
}

function transpose({ data, rows, columns }: Matrix): Matrix {
  const turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j]!;
  }
  return { data: turned, rows: columns, columns: rows };
}

function kroneckerProduct(left: Matrix, right: Matrix): Matrix {
  const [rows, columns] = [left.rows * right.rows, left.columns * right.columns];
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < left.rows; i++) {
    for (let p = 0; p < right.rows; p++) {
      const row = (i * right.rows + p) * columns;
      for (let j = 0; j < left.columns; j++) {
        const factor = left.data[i * left.columns + j]!;
        const at = row + j * right.columns;
        for (let q = 0; q < right.columns; q++) data[at + q] = factor * right.data[p * right.columns + q]!;
      }
    }
  }
  return { data, rows, columns };
}
