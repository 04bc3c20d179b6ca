/**
 * Prompts with choices, in the grammar of dynamic prompts (https://github.com/adieyal/dynamicprompts):
 * `{red|blue}`, `{3::red|blue}` with weights, `{2$$a|b|c}` and `{1-2$$ and $$a|b|c}` for several, with open ends as in
 * `{-2$$a|b|c}` (1 or 2) and `{2-$$a|b|c}`, `__colour__` for a line of a list, each within each other; variables,
 * `${c=VALUE}`, `${c=!VALUE}`, `${c}` and `${c:OTHERWISE}`.
 */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';

export type Part = string | Choice | Wildcard | Definition | Variable;

/** Some of several options. */
export interface Choice {
  readonly kind: 'choice';
  /** With its braces. */
  readonly typed: string;
  /** How another program would go through its options, where that was typed: in turn (`@`), or all of them (`!`). */
  readonly sampler?: string;
  /** How many are taken, at least and at most; no option is taken twice. Infinity is as many as there are. */
  readonly least: number;
  readonly most: number;
  /** Between those that are taken. */
  readonly joiner: string;
  readonly options: readonly Option[];
}

export interface Option {
  /** How often it is taken, compared with the others. */
  readonly weight: number;
  readonly parts: readonly Part[];
}

/** A line of a list. */
interface Wildcard {
  readonly kind: 'wildcard';
  /** May hold `*`, which stands for any part of the names of lists. */
  readonly name: string;
}

/** A value for the name of a variable: no words of its own. */
interface Definition {
  readonly kind: 'definition';
  readonly name: string;
  /** Whether its choices are made here, rather than at each use. */
  readonly isDrawnHere: boolean;
  readonly parts: readonly Part[];
}

/** The value of a variable. */
interface Variable {
  readonly kind: 'variable';
  readonly name: string;
  /** With its braces. */
  readonly typed: string;
  /** What is drawn where it has no value. */
  readonly otherwise?: readonly Part[];
}

/** Choices within choices. */
const MOST_DEPTH = 20;
const JOINER = ', ';

/** `__colour__`, `__animals/cats__`, `__hair_*__`. */
const WILDCARD = /__[~@!]?([\p{L}\p{N}*](?:[\p{L}\p{N}*/-]|_(?!_))*)__/gu;
/** `2$$`, `1-3$$`, `2-$$`, `-3$$`, `2$$ and $$`. */
const HEAD =
  /^\s*(?:(?<from>\d{1,3})\s*(?<open>-\s*(?<to>\d{1,3})?)?|-\s*(?<upTo>\d{1,3}))\s*\$\$(?:(?<joiner>[^{}|$]*)\$\$)?/;
/** How options are gone through: `{~a|b}`, `{@a|b}`, `{!a|b}`. */
const SAMPLER = /^\s*([~@!])(?=\S)/;
/** `c=`, `c=!`, `c:` or all of it, `c`. */
const VARIABLE = /^\s*(?<name>[\p{L}_][\p{L}\p{N}_-]{0,39})\s*(?:=\s*(?<once>!)?|(?<or>:)|$)/u;
const WEIGHT = /^\s*(\d{1,6}(?:\.\d{1,6})?)::/;
/** Numbers that stand where a weight or a count would: `-1::`, `1e9::`; `1.5$$`, `1-2-3$$`. */
const MEANT = {
  '::': /^\s*([+-]?(?:\d[\d.,]{0,20}|\.\d{1,20})(?:e[+-]?\d{1,5})?)\s*::/i,
  $$: /^\s*([+-]{0,2}[\d.,](?:[\d.,\s+-]|e[\d+-]){0,40})\$\$/i,
} as const;

/**
 * @returns the text in parts; braces without a choice in them, and those that are not closed, are words
 * @throws DarkroomError('bad_request') for choices that lie too deep in each other, and for numbers that are no weight or count
 */
export function parseTemplate(text: string): readonly Part[] {
  return new Reader(text).parts(0, text.length, 0);
}

/** @param line of a list, which may begin with a weight as an option does */
export function parseOption(line: string): Option {
  const [head = '', weight = '1'] = WEIGHT.exec(line) ?? [];
  if (head === '') requireNumber(line, '::');
  return { weight: Number(weight), parts: parseTemplate(line.slice(head.length)) };
}

/** Names of all lists in a template. */
export function wildcardsOf(parts: readonly Part[]): string[] {
  return parts.flatMap((part) => {
    if (typeof part === 'string') return [];
    if (part.kind === 'wildcard') return [part.name];
    if (part.kind === 'definition') return wildcardsOf(part.parts);
    if (part.kind === 'variable') return wildcardsOf(part.otherwise ?? []);
    return part.options.flatMap((one) => wildcardsOf(one.parts));
  });
}

class Reader {
  readonly #text: string;
  /** Where the brace is closed that opens at a place. */
  readonly #closing = new Map<number, number>();

  constructor(text: string) {
    this.#text = text;
    const open: number[] = [];
    for (let at = 0; at < text.length; at++) {
      // `\\{` is a brace of the text.
      if (text[at] === '\\') at++;
      else if (text[at] === '{') open.push(at);
      else if (text[at] === '}' && open.length > 0) this.#closing.set(open.pop()!, at);
    }
  }

  parts(from: number, to: number, depth: number): Part[] {
    if (depth > MOST_DEPTH) {
      throw new DarkroomError('bad_request', sentence('choices.deep', { limit: MOST_DEPTH }));
    }
    const found: Part[] = [];
    let words = from;
    const endWords = (end: number) => {
      if (end > words) found.push(...withWildcards(this.#text.slice(words, end)));
    };
    for (let at = from; at < to; ) {
      const close = this.#closing.get(at);
      const variable = close === undefined ? undefined : this.#variable(at, close, depth);
      const part = variable ?? (close === undefined ? undefined : this.#choice(at + 1, close, depth));
      if (part === undefined) {
        at++;
        continue;
      }
      endWords(variable === undefined ? at : at - 1);
      found.push(part);
      at = close! + 1;
      words = at;
    }
    endWords(to);
    return found;
  }

  /** @param at its brace, behind a `$` that is not the end of `$$` */
  #variable(at: number, to: number, depth: number): Definition | Variable | undefined {
    let dollars = 0;
    while (this.#text[at - 1 - dollars] === '$') dollars++;
    if (dollars % 2 === 0) return undefined;
    const { 0: head, groups: { name, once, or } = {} } = VARIABLE.exec(this.#text.slice(at + 1, to)) ?? {};
    if (head === undefined || name === undefined) return undefined;
    const typed = `\${${name}}`;
    const value = () => this.parts(at + 1 + head.length, to, depth + 1);
    if (or !== undefined) return { kind: 'variable', name, typed, otherwise: value() };
    if (!head.includes('=')) return { kind: 'variable', name, typed };
    return { kind: 'definition', name, isDrawnHere: once !== undefined, parts: value() };
  }

  #choice(from: number, to: number, depth: number): Choice | undefined {
    const [sign = '', sampler] = SAMPLER.exec(this.#text.slice(from, to)) ?? [];
    const choice = this.#options(from + sign.length, to, depth);
    if (choice === undefined) return undefined;
    const typed = this.#text.slice(from - 1, to + 1);
    return { ...choice, typed, ...(sampler !== undefined && sampler !== '~' && { sampler }) };
  }

  #options(from: number, to: number, depth: number): Omit<Choice, 'typed'> | undefined {
    const { 0: head, groups: { joiner = JOINER, ...bounds } = {} } =
      HEAD.exec(this.#text.slice(from, to)) ?? {};
    const options = this.#split(from + (head?.length ?? 0), to);
    if (head === undefined && options.length === 1) return undefined;
    if (head === undefined) requireNumber(this.#text.slice(from, to), '$$');
    const counts = countsOf(bounds);
    return {
      kind: 'choice',
      least: Math.min(...counts),
      most: Math.max(...counts),
      joiner,
      options: options.map(([start, end]): Option => {
        const [weighed = '', weight = '1'] = WEIGHT.exec(this.#text.slice(start, end)) ?? [];
        if (weighed === '') requireNumber(this.#text.slice(start, end), '::');
        return { weight: Number(weight), parts: this.parts(start + weighed.length, end, depth + 1) };
      }),
    };
  }

  /** Where the options between the bars begin and end. */
  #split(from: number, to: number): (readonly [number, number])[] {
    const found: (readonly [number, number])[] = [];
    let start = from;
    for (let at = from; at < to; at++) {
      at = this.#closing.get(at) ?? at;
      if (this.#text[at] === '\\') at++;
      else if (this.#text[at] === '|') {
        found.push([start, at]);
        start = at + 1;
      }
    }
    return [...found, [start, to]];
  }
}

/** How many are taken; a bound that is left out is 1, or as many as there are. */
function countsOf({ from, open, to, upTo }: Readonly<Record<string, string | undefined>>): [number, number] {
  if (from === undefined) return [1, Number(upTo ?? 1)];
  return [
    Number(from),
    to === undefined && open !== undefined ? Number.POSITIVE_INFINITY : Number(to ?? from),
  ];
}

/** @throws DarkroomError('bad_request') where a number is meant as a weight or a count, and cannot be one */
function requireNumber(text: string, sign: keyof typeof MEANT): void {
  const typed = MEANT[sign].exec(text)?.[1]?.trim();
  if (typed === undefined) return;
  throw new DarkroomError(
    'bad_request',
    sign === '::'
      ? sentence('choices.bad_weight', { typed: `${typed}::`, example: '{3::red|blue}' })
      : sentence('choices.bad_count', { typed: `${typed}$$`, example: '{2$$red|blue|green}' }),
  );
}

function withWildcards(words: string): Part[] {
  const found: Part[] = [];
  let end = 0;
  for (const match of words.matchAll(WILDCARD)) {
    if (match.index > end) found.push(words.slice(end, match.index));
    found.push({ kind: 'wildcard', name: match[1]! });
    end = match.index + match[0].length;
  }
  return end < words.length ? [...found, words.slice(end)] : found;
}
