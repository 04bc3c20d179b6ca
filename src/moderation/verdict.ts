/** What a safety checker says of a picture, from how near it is to each concept. */
import { DarkroomError } from '../errors.ts';
import type { Finding } from '../job.ts';
import { roundHalfToEven } from '../rounding.ts';
import { sentence } from '../sentences.ts';

/** Cosines of a picture, or thresholds of them. */
interface Concepts {
  readonly concepts: Float32Array;
  /** Concepts that lower the thresholds of the others. */
  readonly specialCare: Float32Array;
}

/** By which special care lowers the thresholds. */
const ADJUSTMENT = 0.01;

/**
 * As diffusers computes it (pipelines/stable_diffusion/safety_checker.py), in float32 and rounded to three digits. The
 * concepts have no names: none were published.
 * @throws DarkroomError('engine_failed') for numbers that say nothing: a picture that cannot be checked is not shown
 */
export function judge(cosines: Concepts, thresholds: Concepts): Finding {
  let adjustment = 0;
  for (const [i, cosine] of cosines.specialCare.entries()) {
    if (scoreOf(cosine, thresholds.specialCare[i]!, adjustment) > 0) adjustment = ADJUSTMENT;
  }
  const scores = Array.from(cosines.concepts, (cosine, i) =>
    scoreOf(cosine, thresholds.concepts[i]!, adjustment),
  );
  const score = Math.max(...scores);
  if (!Number.isFinite(score)) throw new DarkroomError('engine_failed', sentence('moderation.unchecked'));
  return { isFlagged: score > 0, label: `concept ${scores.indexOf(score) + 1}`, score };
}

function scoreOf(cosine: number, threshold: number, adjustment: number): number {
  const above = Math.fround(Math.fround(cosine - threshold) + Math.fround(adjustment));
  return roundHalfToEven(Math.fround(above * 1000)) / 1000;
}
