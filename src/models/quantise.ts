/** Weights as whole numbers of 8 bits, symmetric, with a scale for each output channel. */
import { open } from 'node:fs/promises';
import type { QuantisedWeight, QuantisedWeights } from '../graph/component.ts';
import { ValueReader } from './lora/values.ts';

/** The largest whole number; -128 is left out, so that a weight and its negative have the same magnitude. */
const LARGEST = 127;
/** Outputs that are written side by side. */
const BLOCK = 64;
/** A number of this size has no room for fractions in 64 bits: adding it and taking it away rounds to the nearest even. */
const ROUNDER = 1.5 * 2 ** 52;

/**
 * Writes the file that a graph's external data names. One weight after another is in memory.
 * @param onRead is told which share of the weights has been read
 * @throws DarkroomError('bad_model') where a file of the model has become shorter
 */
export async function writeQuantised(
  { weights, bytes: total }: QuantisedWeights,
  path: string,
  onRead: (share: number) => void = () => {},
): Promise<void> {
  const reader = new ValueReader();
  const file = await open(path, 'wx');
  try {
    for (const weight of weights) {
      const bytes = quantise(await reader.read(weight.stored), weight);
      await file.write(bytes, 0, bytes.length, weight.scales);
      onRead((weight.scales + bytes.length) / total);
    }
  } finally {
    await reader.close();
    await file.close();
  }
}

/**
 * @param all of the stored tensor, [outputs, inputs, positions of a kernel]
 * @returns the scales, float32 [count], and behind them the values, int8 [positions, inputs, count]
 */
function quantise(all: Float32Array, { stored, first, count, inputs }: QuantisedWeight): Uint8Array {
  const columns = all.length / stored.shape[0]!;
  const positions = columns / inputs;
  const given = all.subarray(first * columns, (first + count) * columns);
  const bytes = new ArrayBuffer(count * 4 + count * columns);
  const scales = new Float32Array(bytes, 0, count);
  const values = new Int8Array(bytes, 4 * count);
  const factors = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let most = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const size = Math.abs(given[i]!);
      if (size > most) most = size;
    }
    scales[row] = most / LARGEST;
    factors[row] = most === 0 ? 0 : LARGEST / most;
  }
  for (let from = 0; from < count; from += BLOCK) {
    const to = Math.min(count, from + BLOCK);
    for (let column = 0; column < columns; column++) {
      const input = Math.floor(column / positions);
      const at = ((column - input * positions) * inputs + input) * count;
      for (let row = from; row < to; row++) {
        values[at + row] = given[row * columns + column]! * factors[row]! + ROUNDER - ROUNDER;
      }
    }
  }
  return new Uint8Array(bytes);
}
