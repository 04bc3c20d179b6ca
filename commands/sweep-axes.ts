/** The axes of a sweep as people type them: `steps=10,20,30 cfg=3..9+2`, and the values that they stand for. */
import { DarkroomError, offer } from '../src/errors.ts';
import { optionOfField } from '../src/request.ts';
import { type Sentence, sentence } from '../src/sentences.ts';
import { type AnyCommand, lineOptions, type Option } from './command.ts';
import { tokenize } from './line-tokens.ts';

export interface Axis {
  /** Name of the option that changes: `steps`. */
  readonly option: string;
  /** As a line gives them, each once. */
  readonly values: readonly string[];
}

/** Pictures of one sweep, and axes: columns, rows and panels. */
export const SWEEP_LIMITS = { cells: 48, axes: 3 } as const;

/** Options of which every picture of a sweep has its own value, or none. */
const FIXED = ['n', 'prompt', 'draft'];
const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)`;
/** `3..9`, `3..9+2`, `1..0-0.2`, and of a LoRA's weight `name:0.2..1+0.2`. Phones make one sign of the dots. */
const RANGE = new RegExp(
  `^(?:(.*):)?(${NUMBER})(?:\\.{2,3}|\u2026|\u2025)(${NUMBER}?)(?:([+-])(${NUMBER})?)?$`,
);
const DOTS = /\.\.|\u2026|\u2025/;
const ASSIGNED = /^([a-z][a-z0-9_-]*)[=\uff1d]([\s\S]*)$/i;

/**
 * Takes the axes out of a line.
 * @param command whose options can be swept
 * @returns the axes in their order, and the line without them
 * @throws DarkroomError('bad_request') for an option that is none, a range that cannot be read, too many values
 */
export function takeAxes(
  line: string,
  command: Pick<AnyCommand, 'options' | 'typed'>,
): { readonly axes: readonly Axis[]; readonly rest: string } {
  const options = Object.entries(lineOptions(command)).filter(([name, one]) => canBeSwept(name, one));
  const find = (typed: string) => {
    const name = optionOfField(typed) ?? typed;
    return options.find(
      ([key, { flag, aliases = [] }]) => key === name || [flag, ...aliases].includes(`--${name}`),
    );
  };
  const tokens = tokenize(line);
  const words: string[] = [];
  const axes: Axis[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const { raw, quoted } = tokens[at]!;
    const [, typed = '', start = ''] = (quoted ? null : ASSIGNED.exec(raw)) ?? [];
    const found = typed === '' ? undefined : find(typed.toLowerCase());
    if (found === undefined) {
      if (typed !== '' && (start.includes(',') || DOTS.test(start))) throw unknownAxis(typed, options);
      words.push(raw);
      continue;
    }
    let text = start;
    // A list may have spaces behind its commas, and quotes around names that have some.
    while (at + 1 < tokens.length && isOpen(text, tokens[at + 1]!.raw)) text = `${text} ${tokens[++at]!.raw}`;
    const [option, { type }] = found;
    if (axes.some((one) => one.option === option)) {
      throw new DarkroomError('bad_request', sentence('sweep.axis_twice', { option }));
    }
    axes.push({ option, values: valuesOf(option, text, type) });
  }
  return { axes, rest: words.join(' ') };
}

/** @throws DarkroomError('bad_request') where there is no axis, or too many, or too many pictures of them */
export function countCells(axes: readonly Axis[], most: number = SWEEP_LIMITS.cells): number {
  if (axes.length === 0) throw new DarkroomError('bad_request', sentence('sweep.no_axis'));
  if (axes.length > SWEEP_LIMITS.axes) {
    throw new DarkroomError(
      'bad_request',
      sentence('sweep.many_axes', { count: axes.length, limit: SWEEP_LIMITS.axes }),
    );
  }
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > most) throw tooMany(count, most);
  return count;
}

/** One object of values for each picture: the first axis changes fastest, the last one slowest. */
export function cellValues(axes: readonly Axis[]): Readonly<Record<string, string>>[] {
  return axes.reduce<Readonly<Record<string, string>>[]>(
    (before, { option, values }) =>
      values.flatMap((value) => before.map((one) => ({ ...one, [option]: value }))),
    [{}],
  );
}

const canBeSwept = (name: string, option: Option) =>
  !FIXED.includes(name) && option.type !== 'picture' && (option.type !== 'text' || option.single === true);

const isOpen = (text: string, next: string) =>
  /,\s*$/.test(text) || next.startsWith(',') || (text.match(/"/g)?.length ?? 0) % 2 === 1;

function valuesOf(option: string, text: string, type: Option['type']): string[] {
  const parts = text.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((part) =>
    part
      .trim()
      .replace(/^"([\s\S]*)"$/, '$1')
      .trim(),
  );
  if (parts.some((part) => part === '')) throw badValues(option, text);
  const isNumber = type === 'integer' || type === 'number' || option === 'lora';
  let count = 0;
  const values = parts.flatMap((part) => {
    if (!isNumber || !DOTS.test(part)) return [part];
    const range = readRange(part.normalize('NFKC'));
    if (range === undefined) throw badValues(option, part);
    count += range.count;
    // Counted before they are made.
    if (count > SWEEP_LIMITS.cells) throw tooMany(count, SWEEP_LIMITS.cells);
    return Array.from({ length: range.count }, (_, i) => range.at(i));
  });
  if (values.length > SWEEP_LIMITS.cells) throw tooMany(values.length, SWEEP_LIMITS.cells);
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice === undefined) return values;
  throw new DarkroomError('bad_request', sentence('sweep.value_twice', { option, value: twice }));
}

function readRange(text: string) {
  const [whole, name, first, last = '', sign, step] = RANGE.exec(text) ?? [];
  if (whole === undefined || last === '' || (sign !== undefined && step === undefined)) return undefined;
  const [from, to] = [Number(first), Number(last)];
  const size = step === undefined ? 1 : Number(step);
  const isDown = sign === undefined ? to < from : sign === '-';
  if (!(size > 0) || (to !== from && isDown !== to < from)) return undefined;
  const digits = Math.max(...[first!, step ?? '1'].map((one) => /\.(\d+)/.exec(one)?.[1]?.length ?? 0));
  const prefix = name === undefined ? '' : `${name}:`;
  return {
    // What floating point lacks of the last value is not left out.
    count: Math.floor(Math.abs(to - from) / size + 1e-9) + 1,
    at: (i: number) => `${prefix}${Number((from + (isDown ? -i : i) * size).toFixed(digits))}`,
  };
}

const badValues = (option: string, typed: string) =>
  new DarkroomError('bad_request', sentence('sweep.bad_values', { option, typed }));

const tooMany = (count: number, limit: number) =>
  new DarkroomError('bad_request', sentence('sweep.too_many', { count, limit }));

function unknownAxis(name: string, options: readonly (readonly [string, Option])[]): DarkroomError {
  const names = options.map(([option]) => option);
  const words: Sentence = sentence('sweep.unknown_option', { name, offer: offer(name, names) });
  return new DarkroomError('bad_request', words);
}
