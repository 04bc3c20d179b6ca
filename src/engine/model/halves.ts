/** A denoiser call over both halves of guidance as two calls over one half each: the same numbers from half the memory. */
import { concat, type Feeds } from '../../tensor.ts';

/** @param feeds of which some have a first side of 2, one row for each half; the others serve both */
export async function inHalves(
  feeds: Feeds,
  run: (feeds: Feeds) => Promise<Float32Array>,
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const half of [0, 1]) {
    parts.push(
      await run(
        Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, rowOf(tensor, half)])),
      ),
    );
  }
  return concat(parts);
}

function rowOf(tensor: Feeds[string], row: number): Feeds[string] {
  const { data, dims } = tensor;
  if (dims[0] !== 2) return tensor;
  const size = data.length / 2;
  return { data: data.slice(row * size, (row + 1) * size), dims: [1, ...dims.slice(1)] };
}
