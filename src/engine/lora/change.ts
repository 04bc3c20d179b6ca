/** A change of one weight with the strength that a request gives it. */
import { DarkroomError } from '../../errors.ts';
import type { Change } from '../../models/lora/plan.ts';
import { sentence } from '../../sentences.ts';

export interface WeightedChange extends Change {
  readonly weight: number;
  /** Of its LoRA, for sentences. */
  readonly lora: string;
}

/** @throws DarkroomError('bad_model') for a LoRA that holds NaN or infinite numbers */
export function requireFinite(values: Float32Array, scale: number, { lora, place }: WeightedChange): void {
  if (Number.isFinite(scale) && values.every((value) => Number.isFinite(value))) return;
  throw new DarkroomError('bad_model', sentence('lora.not_finite', { name: lora, layer: place.module }));
}
