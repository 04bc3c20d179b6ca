/** The checks that request fields are made of; each refusal names the value, the limit and the way out. */
import { z } from 'zod';
import { offer } from '../errors.ts';
import { type Sentence, sentence, type Words } from '../sentences.ts';
import { LIMITS } from './limits.ts';

/** zod's messages are texts: a sentence travels in one as JSON. */
export const said = (words: Sentence): string => JSON.stringify(words);

/** What a schema here says is wrong. @param issue of zod */
export function wordsOfIssue({ message, path }: Pick<z.core.$ZodIssue, 'message' | 'path'>): Words {
  try {
    return JSON.parse(message) as Sentence;
  } catch {
    // A message of zod's own.
    return sentence('field.wrong_kind', { field: path.join('.') });
  }
}

interface Range {
  readonly min: number;
  readonly max: number;
}
export const UNIT: Range = { min: 0, max: 1 };

export const number = (label: string, { min, max }: Range) =>
  z.number(said(sentence('field.number', { label, min, max }))).refine((v) => v >= min && v <= max, {
    error: ({ input }) => {
      const near = Number(input) > max ? max : min;
      return said(sentence('field.outside', { label, value: String(input), min, max, near }));
    },
  });

export const integer = (label: string, range: Range) =>
  number(label, range).refine(Number.isInteger, {
    error: ({ input }) =>
      said(sentence('field.whole', { label, value: String(input), near: Math.round(Number(input)) })),
  });

/** Control characters other than tabs and line ends: nobody means them, and databases refuse some. */
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

export const text = (label: string) =>
  z
    .string(said(sentence('field.text', { label })))
    .overwrite((value) => value.replaceAll(CONTROLS, '').replaceAll('\r\n', '\n'))
    .refine((v) => v.length <= LIMITS.promptCharacters, {
      error: ({ input }) =>
        said(
          sentence('field.too_long', { label, count: String(input).length, limit: LIMITS.promptCharacters }),
        ),
    });

/** -1 draws a new one, as in A1111. */
export const SEEDS = { min: -1, max: LIMITS.seed.max } as const;

/** How a seed of more than 32 bits is written: torch reads its lowest 32. */
export function longSeed(seed: number | string): Sentence | undefined {
  if (!/^\d{10,40}$/.test(String(seed)) || Number(seed) <= LIMITS.seed.max) return undefined;
  const low = BigInt(seed) % BigInt(LIMITS.seed.max + 1);
  return sentence('field.long_seed', { seed, low: String(low) });
}

export const seed = (label: string) =>
  z
    .number(said(sentence('field.number', { label, ...SEEDS })))
    .refine((v) => longSeed(v) === undefined, { error: ({ input }) => said(longSeed(Number(input))!) })
    .pipe(integer(label, SEEDS));

export const flag = (label: string) => z.boolean(said(sentence('field.boolean', { label })));

export const name = <const T extends readonly string[]>(label: string, names: T) =>
  z.enum(names, {
    error: ({ input }) =>
      said(
        sentence('field.unknown_value', {
          label,
          value: JSON.stringify(input) ?? 'undefined',
          offer: offer(String(input), names),
        }),
      ),
  });

export const image = (label: string) =>
  z.string(said(sentence('field.image', { label }))).min(1, said(sentence('field.empty', { label })));

export const images = (label: string, most: number) =>
  z
    .array(image(`each of ${label}`), said(sentence('field.images', { label })))
    .refine((v) => v.length <= most, {
      error: ({ input }) =>
        said(sentence('field.many_images', { label, count: (input as unknown[]).length, limit: most })),
    });

/** @param order what the two numbers are, for the refusal */
export const pair = (label: string, order: string) =>
  z.tuple(
    [integer(label, LIMITS.told), integer(label, LIMITS.told)],
    said(sentence('field.pair', { label, order })),
  );
