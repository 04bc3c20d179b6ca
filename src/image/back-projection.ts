/**
 * Iterative back-projection (Irani and Peleg 1991): a larger picture is corrected until it is the smaller one again
 * when it is scaled down.
 */
import { type Raster, resample } from './resample.ts';

const ROUNDS = 2;
/** What stands for no difference in a raster of differences, which has whole levels from 0 to 255. */
const ZERO = 128;

/** @param large RGB @param small the picture that it came from */
export function projectBack(large: Raster, small: Raster): Raster {
  let result = large;
  for (let round = 0; round < ROUNDS; round++) {
    const shrunk = resample(result, small);
    const missing = small.data.map((level, i) => clamp(level - shrunk.data[i]! + ZERO));
    const spread = resample({ ...small, data: missing }, large);
    const before = result.data;
    result = { ...large, data: before.map((level, i) => clamp(level + spread.data[i]! - ZERO)) };
  }
  return result;
}

const clamp = (level: number) => Math.min(255, Math.max(0, level));
