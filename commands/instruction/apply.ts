/** Changes of a prompt: what stands in it for the same thing is replaced; what does not is added. */
import type { Change } from './instruction.ts';
import {
  COLOURS,
  isKorean,
  literal,
  PLACES,
  patternOf,
  STYLES,
  type Term,
  THINGS,
  TIMES,
  termOf,
  writtenFor,
} from './terms.ts';

interface Words {
  readonly prompt: string;
  readonly negative: string;
  /** What an instruction names that is not in the prompt: its change was added instead. */
  readonly missing?: readonly string[];
}

const COLOUR = patternOf(COLOURS);
const SHADED = new RegExp(`(?:(?:dark|light|bright|pale|deep) )?${COLOUR.source}`, 'iu');
const TIME = patternOf(TIMES);
const STYLE = patternOf(STYLES);
const KOREAN_PLACE = patternOf(PLACES);
const PLACE =
  /\s*\b(?:in front of|next to|on top of|in|on|at|under|inside|near|behind|above|over|by|beside)\s+(?:(?:an?|the|his|her|its|my)\s+)?[\p{L}' -]+?(?=\s*,|\s*$|\s+(?:at|by|in|on|during|with|and|wearing)\s)/giu;
/** What people are in, and no place. */
const WORN =
  /\b(?:dress|shirt|hat|coat|suit|jacket|armou?r|uniform|kimono|hanbok|costume|clothes|style|colou?r)\b/i;

export function applyChanges(words: Words, changes: readonly Change[]): Words {
  return changes.reduce((before, change) => {
    const named = namedBy(change);
    const isThere = named === undefined || namesOf(named).some((one) => wordPattern(one).test(before.prompt));
    const missing = [...(before.missing ?? []), ...(isThere ? [] : [named])];
    return { ...apply(before, change), ...(missing.length > 0 && { missing }) };
  }, words);
}

/** What a change looks for in the prompt. */
const namedBy = (change: Change): string | undefined =>
  change.kind === 'replace' ? change.from : change.kind === 'colour' ? change.of : undefined;

function apply({ prompt, negative }: Words, change: Change): Words {
  switch (change.kind) {
    case 'colour':
      return { prompt: withColour(prompt, change.term, change.of), negative };
    case 'time':
      return { prompt: withPhrase(prompt, TIME, writtenFor(change.term, prompt)), negative };
    case 'style':
      return { prompt: withStyle(prompt, writtenFor(change.term, prompt)), negative };
    case 'place':
      return {
        prompt: withPlace(prompt, change.term ? writtenFor(change.term, prompt) : change.text),
        negative,
      };
    case 'subject':
      return { prompt: withSubject(prompt, change.text), negative };
    case 'replace':
      return { prompt: withOther(prompt, change.from, change.to), negative };
    case 'tone':
      return { prompt: withTone(prompt, change.term, change.instead), negative };
    case 'add':
      return { prompt: withMore(prompt, inLanguageOf(prompt, change.text), change.to), negative };
    case 'remove': {
      const thing = inLanguageOf(prompt, change.text);
      return { prompt: without(prompt, thing), negative: append(negative, thing) };
    }
  }
}

/** Another tone of the same row goes, so that nothing is darker and brighter. */
function withTone(prompt: string, tone: Term, row: readonly Term[]): string {
  const others = row.flatMap(({ en, ko }) => [en, ...(ko ? [ko] : [])]);
  const parts = prompt.split(',').filter((part) => !others.includes(part.trim()));
  return append(parts.join(','), writtenFor(tone, prompt));
}

/** Behind what it is added to, where that stands in the prompt: `a cat with a hat in a forest`. */
function withMore(prompt: string, text: string, to: string | undefined): string {
  if (to === undefined || isKorean(prompt)) return append(prompt, text);
  const scene = sceneOf(prompt);
  const joined = /^[a-z]+ing\b/i.test(text) ? text : `with ${text}`;
  if (to === '') return `${scene} ${joined}${prompt.slice(scene.length)}`;
  const found = wordPattern(to).exec(prompt);
  if (found === null) return append(prompt, `${text} on the ${to}`);
  const end = found.index + found[0].length;
  if (end <= scene.length) return `${prompt.slice(0, end)} ${joined}${prompt.slice(end)}`;
  return append(prompt, `${text} on the ${to}`);
}

/** The subject at the start: up to a preposition or a comma. */
const sceneOf = (prompt: string) =>
  /^[^,]*?(?=\s+(?:in|on|at|under|by|near|with|wearing|during)\s|,|$)/i.exec(prompt)?.[0] ?? '';

const append = (text: string, more: string) =>
  text.trim() === '' ? more : `${text.replace(/[\s,]+$/, '')}, ${more}`;

/** The word and its plural; in Korean with its particles. */
const wordPattern = (word: string) =>
  new RegExp(`(?<![\\p{L}\\p{N}])${literal(word)}(?:e?s)?(?=$|[^\\p{L}\\p{N}]|[을를이가은는의와과])`, 'iu');

function withColour(prompt: string, colour: Term, of: string | undefined): string {
  const name = writtenFor(colour, prompt);
  const named = of === undefined ? undefined : inLanguageOf(prompt, of);
  const thing = named === undefined ? null : wordPattern(named).exec(prompt);
  if (thing !== null) {
    const before = prompt.slice(0, thing.index);
    const own = new RegExp(`${SHADED.source}(?=\\s+(?:[\\p{L}-]+\\s+)?$)`, 'iu').exec(before);
    if (own !== null) return replaceAt(prompt, own.index, own[0].length, name);
    return insertAt(prompt, thing.index, name);
  }
  if (named !== undefined) return append(prompt, `${name} ${named}`);
  const first = SHADED.exec(prompt);
  if (first !== null) return replaceAt(prompt, first.index, first[0].length, name);
  if (isKorean(prompt)) {
    const [scene = ''] = prompt.split(',');
    return insertAt(prompt, scene.trimEnd().lastIndexOf(' ') + 1, name);
  }
  const [article = ''] = /^\s*(?:an?|the|one|two|three|four|some|many|\d+)\s+/i.exec(prompt) ?? [];
  return insertAt(prompt, article.length, name);
}

/** With `a` or `an` before it as its first letter needs. */
function replaceAt(prompt: string, at: number, length: number, name: string): string {
  const before = prompt
    .slice(0, at)
    .replace(
      /\b(a)n?(\s+)$/i,
      (_, a: string, space: string) => `${a}${/^[aeiou]/i.test(name) ? 'n' : ''}${space}`,
    );
  return `${before}${name}${prompt.slice(at + length)}`;
}

const insertAt = (prompt: string, at: number, name: string) => replaceAt(prompt, at, 0, `${name} `);

/** In the place of a phrase of the same kind; else at the end of the scene, before its style. */
function withPhrase(prompt: string, kind: RegExp, phrase: string): string {
  const found = kind.exec(prompt);
  if (found !== null) return replaceAt(prompt, found.index, found[0].length, phrase);
  if (isKorean(prompt)) return append(prompt, phrase);
  const [scene = '', ...rest] = prompt.split(',');
  return [`${scene.trimEnd()} ${phrase}`, ...rest].join(',');
}

function withStyle(prompt: string, style: string): string {
  const opening = /^\s*(?:an?\s+)?[\p{L} -]+?(?=\s+of\s)/iu.exec(prompt);
  if (opening !== null && STYLE.test(opening[0])) {
    const [article = ''] = /^\s*an?\s+/i.exec(prompt) ?? [];
    return replaceAt(prompt, article.length, opening[0].length - article.length, style);
  }
  const parts = prompt.split(',');
  const at = parts.findIndex((part, i) => i > 0 && (STYLE.test(part) || /\bstyle\b/i.test(part)));
  if (at < 0) return append(prompt, style);
  return parts.map((part, i) => (i === at ? ` ${style}` : part)).join(',');
}

function withPlace(prompt: string, place: string): string {
  if (isKorean(prompt)) {
    const found = KOREAN_PLACE.exec(prompt);
    if (found === null) return `${place} ${prompt}`;
    return `${prompt.slice(0, found.index)}${place}${prompt.slice(found.index + found[0].length)}`;
  }
  for (const found of prompt.matchAll(PLACE)) {
    if (WORN.test(found[0]) || TIME.test(found[0]) || STYLE.test(found[0])) continue;
    return `${prompt.slice(0, found.index)} ${place}${prompt.slice(found.index + found[0].length)}`;
  }
  const [scene = '', ...rest] = prompt.split(',');
  const time = new RegExp(`\\s+${TIME.source}\\s*$`, 'iu').exec(scene);
  const end = time === null ? scene.trimEnd() : scene.slice(0, time.index);
  return [`${end} ${place}${time === null ? '' : time[0]}`, ...rest].join(',');
}

/** Another subject where the first one stood; it keeps its colour where the new one has none. */
function withSubject(prompt: string, other: string): string {
  const scene = sceneOf(prompt);
  const [article = ''] = /^\s*(?:an?|the)\s+/i.exec(scene) ?? [];
  const isCounted = /^(?:an?|the|\d+|one|two|three|four|some|many|my|his|her)\s|s$/i.test(other);
  const subject = article === '' || isCounted ? other : replaceAt(`${article}x`, article.length, 1, other);
  const colour = COLOUR.exec(scene)?.[0];
  const named =
    colour === undefined || COLOUR.test(subject) ? subject : withColour(subject, { en: colour }, undefined);
  return `${named}${prompt.slice(scene.length)}`;
}

/** A thing that is named in one language is found in a prompt of the other, and written in the prompt's. */
function withOther(prompt: string, from: string, to: string): string {
  const name = inLanguageOf(prompt, to);
  const found = namesOf(from)
    .map((one) => wordPattern(one).exec(prompt))
    .find((match) => match !== null);
  if (found === undefined) return append(prompt, name);
  const other = replaceAt(prompt, found.index, found[0].length, name);
  return withParticle(other, found.index + name.length);
}

/** A word, and what it is called in both languages. */
const namesOf = (word: string): string[] => {
  const thing = termOf(word, THINGS);
  return [word, ...(thing ? [thing.en, ...(thing.ko ? [thing.ko] : []), ...(thing.also ?? [])] : [])];
};

function inLanguageOf(prompt: string, word: string): string {
  const thing = isKorean(word) === isKorean(prompt) ? undefined : termOf(word, THINGS);
  return thing === undefined ? word : writtenFor(thing, prompt);
}

/** Particles behind a consonant, and behind a vowel. */
const PARTICLES = [
  ['을', '를'],
  ['이', '가'],
  ['은', '는'],
  ['과', '와'],
] as const;

/** The particle that stands at a place of a Korean prompt, as the syllable before it wants it: `곰이`, `고양이가`. */
function withParticle(prompt: string, at: number): string {
  const syllable = prompt.charCodeAt(at - 1) - 0xac00;
  const pair = PARTICLES.find((one) => one.some((particle) => particle === prompt[at]));
  const isSyllable = syllable >= 0 && syllable < 11_172;
  if (pair === undefined || !isSyllable || /[가-힣]/.test(prompt[at + 1] ?? '')) return prompt;
  return `${prompt.slice(0, at)}${pair[syllable % 28 === 0 ? 1 : 0]}${prompt.slice(at + 1)}`;
}

/** What is named goes, with the words that tie it to the rest. */
function without(prompt: string, thing: string): string {
  // A colour goes, and what has it stays.
  if (termOf(thing, COLOURS) !== undefined) {
    return prompt.replace(
      new RegExp(`\\b(an?\\s+)?${literal(thing)}\\s+(?=(\\p{L}))`, 'iu'),
      (_, article, next) => (article === undefined ? '' : `${/^[aeiou]/i.test(next) ? 'an' : 'a'} `),
    );
  }
  const found = wordPattern(thing).exec(prompt);
  if (found === null) return prompt;
  const tie = new RegExp(
    `(?:\\s*,|\\s+(?:and|with|wearing|in|on|at|under|near|behind|beside))?\\s*(?:\\b(?:an?|the|some|his|her)\\s+)?(?:${COLOUR.source}\\s+)?${literal(found[0])}`,
    'iu',
  );
  const left = prompt.replace(tie, '').replace(/^[\s,]*(?:(?:and|with|in|on|at|under|near)\b)?[\s,]*/i, '');
  // A prompt that is only this thing stays: the negative prompt says the rest.
  return left.trim() === '' ? prompt : left;
}
