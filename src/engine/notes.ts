/** Values of a request that change nothing with this model: one sentence each, for the user. */
import type { ModelSpec } from '../models/spec.ts';
import type { GenerationRequest } from '../request.ts';
import { sentence, type Words } from '../sentences.ts';
import { type Device, precisionOf } from './device.ts';

export function notesOf(request: GenerationRequest, spec: ModelSpec): Words[] {
  return [
    ...negativeNotes(request, spec),
    ...guidanceNotes(request, spec),
    ...promptNotes(request, spec),
    ...fieldNotes(request, spec),
  ];
}

/** @returns a sentence where the device's int8 has no effect */
export function precisionNotes(device: Device, { name, denoiser }: ModelSpec): Words[] {
  if (precisionOf(device, denoiser) === device.precision) return [];
  return [sentence('engine.precision_idle', { precision: device.precision, model: name })];
}

/** @returns a sentence where a model that was distilled without guidance is given some */
function guidanceNotes({ guidanceScale }: GenerationRequest, spec: ModelSpec): Words[] {
  const isRead = spec.isGuided(Number.MAX_VALUE) || spec.reads.includes('guidanceScale');
  if (isRead || guidanceScale === spec.defaults.guidanceScale) return [];
  return [sentence('engine.guidance_idle', { guidance: guidanceScale, model: spec.name })];
}

function negativeNotes(request: GenerationRequest, spec: ModelSpec): Words[] {
  const { guidanceScale, guidanceRescale } = request;
  if (spec.isGuided(guidanceScale)) return [];
  const negatives = [request.negativePrompt, request.negativePrompt2, request.negativePrompt3];
  const unused = [
    ...(negatives.some(isGiven) ? [sentence('engine.the_negative_prompt')] : []),
    ...(guidanceRescale > 0 ? ['guidance_rescale'] : []),
  ];
  return unused.map((what) =>
    spec.isGuided(Number.MAX_VALUE)
      ? sentence('engine.idle_at_guidance', {
          ...{ what, guidance: guidanceScale },
          least: 1 - (spec.guidanceOffset ?? 0),
        })
      : sentence('engine.idle_on_model', { what, model: spec.name }),
  );
}

function promptNotes(request: GenerationRequest, { name, textEncoders }: ModelSpec): Words[] {
  const given: (readonly [field: string, encoder: 1 | 2, text: string | undefined])[] = [
    ['prompt_2', 1, request.prompt2],
    ['prompt_3', 2, request.prompt3],
    ['negative_prompt_2', 1, request.negativePrompt2],
    ['negative_prompt_3', 2, request.negativePrompt3],
  ];
  return given
    .filter(([, encoder, text]) => isGiven(text) && encoder >= textEncoders.length)
    .map(([field, encoder]) =>
      sentence('engine.no_encoder', { field, model: name, ordinal: sentence(`engine.ordinal.${encoder}`) }),
    );
}

function fieldNotes(request: GenerationRequest, { name, reads, textEncoders }: ModelSpec): Words[] {
  const given = [
    ['original_size', 'originalSize'],
    ['crops_coords_top_left', 'cropsCoordsTopLeft'],
    ['target_size', 'targetSize'],
    ['max_sequence_length', 'maxSequenceLength'],
  ] as const;
  const notes = given
    .filter(([, key]) => request[key] !== undefined && !reads.includes(key))
    .map(([field]) => sentence('engine.field_idle', { field, model: name }));
  const skipsNothing = textEncoders.every((part) => part.kind !== 'clip' || part.rules.summaryOnly);
  if (request.clipSkip > 0 && skipsNothing) {
    notes.push(sentence('engine.clip_skip_idle', { model: name }));
  }
  const isIdleGuess = request.guessMode && request.controls.length === 0;
  return isIdleGuess ? [...notes, sentence('engine.guess_idle')] : notes;
}

const isGiven = (text: string | undefined): boolean => text !== undefined && text !== '';
