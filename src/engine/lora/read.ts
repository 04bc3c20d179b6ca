/** The LoRAs of a request, found, read and checked against the model before anything is loaded. */
import { DarkroomError } from '../../errors.ts';
import type { Inventory } from '../../models/inventory/inventory.ts';
import { openLora } from '../../models/lora/file.ts';
import { hashOfLora, loraNamed } from '../../models/lora/known.ts';
import { describeIdle, describeUnused, planLora } from '../../models/lora/plan.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { GenerationRequest, LoraRequest } from '../../request.ts';
import { sentence, type Words } from '../../sentences.ts';
import type { WeightedChange } from './change.ts';

export interface Loras {
  /** Of all of them together, in their order; those of weight 0 are left out. */
  readonly changes: readonly WeightedChange[];
  /** The same for the same files with the same weights. */
  readonly key: string;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
}

const NO_LORAS: Loras = { changes: [], key: '', notes: [] };

/**
 * @param inventory in which they are found
 * @throws DarkroomError for a file that is not there, is damaged, was changed, or belongs to another family
 */
export async function readLoras(
  { loras = [] }: GenerationRequest,
  spec: ModelSpec,
  inventory: Inventory,
): Promise<Loras> {
  if (loras.length === 0) return NO_LORAS;
  const read = await Promise.all(
    loras.map(async (lora) => {
      const entry = await loraNamed(lora.file, inventory);
      const file = await openLora(entry.path, entry.name);
      const hash = requireSame(lora, await hashOfLora(entry, inventory));
      const plan = planLora(file, spec);
      const told = [describeUnused(plan, entry.name), await describeIdle(plan, entry.name)];
      const changes = plan.changes.flatMap((change): WeightedChange[] => {
        const weight =
          change.place.part === 'denoiser' ? lora.weight : (lora.textEncoderWeight ?? lora.weight);
        return weight === 0 ? [] : [{ ...change, weight, lora: entry.name }];
      });
      return {
        changes,
        key: `${hash} ${lora.weight} ${lora.textEncoderWeight ?? lora.weight}`,
        notes: told.filter((note) => note !== undefined),
      };
    }),
  );
  return {
    changes: read.flatMap(({ changes }) => changes),
    key: read.map(({ key }) => key).join('\n'),
    notes: read.flatMap(({ notes }) => notes),
  };
}

function requireSame({ file, hash }: LoraRequest, found: string): string {
  if (hash === undefined || hash === found) return found;
  throw new DarkroomError('bad_model', sentence('lora.replaced', { name: file, found, hash }));
}
