/** Words in reply to pictures: which of them is meant, and how many more of it. */
import { readInstruction } from './instruction/instruction.ts';
import { actionOfWords, withoutEmoji } from './small-talk.ts';

export interface ReplyWords {
  /** A button's verb, where the words ask for what it does. */
  readonly action?: string;
  /** How many pictures are asked for. */
  readonly count?: number;
  /** The picture that is meant, from 1; -1 is the last. */
  readonly picture?: number;
  /** What is left to say about the picture. */
  readonly text: string;
}

const NUMBERS: Readonly<Record<string, number>> = {
  ...{ one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8 },
  ...{ 'a couple': 2, 'a couple of': 2, 'a few': 3, some: 3, several: 3 },
  ...{ 한: 1, 두: 2, 세: 3, 네: 4, 다섯: 5, 여섯: 6, 일곱: 7, 여덟: 8, 몇: 3 },
};
const ORDINALS: Readonly<Record<string, number>> = {
  ...{ first: 1, second: 2, third: 3, fourth: 4, fifth: 5, sixth: 6, seventh: 7, eighth: 8, last: -1 },
  ...{ '1st': 1, '2nd': 2, '3rd': 3, '4th': 4, '5th': 5, '6th': 6, '7th': 7, '8th': 8 },
  ...{ '첫 번째': 1, 첫번째: 1, '두 번째': 2, 두번째: 2, '세 번째': 3, 세번째: 3, '네 번째': 4, 네번째: 4 },
  ...{ 마지막: -1 },
};
const valueIn = (table: Readonly<Record<string, number>>, word: string): number =>
  Object.hasOwn(table, word) ? table[word]! : Number(word);

const KOREAN = /[가-힣]/;
const NUMBER = `\\d{1,3}|${Object.keys(NUMBERS)
  .filter((one) => !KOREAN.test(one))
  .toSorted((a, b) => b.length - a.length)
  .join('|')}`;
const ORDINAL = Object.keys(ORDINALS)
  .filter((one) => !KOREAN.test(one))
  .join('|');
const POLITE = /^(?:(?:please|pls|plz|ok|okay|now|and|can you|could you|can u|hey)[\s,]+)+/i;
const END = /(?:[\s,]+(?:please|pls|plz|thanks|thx|thank you|instead))*[\s.!?~]*$/i;
const THINGS = '(?:pictures?|pics?|images?|photos?|versions?|copies|variants?|options?|takes?|ones?)';
const THEM = '(?:them|these|those|it|this|that|the same)';
const MAKE =
  "(?:(?:make|do|draw|give|show|generate|create|render|get|i want|i need|i'd like|let'?s (?:see|have)|can i (?:get|have))(?: me| us)? )?";

/** `4 more`, `make 4 of them`, `another 3`; the same drawn anew. */
const MORE = new RegExp(
  `^${MAKE}(?:another )?(${NUMBER})(?:(?: more)(?: ${THINGS})?(?: of ${THEM}| please)?| of ${THEM}| times| ${THINGS}(?: of ${THEM})?)?$`,
  'i',
);
const TIMES = new RegExp(
  `^(?:again|re-?roll|retry|repeat|try again|do it again|same)(?: it)?,? (?:x ?)?(${NUMBER})(?: times| x| more)?$`,
  'i',
);
/** `4 variations`, `3 more like this`: others like it. */
const LIKE = new RegExp(
  `^${MAKE}(${NUMBER}) (?:more )?(?:(?:different |similar )?variations?(?: of ${THEM})?|(?:${THINGS} )?like (?:this|it|that)|similar(?: ${THINGS})?)$`,
  'i',
);
const VARY_TIMES = new RegExp(`^(?:vary|variations?)(?: it| this)?,? (?:x ?)?(${NUMBER})(?: times)?$`, 'i');
const KOREAN_NUMBER = '\\d{1,3}|한|두|세|네|다섯|여섯|일곱|여덟|몇';
const KOREAN_DO =
  '(?:\\s*(?:만|씩))?(?:\\s*(?:만들어|그려|뽑아|보여|해)?\\s*(?:줘|주세요|줄래|줘요))?(?:요)?';
const KOREAN_MORE = new RegExp(
  `^(비슷하게|비슷한\\s*걸로|비슷한\\s*그림)?\\s*(?:더\\s*)?(${KOREAN_NUMBER})\\s*(?:장|개|가지)(?:\\s*더)?\\s*(비슷하게)?${KOREAN_DO}$`,
);
/** A count behind an instruction: `make it blue, 4 of them`. */
const COUNT_BEHIND = new RegExp(
  `^(.+?)(?:,| and|;)? (?:x ?)?(${NUMBER})(?: more)?(?: of ${THEM}| times| ${THINGS})$`,
  'i',
);
const COUNT_BEFORE = new RegExp(
  `^${MAKE}(${NUMBER})(?: more)?(?: of ${THEM}| ${THINGS}(?: of ${THEM})?)?(?:, ?| but | and | (?=(?:in|at|with|without|as|on) ))(?:but |with it )?(.+)$`,
  'i',
);
/** `4 blue ones` */
const COUNT_ONES = new RegExp(`^${MAKE}(${NUMBER}) (?:more )?([a-z]+(?: [a-z]+)?) (?:ones|versions)$`, 'i');
const KOREAN_BEHIND = new RegExp(`^(.+?)[\\s,]+(${KOREAN_NUMBER})\\s*(?:장|개)(?:\\s*더)?${KOREAN_DO}$`);

const NUMBERED = '(?:#|no\\.? ?|nr\\.? ?|num(?:ber)? ?|pic(?:ture)? ?#?|image ?#?)(\\d)';
const ONE = '(?:one|picture|pic|image|photo|version|variant|option)';
/** Only the picture: `the second one`, `2nd`, `#2`. */
const ONLY = new RegExp(`^(?:(?:the |teh )?(${ORDINAL})(?: ${ONE})?|${NUMBERED}|(\\d))$`, 'i');
/** Within words. An ordinal alone may belong to something else: the second floor. */
const WITHIN = new RegExp(
  `\\b(?:the |teh )?(${ORDINAL}) ${ONE}\\b|(?:\\bthe )?${NUMBERED}\\b(?! ?[:x/])`,
  'i',
);
const VERB_OF = new RegExp(
  `^(upscale|enlarge|vary|zoom out(?: on| of)?|recipe(?: of| for)?|reroll|show(?: me)?|open)(?: the)? (?:(${ORDINAL})|#?(\\d))(?: ${ONE})?$`,
  'i',
);
/** The labels of Midjourney's and our own buttons. */
const BUTTON = /^([uv]) ?([1-8])$/i;
const KOREAN_ONE =
  /(?:(\d)\s*번(?:째)?|(첫\s?번째|두\s?번째|세\s?번째|네\s?번째|마지막))(?:\s*(?:그림|사진|것|거|걸|이미지))?(?:을|를|은|는|만|로|으로|의)?(?=\s|$)/;

/** Said of a picture, it chooses it. */
const PRAISE =
  /^(?:the )?(?:so |very |really )?(?:best|nice|good|great|cool|perfect|better|awesome|amazing|beautiful|winner|my fav(?:ou?rite)?|wins|looks? (?:good|great|nice|best))[.!]*$/i;
/** `2x`, `upscale x4` */
const LARGER =
  /^(?:upscale |enlarge |make it |resize )?(?:it |to |by )?(?:x ?([2-8])|([2-8]) ?(?:x|times))(?: (?:bigger|larger|upscale|size))?$/i;

const IN_SHAPE =
  '(?:(?:the )?same(?: thing| picture| one)?,? but |make (?:it|this|that) |change (?:it|this) to |crop (?:it |this )?(?:to )?|turn (?:it|this) )?(?:in |as |to |into )?(?:an? )?';
/** `16:9`, `make it square`, `portrait mode`; `landscape` alone describes a picture. */
const RATIO = new RegExp(
  `^${IN_SHAPE}(\\d{1,2} ?[:\uff1a] ?\\d{1,2})(?: (?:format|ratio|aspect(?: ratio)?|size|version|please))?$`,
  'i',
);
const SHAPES: readonly (readonly [shape: RegExp, ratio: string])[] = [
  [new RegExp(`^${IN_SHAPE}square(?: format| version| picture)?$|^정사각형(?:으로)?`, 'i'), '1:1'],
  [
    new RegExp(
      `^${IN_SHAPE}(?:landscape|horizontal|wide|widescreen) (?:format|mode|orientation|version)$|^make (?:it|this) (?:landscape|horizontal|wide|wider|widescreen)$|^(?:horizontal|widescreen)$|^(?:가로|가로로|가로로 길게|가로형)(?:으로)?(?: ?(?:해|바꿔) ?(?:줘|주세요))?$`,
      'i',
    ),
    '3:2',
  ],
  [
    new RegExp(
      `^${IN_SHAPE}(?:portrait|vertical|tall) (?:format|mode|orientation|version)$|^make (?:it|this) (?:portrait|vertical|tall|taller)$|^vertical$|^(?:세로|세로로|세로로 길게|세로형)(?:으로)?(?: ?(?:해|바꿔) ?(?:줘|주세요))?$`,
      'i',
    ),
    '2:3',
  ],
];

function ratioOf(words: string): string | undefined {
  const named = SHAPES.find(([shape]) => shape.test(words))?.[1];
  return named ?? RATIO.exec(words)?.[1]?.replaceAll(' ', '').replace('\uff1a', ':');
}

/** @param pictures that the message shows */
export function readReply(typed: string, pictures: number): ReplyWords {
  const words = withoutEmoji(typed).replaceAll(/\s+/g, ' ') || typed.trim();
  const { picture, text } = takePicture(words, pictures);
  if (picture !== undefined && (text === '' || PRAISE.test(text))) return { action: 'show', picture, text };
  const chosen = picture === undefined ? {} : { picture };
  const [, ahead, behind] = LARGER.exec(plain(text)) ?? [];
  const scale = ahead ?? behind;
  if (scale !== undefined) return { ...chosen, text: `--upscale-image ${scale}` };
  const ratio = ratioOf(plain(text));
  if (ratio !== undefined) return { ...chosen, text: `--ar ${ratio}` };
  const counted = takeCount(text);
  if (counted.count !== undefined) return { ...chosen, ...counted };
  const action = actionOfWords(text);
  return { ...chosen, ...(action !== undefined && { action }), text };
}

const plain = (words: string) => words.replace(POLITE, '').replace(END, '').trim();

function takePicture(words: string, pictures: number): { picture?: number; text: string } {
  const bare = plain(words);
  const button = BUTTON.exec(bare);
  if (button !== null) {
    return { picture: Number(button[2]), text: /u/i.test(button[1]!) ? 'upscale' : 'vary' };
  }
  const [, first, second, third] = ONLY.exec(bare) ?? [];
  const only = first?.toLowerCase() ?? second ?? third;
  // One picture has no second one; a number beside it is how many.
  if (only !== undefined && (third === undefined || pictures > 1))
    return { picture: valueIn(ORDINALS, only), text: '' };
  if (pictures < 2) return { text: words };
  const [, verb, ordinal, number] = VERB_OF.exec(bare) ?? [];
  if (verb !== undefined) {
    const picture = valueIn(ORDINALS, (ordinal ?? number)!.toLowerCase());
    const name = verb.toLowerCase().replace(/ (?:on|of|for|me)$/, '');
    return { picture, text: /^(?:show|open)/.test(name) ? '' : name };
  }
  const found = KOREAN.test(words) ? KOREAN_ONE.exec(words) : WITHIN.exec(words);
  if (found === null || !isAbout(words.slice(0, found.index))) return { text: words };
  const named = (found[1] ?? found[2] ?? '').toLowerCase();
  const rest = { before: words.slice(0, found.index), after: words.slice(found.index + found[0].length) };
  return { picture: valueIn(ORDINALS, named), text: without(rest) };
}

/** Whether words before a picture do something with it: `a cat in the second picture frame` describes another one. */
const ABOUT =
  /^(?:(?:i|i'd|let'?s|but|so|and)\s+)*(?:make|turn|change|upscale|enlarge|vary|use|take|like|love|want|prefer|choose|pick|give|show|add|put|remove|delete|from|with|edit|redo|redraw|draw|paint|do|(?:more|\d+|one|two|three|four|a few)(?: more)?(?: variations?| versions?| copies)? (?:of|like))\b/i;
const isAbout = (before: string) => KOREAN.test(before) || plain(before) === '' || ABOUT.test(plain(before));

/** `make the second one blue` -> `make it blue`; `the second one, at night` -> `at night`. */
function without({ before, after }: { readonly before: string; readonly after: string }): string {
  if (KOREAN.test(before + after)) return `${before} ${after}`.trim().replace(/^(?:그림|거)\s*/, '');
  if (plain(before) === '') {
    return after
      .replace(/^[\s,.:]*(?:please|pls|but|and|should be|is|with it)?[\s,:]*/i, '')
      .replace(END, '')
      .trim();
  }
  const used = /\b(?:use|take|like|want|choose|pick|from|with)\s*$/i.test(before.trim());
  const left = used ? before.trim().replace(/(?:^|\s)\S+\s*$/, '') : `${before.trim()} it`;
  return `${left} ${after}`
    .replace(/^[\s,.]*(?:i|and|but|let'?s)?[\s,.]+(?:and |but )?/i, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function takeCount(text: string): ReplyWords {
  const bare = plain(text);
  if (KOREAN.test(bare)) return koreanCount(bare, text);
  const like = (LIKE.exec(bare) ?? VARY_TIMES.exec(bare))?.[1];
  if (like !== undefined) return { action: 'vary', count: numberOf(like), text: '' };
  const more = (MORE.exec(bare) ?? TIMES.exec(bare))?.[1];
  if (more !== undefined) return { action: 'reroll', count: numberOf(more), text: '' };
  const [, before, ofBefore] = COUNT_BEHIND.exec(bare) ?? [];
  const [, ofAfter, after] = COUNT_BEFORE.exec(bare) ?? [];
  const [, ofOnes, ones] = COUNT_ONES.exec(bare) ?? [];
  const parts = [
    [before, ofBefore],
    [after, ofAfter],
    [ones, ofOnes],
  ] as const;
  return counted(parts, text);
}

function koreanCount(bare: string, text: string): ReplyWords {
  const [whole, before, number, after] = KOREAN_MORE.exec(bare) ?? [];
  if (whole !== undefined && number !== undefined) {
    const isLike = (before ?? after) !== undefined;
    return { action: isLike ? 'vary' : 'reroll', count: numberOf(number), text: '' };
  }
  const [, rest, count] = KOREAN_BEHIND.exec(bare) ?? [];
  return counted([[rest, count]], text);
}

/** Only what is an instruction beside the count: `two cats, 4 of them` describes a picture. */
function counted(
  parts: readonly (readonly [rest: string | undefined, number: string | undefined])[],
  text: string,
): ReplyWords {
  for (const [rest, number] of parts) {
    if (rest === undefined || number === undefined) continue;
    if (readInstruction(rest) !== undefined) return { count: numberOf(number), text: rest };
  }
  return { text };
}

const numberOf = (word: string) => valueIn(NUMBERS, word.toLowerCase());
