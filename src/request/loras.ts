/** LoRAs of a request: in its `loras`, or in the prompt as A1111 writes them, `<lora:name:0.8>`. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { sentence, type Words } from '../sentences.ts';
import { LIMITS } from './limits.ts';
import { number, said, wordsOfIssue } from './schemas.ts';

/** A change of a model's weights that is laid over it for this request. */
export interface LoraRequest {
  /** Name of the file without its ending, as the catalogue resolves it. */
  readonly file: string;
  /** How strongly it acts: 1 as it was trained, 0 not at all, negative the other way. */
  readonly weight: number;
  /** The same for the text encoders, where it is another one. */
  readonly textEncoderWeight?: number;
  /** First 10 hex digits of the file's SHA-256: another file of the same name draws another picture. */
  readonly hash?: string;
}

const HASH = /^[0-9a-f]{10}$/;

export const loraShape = {
  file: z
    .string(said(sentence('field.name_or_file', { label: 'lora file' })))
    .min(1, said(sentence('field.empty_lora')))
    .max(500, said(sentence('field.long_lora'))),
  weight: number('LoRA weight', LIMITS.loraWeight).optional(),
  text_encoder_weight: number('LoRA text_encoder_weight', LIMITS.loraWeight).optional(),
  hash: z
    .string()
    .regex(HASH, said(sentence('field.hash', { label: 'hash of a LoRA' })))
    .optional(),
};
export const loraSchema = z.strictObject(loraShape, said(sentence('field.lora')));
export type LoraDraft = z.input<typeof loraSchema>;

/** LoRAs that are installed, by the names that a draft calls them. */
export type KnownLoras = ReadonlyMap<string, { readonly name: string; readonly hash: string }>;

/** `<lora:name>`, `<lora:name:0.8>`, `<lora:name:0.5:1>` (text encoders, then denoiser), `<lora:name:te=0.5:unet=1>`. */
const TAG = /<(?:lora|lyco):([^<>]*)>/gi;

/** @returns the prompt without its tags, and what they say */
export function takeLoras(prompt: string): { readonly prompt: string; readonly loras: readonly LoraDraft[] } {
  const loras = Array.from(prompt.matchAll(TAG), ([tag, inner]) => readTag(tag, inner!));
  if (loras.length === 0) return { prompt, loras };
  return {
    prompt: prompt
      .replaceAll(TAG, '')
      .replaceAll(/[^\S\n]{2,}/g, ' ')
      .trim(),
    loras,
  };
}

function readTag(tag: string, inner: string): LoraDraft {
  const [name = '', ...parts] = inner.split(':').map((part) => part.trim());
  const numbers: number[] = [];
  const named = new Map<string, number>();
  for (const part of parts) {
    const [, key, value] = /^(?:(te|unet)=)?([+-]?(?:\d+\.?\d*|\.\d+))$/.exec(part) ?? [];
    if (name === '' || value === undefined || numbers.length > 1) throw badTag(tag);
    if (key === undefined) numbers.push(Number(value));
    else named.set(key, Number(value));
  }
  if (name === '') throw badTag(tag);
  const text = named.get('te') ?? numbers[0] ?? 1;
  const denoiser = named.get('unet') ?? numbers[1] ?? text;
  return draftOf(name, denoiser, text);
}

const draftOf = (file: string, weight: number, text: number): LoraDraft => ({
  file,
  weight,
  ...(text !== weight && { text_encoder_weight: text }),
});

const badTag = (tag: string) =>
  new DarkroomError('bad_request', sentence('request.bad_lora_tag', { tag: tag.slice(0, 80) }));

/** Between a LoRA's name and its trigger words, where a menu shows both. */
const LABEL = ' \u00b7 ';

/** What a menu shows for a LoRA. Whoever goes on typing behind it sends all of it: readLoraWords drops the words again. */
export const loraLabel = (value: string, triggers: readonly string[] = []): string =>
  triggers.length === 0 ? value : value + LABEL + triggers.join(' / ').replaceAll(/\s*,\s*/g, ' / ');

/** `name`, `name:0.8`, `name:0.5:0.8` as in a tag; several with commas. */
export function readLoraWords(words: string): LoraDraft[] {
  return words
    .split(',')
    .map((part) => part.split(LABEL, 1)[0]!)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const match =
        /^(?<name>.+?)(?::(?<first>[+-]?(?:\d+\.?\d*|\.\d+)))?(?::(?<second>[+-]?(?:\d+\.?\d*|\.\d+)))?$/.exec(
          part.trim(),
        );
      const { name = part.trim(), first = '1', second } = match?.groups ?? {};
      return draftOf(name, Number(second ?? first), Number(first));
    });
}

/** What readLoraWords reads. */
export const loraWords = (loras: readonly LoraDraft[]): string => loras.map(words).join(',');

/** As A1111 writes it in a prompt. */
export const loraTag = (lora: LoraDraft): string => `<lora:${words(lora)}>`;

function words({ file, weight = 1, text_encoder_weight: text }: LoraDraft): string {
  if (text !== undefined && text !== weight) return `${file}:${text}:${weight}`;
  return weight === 1 ? `${file}:1` : `${file}:${weight}`;
}

/** A name within A1111's `Lora hashes` and `TI hashes`, which loses there what would end it. */
export const nameInHashes = (name: string): string => name.replaceAll(/[:,]/g, '');

interface Asked {
  readonly prompt: string;
  readonly prompt_syntax?: string | undefined;
  readonly loras?: readonly LoraDraft[] | undefined;
}

/** All LoRAs that a draft asks for, and its prompt without their tags. */
export function lorasOf({ prompt, prompt_syntax: syntax, loras = [] }: Asked): {
  readonly prompt: string;
  readonly loras: readonly LoraDraft[];
} {
  if (syntax === 'plain') return { prompt, loras };
  const taken = takeLoras(prompt);
  return { prompt: taken.prompt, loras: [...loras, ...taken.loras] };
}

/**
 * @param known undefined where nobody has looked for them: they are taken as they are called
 * @returns the frozen LoRAs, and sentences for the user
 * @throws DarkroomError('bad_request') for too many, or for a weight outside its limits
 */
export function freezeLoras(
  drafts: readonly LoraDraft[],
  known?: KnownLoras,
): { loras: readonly LoraRequest[]; notes: Words[] } {
  if (drafts.length > LIMITS.loras) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.many_loras', { count: drafts.length, limit: LIMITS.loras }),
    );
  }
  const notes: Words[] = [];
  const loras = drafts.map((draft): LoraRequest => {
    const parsed = loraSchema.safeParse(draft);
    if (!parsed.success) throw new DarkroomError('bad_request', wordsOfIssue(parsed.error.issues[0]!));
    const { file, weight = 1, text_encoder_weight: text, hash: asked } = draft;
    const found = known?.get(file);
    const hash = found?.hash ?? asked;
    if (found !== undefined && asked !== undefined && asked !== found.hash) {
      notes.push(sentence('request.other_lora', { name: found.name, hash: found.hash, asked }));
    }
    if (weight === 0 && (text ?? 0) === 0)
      notes.push(sentence('request.lora_at_zero', { name: found?.name ?? file }));
    return Object.freeze({
      file: found?.name ?? file,
      weight,
      ...(text !== undefined && text !== weight && { textEncoderWeight: text }),
      ...(hash !== undefined && { hash }),
    });
  });
  return { loras: Object.freeze(loras), notes };
}

export const loraToJson = ({ file, weight, textEncoderWeight, hash }: LoraRequest): LoraDraft => ({
  file,
  weight,
  ...(textEncoderWeight !== undefined && { text_encoder_weight: textEncoderWeight }),
  ...(hash !== undefined && { hash }),
});
