/** Drafts: a picture in the few steps of its model's fast form first, and the same picture in full when it is wanted. */
import { DarkroomError } from '../src/errors.ts';
import {
  type LoraDraft,
  type ModelDefaults,
  type RequestDraft,
  requestToJson,
  seedOfPicture,
} from '../src/request.ts';
import { sentence, type Words } from '../src/sentences.ts';
import type { FullForm, JobRecord } from '../src/store/jobs.ts';

interface Quick {
  readonly draft: RequestDraft;
  /** What makes it full again. */
  readonly finish: FullForm;
  readonly note: Words;
}

/**
 * @param draft of the full picture, with everything that the user and the admin have set
 * @param defaults that fill its gaps
 * @throws DarkroomError('unsupported') for a model without a fast form
 */
export function quickDraft(draft: RequestDraft, model: string, defaults: ModelDefaults): Quick {
  const { draft: form } = defaults;
  if (form === undefined) throw new DarkroomError('unsupported', sentence('draft.no_form', { model }));
  const own: readonly LoraDraft[] = draft.loras ?? [];
  const steps = draft.num_inference_steps ?? defaults.numInferenceSteps;
  const { loras, ...fast } = form;
  const finish: FullForm = {
    num_inference_steps: steps,
    ...(form.guidance_scale !== undefined && {
      guidance_scale: draft.guidance_scale ?? defaults.guidanceScale,
    }),
    ...(form.sampler !== undefined && { sampler: draft.sampler ?? defaults.sampler }),
    ...(form.schedule !== undefined && { schedule: draft.schedule ?? defaults.schedule }),
    ...(loras !== undefined && { loras: [...own] }),
  };
  return {
    draft: { ...draft, ...fast, ...(loras !== undefined && { loras: [...own, ...loras] }) },
    finish,
    note: sentence('draft.note', { steps: form.num_inference_steps, full: steps }),
  };
}

/** The full picture of a draft. @param index of the picture @throws DarkroomError('bad_request') where it is no draft */
export function fullDraft({ request, frame }: JobRecord, index: number): RequestDraft {
  if (frame?.finish === undefined) throw new DarkroomError('bad_request', sentence('draft.is_none'));
  return {
    ...requestToJson(request),
    ...frame.finish,
    ...{ seed: seedOfPicture(request, index), num_images: 1 },
  };
}
