/** The request of a picture as what the next one starts from: how it was drawn, without what belonged to its own pictures. */
import type { Invocation } from '../adapters/adapter.ts';
import { isRecord } from '../src/json.ts';
import { inWordsOf, parseDraft, type RequestDraft, requestToJson } from '../src/request.ts';
import { sentence, type Words } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { applyChanges } from './instruction/apply.ts';
import { readInstruction } from './instruction/instruction.ts';
import { findJobOfPicture } from './job-access.ts';
import type { ModelInfo, Ports } from './ports.ts';
import { withoutRequest } from './small-talk.ts';

export interface Base {
  readonly draft: RequestDraft;
  /** The job that made the picture, where it is known here. */
  readonly record?: JobRecord;
}

/** Of the picture that was replied to. */
export async function baseOfReply(
  invocation: Invocation,
  ports: Pick<Ports, 'jobs'>,
): Promise<Base | undefined> {
  const [picture] = invocation.repliedTo?.pictureIds ?? [];
  const record = picture === undefined ? undefined : await findJobOfPicture(picture, invocation, ports);
  if (record === undefined) return undefined;
  const index = record.pictures.findIndex(({ id }) => id === picture);
  return { draft: requestToJson(inWordsOf(record.request, index)), record };
}

/** Of an upload that says how it was made; a text that others have written may hold anything. */
export function baseOfTexts(texts: ReadonlyMap<string, string> | undefined): Base | undefined {
  const text = texts?.get('darkroom');
  const draft = text === undefined ? undefined : draftOfText(text);
  return draft && { draft };
}

/** The `darkroom` text of a picture: JSON with the frozen request; undefined where it is anything else. */
export function draftOfText(text: string): RequestDraft | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return parseDraft(isRecord(json) && 'request' in json ? json['request'] : json);
  } catch {
    return undefined;
  }
}

const KEPT = [
  'negative_prompt',
  'prompt_syntax',
  'num_inference_steps',
  'sampler',
  'schedule',
  'guidance_scale',
  'clip_skip',
  'guidance_rescale',
  'eta',
  'rng',
  'scheduler_config',
] as const satisfies readonly (keyof RequestDraft)[];

/** How a picture was drawn, for another one of the same model. @param maxSteps the admin's limit */
export function settingsOf(draft: RequestDraft, maxSteps = Number.POSITIVE_INFINITY): Partial<RequestDraft> {
  const kept = Object.fromEntries(
    KEPT.flatMap((key) => (draft[key] === undefined ? [] : [[key, draft[key]]])),
  ) as Partial<RequestDraft>;
  const { num_inference_steps: steps } = kept;
  return steps === undefined ? kept : { ...kept, num_inference_steps: Math.min(steps, maxSteps) };
}

export interface LaidOver {
  readonly prompt: string;
  readonly negative?: string;
  /** Sentences about how the words were read. */
  readonly notes: readonly Words[];
}

/**
 * Words laid over a picture's own prompt: none keep it, a short instruction changes it, a description takes its place.
 * A model that edits by instruction is given the words as they stand.
 */
export function layOver(
  words: string,
  { prompt, negative_prompt: negative = '' }: RequestDraft,
  { editsByInstruction = false }: Pick<ModelInfo, 'editsByInstruction'>,
): LaidOver {
  if (words.trim() === '') return { prompt, notes: [] };
  const changes = editsByInstruction ? undefined : readInstruction(words);
  if (changes === undefined || prompt.trim() === '') {
    return { prompt: editsByInstruction ? words : withoutRequest(words), notes: [] };
  }
  const { missing = [], ...changed } = applyChanges({ prompt, negative }, changes);
  const added = missing.map((word) => sentence('draw.not_in_prompt', { word }));
  if (changed.negative === negative) {
    return {
      prompt: changed.prompt,
      notes: [sentence('draw.changed', { prompt: changed.prompt }), ...added],
    };
  }
  return { ...changed, notes: [sentence('draw.changed_negative', { ...changed }), ...added] };
}
