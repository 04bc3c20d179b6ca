/** The checks that request fields are made of; each refusal names the value, the limit and the way out. */
import { z } from 'zod';
import { offerNames } from '../errors.ts';
import { LIMITS } from './limits.ts';

interface Range {
  readonly min: number;
  readonly max: number;
}
export const UNIT: Range = { min: 0, max: 1 };

export const number = (label: string, { min, max }: Range) =>
  z.number(`${label} must be a number from ${min} to ${max}.`).refine((v) => v >= min && v <= max, {
    error: ({ input }) =>
      `${label} ${input} is outside ${min} to ${max}. Try ${Number(input) > max ? max : min}.`,
  });

export const integer = (label: string, range: Range) =>
  number(label, range).refine(Number.isInteger, {
    error: ({ input }) => `${label} ${input} must be a whole number. Try ${Math.round(Number(input))}.`,
  });

/** Control characters other than tabs and line ends: nobody means them, and databases refuse some. */
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

export const text = (label: string) =>
  z
    .string(`${label} must be text.`)
    .overwrite((value) => value.replaceAll(CONTROLS, '').replaceAll('\r\n', '\n'))
    .refine((v) => v.length <= LIMITS.promptCharacters, {
      error: ({ input }) =>
        `${label} has ${String(input).length} characters; the limit is ${LIMITS.promptCharacters}. Shorten it.`,
    });

/** -1 draws a new one, as in A1111. */
export const SEEDS = { min: -1, max: LIMITS.seed.max } as const;

/** How a seed of more than 32 bits is written: torch reads its lowest 32. */
export function longSeed(seed: number | string): string | undefined {
  if (!/^\d{10,40}$/.test(String(seed)) || Number(seed) <= LIMITS.seed.max) return undefined;
  const low = BigInt(seed) % BigInt(LIMITS.seed.max + 1);
  return `seed ${seed} has more than 32 bits. Take the lowest 32, ${low}, which draw the same picture in diffusers.`;
}

export const seed = (label: string) =>
  z
    .number(`${label} must be a number from ${SEEDS.min} to ${SEEDS.max}.`)
    .refine((v) => longSeed(v) === undefined, { error: ({ input }) => longSeed(Number(input))! })
    .pipe(integer(label, SEEDS));

export const flag = (label: string) => z.boolean(`${label} must be true or false.`);

export const name = <const T extends readonly string[]>(label: string, names: T) =>
  z.enum(names, {
    error: ({ input }) =>
      `${label} ${JSON.stringify(input)} is not known. ${offerNames(String(input), names)}`,
  });

export const image = (label: string) =>
  z.string(`${label} must be a file name or a picture.`).min(1, `${label} is empty.`);

export const images = (label: string, most: number) =>
  z.array(image(`each of ${label}`), `${label} must be a list of pictures.`).refine((v) => v.length <= most, {
    error: ({ input }) => `${label} names ${(input as unknown[]).length} pictures; the limit is ${most}.`,
  });

/** @param order what the two numbers are, for the refusal */
export const pair = (label: string, order: string) =>
  z.tuple(
    [integer(label, LIMITS.told), integer(label, LIMITS.told)],
    `${label} must be two whole numbers, [${order}].`,
  );
