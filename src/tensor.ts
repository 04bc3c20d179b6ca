/** Dense tensors, and how several of them become one. */

/** In row-major order. int64 travels as BigInt64Array, a LoRA of a float16 graph as Float16Array, the rest as float32. */
export interface Tensor<Data extends Float32Array | BigInt64Array | Float16Array = Float32Array> {
  readonly data: Data;
  readonly dims: readonly number[];
}

/** The inputs of a graph by name. */
export type Feeds = Readonly<Record<string, Tensor<Float32Array | BigInt64Array | Float16Array>>>;

/** Tensors of [1, ...] as one of [n, ...]. */
export function stack(tensors: readonly Tensor[]): Tensor {
  const [, ...dims] = tensors[0]!.dims;
  return { data: concat(tensors.map(({ data }) => data)), dims: [tensors.length, ...dims] };
}

/** Tensors of [1, Si, D] one after another: [1, S1 + S2 ..., D]. */
export function joinRows(tensors: readonly Tensor[]): Tensor {
  const rows = tensors.reduce((sum, { dims }) => sum + dims[1]!, 0);
  return { data: concat(tensors.map(({ data }) => data)), dims: [1, rows, tensors[0]!.dims[2]!] };
}

/**
 * Tensors of [1, S, Di] side by side: [1, S, width].
 * @param wanted width, where it is more than D1 + D2 ...: the rest is 0
 */
export function joinColumns(tensors: readonly Tensor[], wanted?: number): Tensor {
  const width = wanted ?? tensors.reduce((sum, { dims }) => sum + dims[2]!, 0);
  const rows = tensors[0]!.dims[1]!;
  const data = new Float32Array(rows * width);
  let left = 0;
  for (const { data: states, dims } of tensors) {
    const columns = dims[2]!;
    for (let row = 0; row < rows; row++) {
      data.set(states.subarray(row * columns, (row + 1) * columns), row * width + left);
    }
    left += columns;
  }
  return { data, dims: [1, rows, width] };
}

/** Vectors of [1, Pi] as one of [1, P1 + P2 ...]. */
export function joinVectors(tensors: readonly Tensor[]): Tensor {
  const data = concat(tensors.map((tensor) => tensor.data));
  return { data, dims: [1, data.length] };
}

/** [1, ...] as [batch, ...]. */
export function repeat({ data, dims }: Tensor, batch: number): Tensor {
  return { data: concat(new Array<Float32Array>(batch).fill(data)), dims: [batch, ...dims.slice(1)] };
}

export const zeros = (dims: readonly number[]): Tensor => ({
  data: new Float32Array(dims.reduce((product, side) => product * side)),
  dims,
});

export function concat(arrays: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return joined;
}
