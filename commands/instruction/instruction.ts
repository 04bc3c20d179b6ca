/**
 * Short instructions about a picture, `make it blue`, `add a hat`, `at night`, read as changes of its prompt. Anything
 * else is a description of its own.
 */
import { mend } from './spelling.ts';
import { COLOURS, isKorean, PLACES, STYLES, type Term, TIMES, TONES, termOf } from './terms.ts';

export type Change =
  | { readonly kind: 'colour'; readonly term: Term; readonly of?: string }
  | { readonly kind: 'time' | 'style'; readonly term: Term }
  /** A place with its preposition: `in a forest`. */
  | { readonly kind: 'place'; readonly text: string; readonly term?: Term }
  /** Another subject. */
  | { readonly kind: 'subject'; readonly text: string }
  | { readonly kind: 'replace'; readonly from: string; readonly to: string }
  /** Darker, and not its opposites. */
  | { readonly kind: 'tone'; readonly term: Term; readonly instead: readonly Term[] }
  /** `a hat`; `to` something in the picture, or to its subject where that is ''. */
  | { readonly kind: 'add'; readonly text: string; readonly to?: string }
  | { readonly kind: 'remove'; readonly text: string };

const NAMED: readonly string[] = ['colour', 'time', 'style', 'tone'] satisfies Change['kind'][];
/** Longer texts are descriptions, whatever they begin with. */
const LONGEST = 120;
const POLITE =
  /^(?:(?:please|pls|now|ok|okay|but|and|then|can (?:you|u)|could (?:you|u)|would (?:you|u)|i want (?:you )?to|let'?s|how about|what about|what if (?:it|this) (?:was|were|is)|(?:the )?same(?: seed| prompt| picture| image| one| thing)?,? but)\s+)+/i;
const ENDING = /(?:[\s,]*(?:please|pls|instead|now|this time|thanks|thank you))*[\s.!?]*$/i;
const PREPOSITION =
  '(?:in front of|next to|on top of|in|on|at|under|inside|near|behind|above|over|by|beside|underneath)';
const IT = '(?:it|this|that|them|him|her|the (?:picture|image|photo|pic))';

/** @returns undefined where the words are no instruction */
export function readInstruction(words: string): readonly Change[] | undefined {
  const text = words.trim().replaceAll(/\s+/g, ' ');
  if (text === '' || text.length > LONGEST) return undefined;
  const mended = mend(text);
  return readPlain(mended) ?? (mended === text ? undefined : readPlain(text));
}

function readPlain(text: string): readonly Change[] | undefined {
  const whole = readClause(text);
  // What is known by a name is not taken apart: `black and white`.
  if (whole !== undefined && NAMED.includes(whole.kind)) return [whole];
  const pairs = readPairs(text);
  if (pairs !== undefined) return pairs;
  const parts = text.split(/\s*(?:,|;|\band\b|\bthen\b|(?<!말)고 )\s*/i).filter((part) => part !== '');
  const changes = parts.map(readClause);
  const isEach = parts.length > 1 && changes.every((change) => change !== undefined);
  if (isEach) return changes;
  return whole && [whole];
}

/** `change the mug to a teapot and red to blue`: one verb for all of them. */
function readPairs(text: string): readonly Change[] | undefined {
  const [, verb, list] = /^(change|turn|switch|replace|swap) (.+)$/i.exec(text.replace(POLITE, '')) ?? [];
  const parts = list?.replace(ENDING, '').split(/\s*(?:,\s*and|,|\band)\s+/i) ?? [];
  const link = /^(?:replace|swap)$/i.test(verb ?? '') ? / (?:with|by|for) / : / (?:in)?to /;
  if (parts.length < 2 || !parts.every((part) => link.test(part))) return undefined;
  const changes = parts.map((part) => readClause(`${verb} ${part}`));
  return changes.every((change) => change !== undefined) ? changes : undefined;
}

function readClause(text: string): Change | undefined {
  const clause = text.replace(POLITE, '').replace(ENDING, '').trim();
  if (clause === '') return undefined;
  return isKorean(clause)
    ? readKorean(clause)
    : readEnglish(
        clause,
        /\binstead\b|^(?:the )?same(?: seed| prompt| picture| image| one| thing)?,? but /i.test(text),
      );
}

type Reading = readonly [pattern: RegExp, read: (match: RegExpExecArray) => Change | undefined];

/** Bare adjectives that tell how a picture should feel, and describe none. */
const MOODS =
  'snowy|rainy|foggy|misty|sunny|cloudy|stormy|windy|happy|sad|angry|cute|scary|spooky|funny|old|young|dramatic|cinematic|cozy|cosy|creepy|minimalist|vintage|retro|futuristic';

const COUNT = '(?:\\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|some|many|several|a couple of|a few)';

const ENGLISH: readonly Reading[] = [
  [
    /^give (it|him|her|them|the [\p{L} -]+?) ((?:an?|some|the|\d+|two|three) .+)$/iu,
    ([, a, b]) => addedTo(b!, a!),
  ],
  [
    /^(?:add|put) (?!(?:it|this|that|them|him|her) )(.+?) (?:on|to|onto|over|around) (it|him|her|them|his head|her head|its head|the [\p{L} -]+)$/iu,
    ([, a, b]) => addedTo(a!, b!),
  ],
  [
    /^(?:make|let) (it|him|her|them|the [\p{L} -]+?) (?:wear|wearing|have|hold|holding) (.+)$/iu,
    ([, a, b]) => addedTo(b!, a!),
  ],
  [/^(?:replace|swap|exchange) (.+?) (?:with|by|for) (.+)$/i, ([, a, b]) => replaced(a!, b!)],
  [/^use (.+?) instead of (.+)$/i, ([, b, a]) => replaced(a!, b!)],
  [/^(.+?) instead of (.+)$/i, ([, b, a]) => replaced(a!, b!)],
  [/^(?:change|turn|switch) (.+?) (?:in)?to (.+)$/i, ([, a, b]) => made(a!, b!)],
  [
    /^i (?:want|would like|'d like) (it|this|that|the [\p{L} -]+?) (?:to be )?(.+)$/iu,
    ([, a, b]) => made(a!, b!),
  ],
  [
    /^(?:make|paint|colou?r|draw|render|have|let) (it|this|that|them|him|her) (.+)$/i,
    ([, a, b]) => made(a!, b!),
  ],
  [/^(?:make|paint|colou?r) (the .+|his .+|her .+|its .+)$/i, ([, rest]) => madeNamed(rest!)],
  [/^s\/([^/]+)\/([^/]*)\/?[a-z]*$/i, ([, a, b]) => (b === '' ? removed(a!) : made(a!, b!))],
  [/^\+ ?(?=\p{L})(.+)$/u, ([, a]) => ({ kind: 'add', text: a! })],
  [/^- ?(?=\p{L})(.+)$/u, ([, a]) => removed(a!)],
  [/^(.+?) ?(?:->|=>|\u2192) ?(.+)$/i, ([, a, b]) => made(a!, b!)],
  [
    /^([a-z]+),? (?:and )?not ([a-z]+)$/i,
    ([, b, a]) => (coloured(a!) && coloured(b!) ? replaced(a!, b!) : undefined),
  ],
  [
    /^(?:not|don'?t (?:want|draw|show|add)|i don'?t (?:want|like)) (?:any |the |an? )?(.+)$/i,
    ([, a]) => ({ kind: 'remove', text: bare(a!) }),
  ],
  [/^(?:turn|change) (?:in)?to (.+)$/i, ([, a]) => made('it', a!)],
  [
    /^(?:wearing|holding|smiling|riding|reading|sleeping|running|dancing|flying|sitting)(?: .+)?$/i,
    ([whole]) => ({ kind: 'add', text: whole, to: '' }),
  ],
  [
    new RegExp(`^(?:${MOODS})(?: (?:weather|day|mood|looking|face))?$`, 'i'),
    ([whole]) => ({ kind: 'add', text: whole }),
  ],
  [
    /^(?:an? |the )?([a-z]+(?: [a-z]+)?) (background|backdrop|sky|lighting|light)$/i,
    ([whole]) => ({ kind: 'add', text: bare(whole) }),
  ],
  [
    /^(?:make (?:it|this|that) )?look(?:s|ing)? (?:more )?like (.+)$/i,
    ([whole, a]) => styled(a!) ?? { kind: 'add', text: whole.replace(/^make (?:it|this|that) /i, '') },
  ],
  [/^(it|this) should be (.+)$/i, ([, a, b]) => made(a!, b!)],
  [/^(the [\p{L} -]+?) (?:is|are|should be) (.+)$/iu, ([, a, b]) => made(a!, b!)],
  [new RegExp(`^(?:put|move|place) (?:${IT}|the \\p{L}+) (${PREPOSITION} .+)$`, 'iu'), ([, a]) => placed(a!)],
  [/^in the style of (.+)$/i, ([whole]) => ({ kind: 'style', term: { en: whole } })],
  [/^(?:an?|the) (.+) one$/i, ([, a]) => coloured(a!)],
  [/^more (.+)$/i, ([whole, a]) => coloured(a!) ?? styled(a!) ?? { kind: 'add', text: whole }],
  [/^(?:less|fewer|not so (?:much|many)) (.+)$/i, ([, a]) => ({ kind: 'remove', text: bare(a!) })],
  [/^(?:add|include|put|insert) (?:in )?(.+)$/i, ([, a]) => ({ kind: 'add', text: a! })],
  [/^with (?!out)(.+?)(?: on)?$/i, ([, a]) => ({ kind: 'add', text: a! })],
  [
    /^(?:without|no|remove|delete|erase|drop|take away|get rid of|lose) (?:any |the )?(.+)$/i,
    ([, a]) => ({ kind: 'remove', text: bare(a!) }),
  ],
  [/^(?:as|like) (.+)$/i, ([, a]) => styled(a!) ?? coloured(a!)],
];

function readEnglish(clause: string, isInstead: boolean): Change | undefined {
  const short = coloured(clause) ?? toned(clause) ?? timed(clause) ?? styled(clause);
  if (short !== undefined) return short;
  for (const [pattern, read] of ENGLISH) {
    const match = pattern.exec(clause);
    if (match !== null) return read(match);
  }
  if (new RegExp(`^${PREPOSITION} `, 'i').test(clause)) {
    const [, rest = ''] = /^(?:in|as) (.+)$/i.exec(clause) ?? [];
    return coloured(rest) ?? styled(rest) ?? placed(clause);
  }
  return isInstead ? { kind: 'subject', text: clause } : undefined;
}

/** `make the sky red`: what is named ends where something known begins. */
function madeNamed(rest: string): Change | undefined {
  const words = rest.split(' ');
  for (let i = 2; i < words.length; i++) {
    const what = words.slice(i).join(' ');
    const change = coloured(what) ?? timed(what);
    if (change !== undefined) return made(words.slice(0, i).join(' '), what);
  }
  if (words.length < 3) return undefined;
  return { kind: 'add', text: `${words.slice(2).join(' ')} ${words[1]}` };
}

function made(what: string, typed: string): Change | undefined {
  const into = typed.replace(/^look (?:more )?like /i, '');
  const isIt = new RegExp(`^${IT}$`, 'i').test(what.trim());
  if (termOf(bare(what), COLOURS) !== undefined) return replaced(what, into);
  const colour = coloured(into);
  const [isColour, of] = /^(?:the )?colou?r(?: of (.+))?$/i.exec(what.trim()) ?? [];
  if (isColour !== undefined && colour?.kind === 'colour') {
    return of === undefined ? colour : { ...colour, of: bare(of) };
  }
  if (colour?.kind === 'colour') return isIt ? colour : { ...colour, of: bare(what) };
  const isBackdrop = /^(?:the )?(?:background|backdrop|place|scene|setting)$/i.test(what.trim());
  if (isBackdrop) return placed(hasPreposition(into) ? into : `in ${into}`);
  if (/^(?:the )?(?:style|look)$/i.test(what.trim())) return styled(into) ?? { kind: 'add', text: into };
  if (!isIt) return replaced(what, into);
  const short =
    toned(into) ?? timed(into) ?? styled(into) ?? (hasPreposition(into) ? placed(into) : undefined);
  if (short !== undefined) return short;
  return new RegExp(`^(?:an?|the|${COUNT}) `, 'i').test(into)
    ? { kind: 'subject', text: into }
    : { kind: 'add', text: into };
}

const hasPreposition = (text: string) => new RegExp(`^${PREPOSITION} `, 'i').test(text);

const placed = (text: string): Change => timed(text) ?? { kind: 'place', text };

/** Without an article. */
const bare = (text: string) => text.trim().replace(/^(?:an?|the|any|some|its|his|her) /i, '');

const removed = (text: string): Change => ({ kind: 'remove', text: bare(text) });

function replaced(a: string, b: string): Change {
  const [from, to] = [bare(a), bare(b)];
  return { kind: 'replace', from, to };
}

/** Whose: it, him, the subject of the picture; or what is named. */
function addedTo(text: string, whom: string): Change {
  const isSubject = /^(?:it|him|her|them|(?:his|her|its) head)$/i.test(whom.trim());
  return { kind: 'add', text: text.trim(), to: isSubject ? '' : bare(whom) };
}

/** `a bit darker`, `much warmer`, `too dark`. */
function toned(text: string): Change | undefined {
  const plain = text
    .trim()
    .replace(/^(?:it'?s |its |it is |this is |that'?s |looks? )/i, '')
    .replace(
      /^(?:(?:a |just a )?(?:bit|little|lil|tad|lot|touch|smidge)(?: bit)?|slightly|somewhat|much|way|even|far) (?:more (?=\w+er$))?/i,
      '',
    )
    .replace(/^(?:조금|좀|약간|훨씬|많이)\s*/, '')
    .replace(/(?:이에요|예요|네요|어요|요|음)$/, (end) => (end === '어요' ? '어' : ''))
    .replace(/(?: colou?rs?)$/i, '');
  for (const row of TONES) {
    const found = termOf(plain, row) ?? termOf(text, row);
    if (found !== undefined) return { kind: 'tone', term: found, instead: row };
  }
  return undefined;
}

/** `bluer` is more of it. */
const COMPARATIVES: Readonly<Record<string, string>> = {
  ...{ bluer: 'blue', redder: 'red', greener: 'green', pinker: 'pink', whiter: 'white', blacker: 'black' },
  ...{ yellower: 'yellow', browner: 'brown', greyer: 'gray', grayer: 'gray' },
};

function coloured(text: string): Change | undefined {
  const typed = bare(text)
    .replace(/ colou?red$| colou?r$/i, '')
    .replace(/^(?:(?:a )?(?:bit|little|lot)|slightly|much|way|even) (?=(?:more )?[a-z]+$)/i, '')
    .replace(/^more (?=[a-z]+$)/i, '');
  const name0 = typed.toLowerCase();
  const plain = Object.hasOwn(COMPARATIVES, name0) ? COMPARATIVES[name0]! : typed;
  const [, shade = '', name = plain] = /^((?:dark|light|bright|pale|deep) )?(.+)$/i.exec(plain) ?? [];
  const found = termOf(name, COLOURS);
  if (found === undefined) return undefined;
  return { kind: 'colour', term: shade === '' ? found : { en: `${shade.toLowerCase()}${found.en}` } };
}

function timed(text: string): Change | undefined {
  const found = termOf(text, TIMES) ?? termOf(bare(text), TIMES);
  return found && { kind: 'time', term: found };
}

function styled(text: string): Change | undefined {
  const plain = bare(text);
  const found =
    termOf(plain, STYLES) ?? termOf(plain.replace(/ (?:style|painting|drawing|look)$/i, ''), STYLES);
  if (found !== undefined) return { kind: 'style', term: found };
  return / style$/i.test(plain) ? { kind: 'style', term: { en: plain } } : undefined;
}

const OBJECT = '(?:을|를|은|는|이|가|도)?';
const DO = '(?:\\s*(?:해|바꿔|바꾸어|만들어|칠해|변경|그려|하면).*)?';

const KOREAN: readonly Reading[] = [
  [
    /^(?:배경|시간|시간대)[을를은]?\s*(.+?)(?:으로|로|에서)(?:\s.*)?$/,
    ([, a]) => timed(a!) ?? coloured(a!) ?? placedKorean(a!),
  ],
  [
    /^(.+?)\s*(?:말고|대신에?)\s*(.+?)(?:으로|로|을|를|이|가)?(?:\s*(?:해|바꿔|그려|넣어|변경).*)?$/,
    ([, a, b]) => {
      const [from, to] = [termOf(a!, COLOURS), termOf(b!, COLOURS)];
      return to && from ? { kind: 'colour', term: to } : { kind: 'replace', from: a!, to: b! };
    },
  ],
  [
    new RegExp(`^(.+?)[을를은는이가]?\\s+(.+?)(?:으로|로|게)?${DO}$`),
    ([, a, b]) => {
      if (/^(?:색|색깔|색상|그림|이거|이걸|그거|그걸|전체)$/.test(a!)) return shortKorean(b!, `${b}으로`);
      const term = termOf(b!, COLOURS) ?? termOf(`${b}게`, COLOURS);
      return term && { kind: 'colour', term, of: a! };
    },
  ],
  [
    /^(.+?)[을를]\s+(.+?)(?:으로|로)(?:\s*(?:바꿔|바꾸|변경|교체|해|만들|그려).*)?$/,
    ([, a, b]) =>
      b === '배경' ? placedKorean(a!) : (styled(b!) ?? timed(b!) ?? { kind: 'replace', from: a!, to: b! }),
  ],
  [
    new RegExp(`^(.+?)${OBJECT}\\s*(?:추가|넣어|더해|그려 ?넣|붙여|씌워|입혀|얹어|달아).*$`),
    ([, a]) => ({ kind: 'add', text: a! }),
  ],
  [
    new RegExp(`^(.+?)${OBJECT}\\s*(?:없이|없애|빼|지워|제거|없는).*$`),
    ([, a]) => ({ kind: 'remove', text: a! }),
  ],
  [
    new RegExp(`^(.+?)(?:으로|로|게|풍으로|풍|에서|에|처럼|스타일로|스타일)?${DO}$`),
    ([whole, a]) => shortKorean(a!, whole),
  ],
];

function readKorean(clause: string): Change | undefined {
  for (const [pattern, read] of KOREAN) {
    const match = pattern.exec(clause);
    const change = match && read(match);
    if (change) return change;
  }
  return undefined;
}

function shortKorean(text: string, whole: string): Change | undefined {
  const tone = toned(text) ?? toned(`${text}게`);
  if (tone !== undefined) return tone;
  const plain = text.replace(/(?:스타일|풍| 시간| 배경)$/, '').trim();
  const colour = termOf(plain, COLOURS) ?? termOf(`${plain}게`, COLOURS);
  if (colour !== undefined) return { kind: 'colour', term: colour };
  const time = termOf(plain, TIMES);
  if (time !== undefined) return { kind: 'time', term: time };
  const style = termOf(plain, STYLES);
  if (style !== undefined) return { kind: 'style', term: style };
  // A place by itself may be a description: only `숲에서`.
  return /에서|배경/.test(whole) ? placedKorean(plain) : undefined;
}

function placedKorean(text: string): Change {
  const term = termOf(text, PLACES);
  return { kind: 'place', text: term?.ko ?? `${text}의`, ...(term && { term }) };
}
