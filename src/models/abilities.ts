/** What a model can do, from what its family says of it: for /help and `models show`. */
import { LIMITS } from '../request.ts';
import { type Sentence, sentence } from '../sentences.ts';
import type { ModelSpec } from './spec.ts';

/** One sentence for each: steps, guidance, what it can start from, and what can be added to it. */
export function abilitiesOf({
  defaults: { numInferenceSteps, guidanceScale },
  denoiser,
  editsByInstruction,
  isGuided,
  reads,
}: Pick<ModelSpec, 'defaults' | 'denoiser' | 'editsByInstruction' | 'isGuided' | 'reads'>): Sentence[] {
  const guidance = { guidance: guidanceScale };
  return [
    sentence('models.can.steps', { count: numInferenceSteps }),
    isGuided(Number.MAX_VALUE)
      ? sentence('models.can.guidance', guidance)
      : reads.includes('guidanceScale')
        ? sentence('models.can.guidance_alone', guidance)
        : sentence('models.can.no_guidance'),
    sentence('models.can.pictures'),
    ...(editsByInstruction === true ? [sentence('models.can.references', { count: LIMITS.references })] : []),
    sentence(denoiser.controlNets === undefined ? 'models.can.loras' : 'models.can.controlnets'),
  ];
}
