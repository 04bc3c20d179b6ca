/** What was typed where a prompt has choices, and what the seeds of its pictures have drawn from it (src/choices). */
import { z } from 'zod';
import { sentence } from '../../sentences.ts';
import { LIMITS } from '../limits.ts';
import { type LoraDraft, loraSchema } from '../loras.ts';
import { said, text } from '../schemas.ts';
import { field, type Pair } from './field.ts';

/** The texts of a request that may hold choices. */
export const TEXT_FIELDS = [
  'prompt',
  'prompt_2',
  'prompt_3',
  'negative_prompt',
  'negative_prompt_2',
  'negative_prompt_3',
] as const;
type TextField = (typeof TEXT_FIELDS)[number];
/** Texts by their fields. */
export type PictureWords = { readonly [Name in TextField]?: string | undefined };
/** Texts as they were typed, and the LoRAs beside them: those of the words are drawn with these. */
interface Templates extends PictureWords {
  readonly loras?: LoraDraft[] | undefined;
}

const words = (label: string) =>
  z.strictObject(
    Object.fromEntries(TEXT_FIELDS.map((name) => [name, text(`${label} ${name}`).optional()])) as Record<
      TextField,
      z.ZodOptional<ReturnType<typeof text>>
    >,
    said(sentence('field.prompts', { label })),
  );

interface WithTemplates {
  readonly templates?: Templates;
}

export const CHOICE_FIELDS = {
  /** As they were typed: `a {red|blue} mug`. */
  templates: field({
    name: 'templates',
    schema: words('templates').extend({ loras: z.array(loraSchema).max(LIMITS.loras).optional() }),
    fill: (value): Templates | undefined => value && Object.freeze({ ...value }),
    json: (value): Templates => ({ ...value }),
    // The keys of A1111's dynamic prompts.
    a1111: ({ templates = {} }: WithTemplates): Pair[] => [
      ['Template', templates.prompt],
      ['Negative Template', templates.negative_prompt],
    ],
  }),
  /** One for each picture, where they differ; `prompt` is that of the first. */
  pictureWords: field({
    name: 'picture_words',
    schema: z
      .array(words('picture_words'), said(sentence('field.objects', { label: 'picture_words' })))
      .max(LIMITS.images.max, said(sentence('field.many_words', { limit: LIMITS.images.max }))),
    fill: (value): readonly PictureWords[] | undefined => value && Object.freeze([...value]),
    json: (value) => [...value],
  }),
} as const;
