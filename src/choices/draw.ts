/** The words that a seed draws from a prompt with choices. */
import { createHash } from 'node:crypto';
import { DarkroomError, nearestNames } from '../errors.ts';
import { LIMITS } from '../request.ts';
import { sentence, shorten, type Words } from '../sentences.ts';
import type { Lists } from './lists.ts';
import { type Choice, type Option, type Part, wildcardsOf } from './template.ts';

type Variable = Extract<Part, { readonly kind: 'variable' }>;

/** Choices that are made, and variables that are used, in one text. */
const MOST_DRAWN = 5000;
/** Characters of a choice that a note quotes. */
const QUOTED = 40;

/**
 * The same words for the same seed on every machine: numbers are the first 32 bits of SHA-256 over `seed:field:count`,
 * apart from those of the noise.
 * Where more are asked for than there are, all are taken, as dynamic prompts does.
 * @param field which text of the request it is, so that two texts do not draw alike
 * @param onNote told what of a choice that was drawn has no effect
 * @throws DarkroomError('bad_request') for a text that becomes too long
 */
export function drawText(
  parts: readonly Part[],
  {
    seed,
    field,
    lists,
    onNote,
  }: {
    readonly seed: number;
    readonly field: string;
    readonly lists: Lists;
    readonly onNote: (note: Words) => void;
  },
): string {
  let drawn = 0;
  let used = 0;
  let length = 0;
  const values = new Map<string, readonly Part[]>();
  /** Names of the variables whose values are being drawn. */
  const within: string[] = [];
  const requireLess = () => {
    if (drawn + used === MOST_DRAWN) throw tooMuch(sentence('choices.too_many', { limit: MOST_DRAWN }));
  };
  const random = () => {
    requireLess();
    const digest = createHash('sha256').update(`${seed}:${field}:${drawn++}`).digest();
    return digest.readUInt32BE() / 2 ** 32;
  };
  const text = (of: readonly Part[]): string => of.map(part).join('');
  const part = (one: Part): string => {
    if (typeof one === 'string') {
      length += one.length;
      if (length > LIMITS.promptCharacters)
        throw tooMuch(sentence('choices.too_long', { limit: LIMITS.promptCharacters }));
      return one;
    }
    if (one.kind === 'choice') return choice(one);
    if (one.kind === 'variable') return variable(one);
    if (one.kind === 'definition') {
      values.set(one.name, one.isDrawnHere ? [text(one.parts)] : one.parts);
      return '';
    }
    const lines = lists.get(one.name);
    return lines === undefined ? `__${one.name}__` : text(pick(lines, random).parts);
  };
  const variable = ({ name, typed, otherwise }: Variable): string => {
    requireLess();
    used++;
    const value = values.get(name) ?? otherwise;
    if (value === undefined) throw noValue(name, typed, [...values.keys()]);
    if (within.includes(name)) {
      throw new DarkroomError('bad_request', sentence('choices.own_value', { typed }));
    }
    within.push(name);
    const words = text(value);
    within.pop();
    return words;
  };
  const choice = ({ typed, sampler, least, most, joiner, options }: Choice): string => {
    const left = several(options, lists).filter(({ weight }) => weight > 0);
    if (left.length === 0 && most > 0) throw new DarkroomError('bad_request', sentence('choices.no_weight'));
    const asked = Number.isFinite(most) ? most : least;
    const quoted = shorten(typed, QUOTED);
    if (sampler !== undefined) onNote(sentence('choices.sampler', { typed: quoted, sign: sampler }));
    if (asked > left.length) onNote(sentence('choices.few', { typed: quoted, count: left.length, asked }));
    if (most === 0) onNote(sentence('choices.none_taken', { typed: quoted }));
    const [from, to] = [Math.min(least, left.length), Math.min(most, left.length)];
    const count = from + Math.floor(random() * (to - from + 1));
    const taken: string[] = [];
    for (let i = 0; i < count; i++) {
      const one = pick(left, random);
      left.splice(left.indexOf(one), 1);
      taken.push(text(one.parts));
    }
    return most === 1 ? taken.join('') : taken.map((words) => words.trim()).join(joiner);
  };
  // An option that is empty leaves the spaces of both its sides.
  return text(parts)
    .replaceAll(/[^\S\n]{2,}/g, ' ')
    .trim();
}

/** Of a list that is the only option, several lines are taken: `{2$$__colour__}`. */
function several(options: readonly Option[], lists: Lists): readonly Option[] {
  const [only, ...others] = options;
  const wildcards = only === undefined || others.length > 0 ? [] : wildcardsOf(only.parts);
  const isList = wildcards.length === 1 && only!.parts.length === 1 && typeof only!.parts[0] !== 'string';
  return (isList ? lists.get(wildcards[0]!) : undefined) ?? options;
}

/** @throws DarkroomError('bad_request') where nothing has a weight */
function pick(options: readonly Option[], random: () => number): Option {
  const sum = options.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) throw new DarkroomError('bad_request', sentence('choices.no_weight'));
  let rest = random() * sum;
  for (const one of options) {
    rest -= one.weight;
    if (rest < 0) return one;
  }
  return options.at(-1)!;
}

function noValue(name: string, typed: string, known: readonly string[]): DarkroomError {
  const near = nearestNames(name, known);
  return new DarkroomError(
    'bad_request',
    near.length > 0
      ? sentence('choices.near_value', { typed, near: { anyOf: near.map((one) => `\${${one}}`) } })
      : sentence('choices.no_value', {
          typed,
          example: `\${${name}={red|blue}}`,
          flag: '--syntax plain',
        }),
  );
}

const tooMuch = (what: Words) => new DarkroomError('bad_request', sentence('choices.too_much', { what }));
