/** Words that people say to somebody who draws: what they ask for is done, and is no part of a prompt. */

import { OUTPAINT_VERBS, OUTPAINTS, outpaintLine } from './outpaint-verbs.ts';

const plainOf = (text: string) =>
  text
    .trim()
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replace(/(?: (?:please|pls|plz))?[.!?\u2026~]*$/, '');

/** Words that ask for something other than a picture. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  help: [
    ...['', 'help', 'help me', 'hi', 'hello', 'hey', 'thanks', 'thank you', 'thx', 'ty', 'commands'],
    ...['what can you do', 'how does this work', 'nice', 'cool', 'wow', 'great', 'lol', 'good bot'],
    ...['도움말', '도와줘', '안녕', '안녕하세요', '고마워', '감사합니다'],
  ],
  queue: ['queue', 'status', 'cancel', 'stop', '취소', '대기열'],
};

/** @returns a command line in parts; undefined where the words are none of these */
export function commandOfWords(text: string): { name: string; rest: string } | undefined {
  if (text.trim() === '') return undefined;
  const name = Object.keys(COMMANDS).find((one) => COMMANDS[one]!.includes(plainOf(text)));
  return name === undefined ? undefined : { name, rest: '' };
}

/** What words in reply to a picture do with it, as its buttons do. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  upscale: [
    ...['upscale', 'upscale it', 'upscale this', 'bigger', 'larger', 'make it bigger', 'make it larger'],
    ...['enlarge', 'enlarge it', 'higher resolution', '크게', '더 크게', '확대'],
  ],
  vary_subtle: ['vary subtle', 'subtle variation', 'vary it a little', 'vary a little', '조금만 다르게'],
  vary_strong: ['vary strong', 'strong variation', 'vary it a lot', 'vary a lot', '많이 다르게'],
  ...Object.fromEntries(OUTPAINT_VERBS.map((verb) => [verb, OUTPAINTS[verb].words])),
  vary: ['vary', 'vary it', 'variation', 'variations', 'more like this', 'something similar', '비슷하게'],
  reroll: [
    ...['again', 'another one', 'one more', 'reroll', 're-roll', 'retry', 'try again', 'more', 'another'],
    ...['different one', 'try another', '다시', '하나 더', '다시 그려줘'],
  ],
  finish: ['finish', 'finish it', 'finish this', '완성', '완성해줘', '완성해 주세요'],
  recipe: ['recipe', 'prompt', 'what was the prompt', 'seed', 'what seed'],
};

export const actionOfWords = (text: string): string | undefined =>
  Object.keys(ACTIONS).find((one) => ACTIONS[one]!.includes(plainOf(text)));

/** What words do with a picture that was not made here, as flags: `--zoom 2`. */
export function flagsOfWords(text: string): string | undefined {
  const verb = OUTPAINT_VERBS.find((one) => OUTPAINTS[one].words.some((words) => words === plainOf(text)));
  return verb && outpaintLine(verb);
}

const ASKED =
  /^(?:(?:please|pls|plz|hey|hi|ok)[\s,]+)*(?:(?:can|could|would|will) (?:you|u)\s+(?:please\s+)?)?(?:(?:draw|paint|sketch|imagine|generate|create|make|give|show)(?:\s+me)?\s+)(?:(?:an?|the)\s+(?:picture|image|pic|drawing)\s+of\s+)?(?=\S)/i;
const THANKS = /[\s,]+(?:please|pls|plz|thanks|thank you)[.!]*$/i;
const KOREAN = /\s*(?:을|를)?\s*(?:그려|만들어)\s*(?:줘|주세요|줄래|볼래)[요?.!]*$/u;

/** `can you draw a dog please` -> `a dog`. A description stays as it is. */
export function withoutRequest(text: string): string {
  const plain = text.replace(ASKED, '').replace(KOREAN, '');
  return plain === text ? text : plain.replace(THANKS, '');
}
