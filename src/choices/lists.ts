/** Lists of words that prompts call by name: `__colour__` is a line of the list colour. */
import { DarkroomError, nearestNames } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { type Option, parseOption, wildcardsOf } from './template.ts';

/** The lines of each list, by the names that prompts call them. */
export type Lists = ReadonlyMap<string, readonly Option[]>;

/** The lists that there are now, by name; the lines of each, as they were written, are read when it is called. */
export type ListSource = () => Promise<ReadonlyMap<string, () => Promise<readonly string[]>>>;

/** Lists that one request may call. */
const MOST_LISTS = 100;

/** The first source that has a list is the one that is read. */
export const together =
  (sources: readonly ListSource[]): ListSource =>
  async () => {
    const found = await Promise.all(sources.map((source) => source()));
    return new Map(found.toReversed().flatMap((lists) => [...lists]));
  };

/** The lines of a text: one each, without empty ones and comments. */
export const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

/**
 * Reads the lists that are called, and those that their lines call.
 * @returns without those that nobody has: they are words, unless their name is nearly that of a list
 * @throws DarkroomError('bad_request') for a list that calls itself, an empty one, too many, and a mistyped name
 */
export async function readLists(called: readonly string[], source: ListSource): Promise<Lists> {
  const lists = new Map<string, readonly Option[]>();
  if (called.length === 0) return lists;
  const found = await source();
  const known = [...found.keys()];
  const visit = async (name: string, path: readonly string[]): Promise<void> => {
    if (path.includes(name)) {
      const round = [...path.slice(path.indexOf(name)), name].join(' → ');
      throw new DarkroomError('bad_request', sentence('choices.round', { name, round }));
    }
    if (lists.has(name)) return;
    const names = name.includes('*') ? matching(name, known) : [name];
    const lines = (await Promise.all(names.map(async (one) => (await found.get(one)?.()) ?? []))).flat();
    if (lines.length === 0) return requireUnlike(name, known);
    if (lists.size === MOST_LISTS) {
      throw new DarkroomError('bad_request', sentence('choices.many_lists', { limit: MOST_LISTS }));
    }
    const options = lines.map(parseOption);
    for (const next of new Set(options.flatMap(({ parts }) => wildcardsOf(parts)))) {
      await visit(next, [...path, name]);
    }
    lists.set(name, options);
  };
  for (const name of new Set(called)) await visit(name, []);
  return lists;
}

function matching(pattern: string, names: readonly string[]): string[] {
  const parts = pattern.split('*');
  return names.filter((name) => {
    let at = 0;
    return parts.every((part, i) => {
      const isLast = i === parts.length - 1;
      const found = isLast && i > 0 ? name.length - part.length : name.indexOf(part, at);
      const fits = found >= at && name.startsWith(part, found) && (i > 0 || found === 0);
      at = found + part.length;
      return fits;
    });
  });
}

/** `__init__` is a word; `__color__` beside a list `colour` is a slip. */
function requireUnlike(name: string, known: readonly string[]): void {
  if (known.includes(name)) throw new DarkroomError('bad_request', sentence('choices.empty', { name }));
  const near = nearestNames(name, known);
  if (near.length === 0) return;
  throw new DarkroomError(
    'bad_request',
    sentence('choices.no_list', { name, near: { anyOf: near.map((one) => `__${one}__`) } }),
  );
}
