/** Choices in prompts: drawn before a request is frozen, by the seed of each picture. */
import { randomInt } from 'node:crypto';
import { LIMITS, type PictureWords, type RequestDraft, seedOfPicture, TEXT_FIELDS } from '../request.ts';
import type { Words } from '../sentences.ts';
import { drawText } from './draw.ts';
import { type ListSource, readLists } from './lists.ts';
import { parseTemplate, wildcardsOf } from './template.ts';

export { wildcardFolder } from './folder.ts';
export { type ListSource, linesOf, together } from './lists.ts';

interface Drawn {
  readonly draft: RequestDraft;
  /** What of its choices has no effect. */
  readonly notes: readonly Words[];
}

/**
 * Draws the words of a draft. What was typed stays in `templates`; where several pictures draw different words, those
 * are in `picture_words`, and `prompt` is that of the first.
 * @returns with the draft itself where it has no choices, or has drawn them already
 * @throws DarkroomError('bad_request')
 */
export async function drawWords(draft: RequestDraft, source: ListSource): Promise<Drawn> {
  if (draft.prompt_syntax === 'plain' || draft.templates !== undefined) return { draft, notes: [] };
  const typed = TEXT_FIELDS.flatMap((field) => {
    const text = draft[field];
    return typeof text === 'string' ? [{ field, text, parts: parseTemplate(text) }] : [];
  });
  const lists = await readLists(
    typed.flatMap(({ parts }) => wildcardsOf(parts)),
    source,
  );
  const templates = typed.filter(({ parts }) =>
    parts.some((part) => typeof part !== 'string' && (part.kind !== 'wildcard' || lists.has(part.name))),
  );
  if (templates.length === 0) return { draft, notes: [] };
  const seed = draft.seed === undefined || draft.seed === -1 ? randomInt(LIMITS.seed.max + 1) : draft.seed;
  // Each picture draws the same choices, so that most notes come several times.
  const notes = new Map<string, Words>();
  const onNote = (note: Words) => notes.set(JSON.stringify(note), note);
  const wordsOf = (picture: number): PictureWords =>
    Object.fromEntries(
      templates.map(({ field, parts }) => [
        field,
        drawText(parts, { seed: seedOfPicture({ seed }, picture), field, lists, onNote }),
      ]),
    );
  const count = Math.min(draft.num_images ?? 1, LIMITS.images.max);
  const words = Array.from({ length: count }, (_, i) => wordsOf(i));
  const areAlike = words.every((one) => templates.every(({ field }) => one[field] === words[0]![field]));
  return {
    draft: {
      ...draft,
      ...words[0],
      prompt: words[0]!.prompt ?? draft.prompt,
      seed,
      templates: {
        ...Object.fromEntries(templates.map(({ field, text }) => [field, text])),
        ...(draft.loras && { loras: draft.loras }),
      },
      ...(!areAlike && { picture_words: words }),
    },
    notes: [...notes.values()],
  };
}

/** A draft of a frozen request as somebody typed it, so that another seed draws other words. */
export function asTyped({ templates, picture_words: _, ...draft }: RequestDraft): RequestDraft {
  if (templates === undefined) return draft;
  const { loras: _drawn, ...rest } = draft;
  const { loras, ...texts } = templates;
  return { ...rest, ...texts, prompt: texts.prompt ?? draft.prompt, ...(loras && { loras: [...loras] }) };
}
