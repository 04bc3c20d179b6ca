/** Values of a request that change nothing with this model: one sentence each, for the user. */
import type { ModelSpec } from '../models/spec.ts';
import type { GenerationRequest } from '../request.ts';
import { type Device, precisionOf } from './device.ts';

const ORDINALS = ['', 'second', 'third'] as const;

export function notesOf(request: GenerationRequest, spec: ModelSpec): string[] {
  return [
    ...negativeNotes(request, spec),
    ...guidanceNotes(request, spec),
    ...promptNotes(request, spec),
    ...fieldNotes(request, spec),
  ];
}

/** @returns a sentence where the device's int8 has no effect */
export function precisionNotes(device: Device, { name, denoiser }: ModelSpec): string[] {
  if (precisionOf(device, denoiser) === device.precision) return [];
  return [
    `${device.precision} has no effect on ${name}, which was drawn in float32: it is for models with a UNet.`,
  ];
}

/** @returns a sentence where a model that was distilled without guidance is given some */
function guidanceNotes({ guidanceScale }: GenerationRequest, spec: ModelSpec): string[] {
  const isRead = spec.isGuided(Number.MAX_VALUE) || spec.reads.includes('guidanceScale');
  if (isRead || guidanceScale === spec.defaults.guidanceScale) return [];
  return [`Guidance ${guidanceScale} has no effect: ${spec.name} was trained without guidance.`];
}

function negativeNotes(request: GenerationRequest, spec: ModelSpec): string[] {
  const { guidanceScale, guidanceRescale } = request;
  if (spec.isGuided(guidanceScale)) return [];
  const negatives = [request.negativePrompt, request.negativePrompt2, request.negativePrompt3];
  const unused = [
    ...(negatives.some(isGiven) ? ['The negative prompt'] : []),
    ...(guidanceRescale > 0 ? ['guidance_rescale'] : []),
  ];
  const why = spec.isGuided(Number.MAX_VALUE)
    ? `at guidance ${guidanceScale}; choose a value above ${1 - (spec.guidanceOffset ?? 0)}`
    : `on ${spec.name}, which draws without classifier-free guidance`;
  return unused.map((what) => `${what} has no effect ${why}.`);
}

function promptNotes(request: GenerationRequest, { name, textEncoders }: ModelSpec): string[] {
  const given: (readonly [field: string, encoder: number, text: string | undefined])[] = [
    ['prompt_2', 1, request.prompt2],
    ['prompt_3', 2, request.prompt3],
    ['negative_prompt_2', 1, request.negativePrompt2],
    ['negative_prompt_3', 2, request.negativePrompt3],
  ];
  return given
    .filter(([, encoder, text]) => isGiven(text) && encoder >= textEncoders.length)
    .map(([field, encoder]) => `${field} has no effect: ${name} has no ${ORDINALS[encoder]} text encoder.`);
}

function fieldNotes(request: GenerationRequest, { name, reads, textEncoders }: ModelSpec): string[] {
  const given = [
    ['original_size', 'originalSize'],
    ['crops_coords_top_left', 'cropsCoordsTopLeft'],
    ['target_size', 'targetSize'],
    ['max_sequence_length', 'maxSequenceLength'],
  ] as const;
  const notes = given
    .filter(([, key]) => request[key] !== undefined && !reads.includes(key))
    .map(([field]) => `${field} has no effect: ${name} does not read it.`);
  const skipsNothing = textEncoders.every((part) => part.kind !== 'clip' || part.rules.summaryOnly);
  if (request.clipSkip > 0 && skipsNothing) {
    notes.push(`clip_skip has no effect: ${name} takes no states of a CLIP's layers.`);
  }
  const isIdleGuess = request.guessMode && request.controls.length === 0;
  return isIdleGuess ? [...notes, 'guess_mode has no effect without a control.'] : notes;
}

const isGiven = (text: string | undefined): boolean => text !== undefined && text !== '';
