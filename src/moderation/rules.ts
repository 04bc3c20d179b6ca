/**
 * Rules about prompts: each is a list of words, phrases and patterns that a prompt must not have. Words and phrases are
 * found however they are spelled: in look-alike letters (fold.ts), with signs between their letters, or letter by
 * letter. Patterns are RE2's, which takes time in proportion to the text whatever the pattern.
 */
import { RE2JS } from 're2js';
import { DarkroomError } from '../errors.ts';
import { Lru } from '../lru.ts';
import { sentence } from '../sentences.ts';
import { latinText, plainText, shapeOf } from './fold.ts';
import { lettersOf, MOST_LETTERS, Terms } from './terms.ts';

/** A rule as it is kept: a term a line. `gun` is a word, `machine gun` a phrase, `gun*` a beginning, `/AK-?47/` a pattern. */
export interface PromptRule {
  readonly name: string;
  readonly terms: string;
}

/** Of all rules of a server together, and of what one request says, so that it is read in milliseconds. */
const RULE_LIMITS = { rules: 50, terms: 1000, patterns: 20, text: 50_000 } as const;
/** Of one pattern. */
const MOST_PATTERN = { characters: 200, instructions: 500 };

interface Compiled {
  readonly terms: Terms;
  readonly patterns: readonly { readonly rule: string; readonly pattern: RE2JS }[];
  /** All patterns as one, since most prompts match none. */
  readonly any: RE2JS | undefined;
}

const PATTERN = /^\/(.+)\/$/su;
const FLAGS = RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL;

/** By the rules' own text: they are the same from prompt to prompt. */
const compiled = new Lru<Compiled>({ limit: 200 });

/**
 * Reads what an admin typed.
 * @param typed terms with bars, commas or lines between; beside other terms a pattern needs a line of its own
 * @returns a term a line, as it is kept
 * @throws DarkroomError('bad_request') that names the term
 */
export function readTerms(typed: string): string {
  const isPattern = PATTERN.test(typed.trim());
  const separator = isPattern || typed.includes('\n') ? '\n' : typed.includes('|') ? '|' : ',';
  const terms = [...new Set(typed.split(separator).map((term) => term.trim()))].filter((term) => term !== '');
  if (terms.length === 0) throw new DarkroomError('bad_request', sentence('rules.empty'));
  for (const term of terms) requireTerm(term);
  return terms.join('\n');
}

function requireTerm(term: string): void {
  const [, pattern] = PATTERN.exec(term) ?? [];
  const limit = pattern === undefined ? MOST_LETTERS : MOST_PATTERN.characters;
  if (term.length > limit)
    throw new DarkroomError('bad_request', sentence('rules.term_too_long', { count: term.length, limit }));
  if (pattern !== undefined) compilePattern(pattern);
  else if (lettersOf(term) < leastLetters(term))
    throw new DarkroomError('bad_request', sentence('rules.term_too_short', { term }));
}

/** A letter of an alphabet is no word; a sign of Chinese or a syllable of Korean may be one. */
const leastLetters = (term: string) => (/\p{Script=Latin}|\p{N}/u.test(shapeOf(term)) ? 2 : 1);

/** @throws DarkroomError('bad_request') where all rules together would be too many */
export function requireRuleRoom(rules: readonly PromptRule[]): void {
  const terms = rules.flatMap((rule) => rule.terms.split('\n'));
  const counts = {
    rules: rules.length,
    terms: terms.length,
    patterns: terms.filter((term) => PATTERN.test(term)).length,
  };
  for (const what of ['rules', 'terms', 'patterns'] as const) {
    if (counts[what] <= RULE_LIMITS[what]) continue;
    const values = { what, count: counts[what], limit: RULE_LIMITS[what] };
    throw new DarkroomError('bad_request', sentence('rules.too_many', values));
  }
}

/**
 * @returns the name of a rule that one of the texts breaks; undefined where all keep to them
 * @throws DarkroomError('too_large') for texts that are too long to be read
 */
export function brokenRule(rules: readonly PromptRule[], texts: readonly string[]): string | undefined {
  const said = [...new Set(texts)].filter((text) => text !== '');
  if (rules.length === 0 || said.length === 0) return undefined;
  const length = said.reduce((sum, text) => sum + text.length, 0);
  if (length > RULE_LIMITS.text) {
    throw new DarkroomError(
      'too_large',
      sentence('rules.long_request', { count: length, limit: RULE_LIMITS.text }),
    );
  }
  const { terms, patterns, any } = compile(rules);
  for (const text of said) {
    const found = terms.find(shapeOf(text));
    if (found !== undefined) return found;
    if (any === undefined) continue;
    const spellings = [...new Set([plainText(text), latinText(text)])];
    if (!spellings.some((one) => any.test(one))) continue;
    return patterns.find(({ pattern }) => spellings.some((one) => pattern.test(one)))?.rule;
  }
  return undefined;
}

function compile(rules: readonly PromptRule[]): Compiled {
  const key = JSON.stringify(rules);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const terms = new Terms();
  const sources: { rule: string; source: string }[] = [];
  for (const { name: rule, terms: lines } of rules) {
    for (const term of lines.split('\n')) {
      const [, source] = PATTERN.exec(term) ?? [];
      if (source === undefined) terms.add(rule, term);
      else sources.push({ rule, source });
    }
  }
  const made: Compiled = {
    terms,
    patterns: sources.map(({ rule, source }) => ({ rule, pattern: compilePattern(source) })),
    any:
      sources.length === 0
        ? undefined
        : RE2JS.compile(sources.map(({ source }) => `(?:${source})`).join('|'), FLAGS),
  };
  compiled.set(key, made);
  return made;
}

/** @throws DarkroomError('bad_request') for what RE2 does not read, what is too large once it is written out, and what is everywhere */
function compilePattern(pattern: string): RE2JS {
  let made: RE2JS;
  try {
    made = RE2JS.compile(pattern, FLAGS);
  } catch (cause) {
    throw new DarkroomError('bad_request', sentence('rules.bad_pattern', { pattern }), { cause });
  }
  if (made.programSize() > MOST_PATTERN.instructions)
    throw new DarkroomError('bad_request', sentence('rules.large_pattern', { pattern }));
  if (made.test('')) throw new DarkroomError('bad_request', sentence('rules.empty_pattern', { pattern }));
  return made;
}
