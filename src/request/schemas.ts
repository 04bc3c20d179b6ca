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

export const text = (label: string) =>
  z.string(`${label} must be text.`).refine((v) => v.length <= LIMITS.promptCharacters, {
    error: ({ input }) =>
      `${label} has ${String(input).length} characters; the limit is ${LIMITS.promptCharacters}. Shorten it.`,
  });

export const flag = (label: string) => z.boolean(`${label} must be true or false.`);

export const name = <const T extends readonly string[]>(label: string, names: T) =>
  z.enum(names, {
    error: ({ input }) =>
      `${label} ${JSON.stringify(input)} is not known. ${offerNames(String(input), names)}`,
  });

export const image = (label: string) =>
  z.string(`${label} must be a file name or a picture.`).min(1, `${label} is empty.`);

/** @param order what the two numbers are, for the refusal */
export const pair = (label: string, order: string) =>
  z.tuple(
    [integer(label, LIMITS.told), integer(label, LIMITS.told)],
    `${label} must be two whole numbers, [${order}].`,
  );
