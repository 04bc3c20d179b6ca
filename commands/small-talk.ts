/** Words that people say to somebody who draws: what they ask for is done, and is no part of a prompt. */

import { OUTPAINT_VERBS, OUTPAINTS, outpaintLine } from './outpaint-verbs.ts';

const plainOf = (text: string) =>
  text
    .trim()
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replace(TRAILING, '')
    .replace(/(?: (?:please|pls|plz))?[.!?\u2026~]*$/, '');

/** Emoji and emoticons behind words: `nice :)`, `make it blue :pray:`. */
const TRAILING =
  /(?:\s*(?:\p{Extended_Pictographic}[\u{1f3fb}-\u{1f3ff}\ufe0f]*|<a?:\w+:\d+>|:[a-z0-9_+-]+:|[:;=]-?[)D(P3/|]+|<3|\^\^|ㅎ+|ㅋ+|ㅠ+|ㅜ+))+$/u;

/** Words that ask for something other than a picture. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  help: [
    ...['', 'help', 'help me', 'hi', 'hello', 'hey', 'thanks', 'thank you', 'thx', 'ty', 'commands'],
    ...['what can you do', 'how does this work', 'nice', 'cool', 'wow', 'great', 'lol', 'good bot'],
    ...['undo', 'download', 'save', 'save it', 'test', 'ping'],
    ...['도움말', '도와줘', '안녕', '안녕하세요', '고마워', '감사합니다'],
  ],
  imagine: ['imagine', 'draw', 'paint', 'sketch', 'generate', 'create', '그려줘', '그려', '그리기'],
  queue: [
    ...[
      'queue',
      'status',
      'cancel',
      'stop',
      'cancel all',
      'cancel everything',
      'cancel it',
      'stop it',
      'stop all',
    ],
    ...[
      'how long',
      'how long left',
      'how much longer',
      'how long will it take',
      'eta',
      'is it done',
      'done yet',
    ],
    ...['is it ready', 'my jobs', 'jobs', '취소', '취소해줘', '전부 취소', '모두 취소', '다 취소', '대기열'],
    ...[
      '얼마나 걸려',
      '얼마나 걸려요',
      '언제 돼',
      '언제 돼요',
      '언제 끝나',
      '언제 끝나요',
      '다 됐어',
      '다 됐어요',
    ],
  ],
  models: [
    ...['the models', 'show me the models', 'show me models', 'list the models', 'all models'],
    ...['models', 'list models', 'show models', 'which models', 'what models', 'what models do you have'],
    ...['which models do you have', 'what models are there', 'which models are there', '모델', '모델 목록'],
  ],
  style: [
    ...['the styles', 'show me the styles', 'show me styles', 'list the styles', 'all styles'],
    ...['styles', 'list styles', 'show styles', 'which styles', 'what styles', 'what styles do you have'],
    ...['which styles are there', 'what styles are there', '화풍', '화풍 목록'],
  ],
};

/** What is said of a picture, and describes none. */
const REMARK = new RegExp(
  `^(?:${[
    "(?:so |very |really |too |that'?s |this is |it'?s |looks? |oh |omg |wow |haha |lol )+(?:nice|cool|great|good|amazing|awesome|beautiful|lovely|pretty|cute|funny|perfect|neat|insane|incredible|stunning|terrible|ugly|bad|weird)",
    '(?:nice|cool|wow|great|good|amazing|awesome|beautiful|lovely|perfect|neat|incredible|stunning)(?: one| job| work| bot| stuff)?',
    '(?:i )?(?:love|like|hate) (?:it|this|that)(?: so much| a lot)?',
    '(?:ha|he){2,}h?|l+o+l+|lmf?ao+|rofl|omg|bruh|wtf|gg|ok|okay|yes|no|nope|yep|\\+1|-1',
    '[ㅋㅎㅠㅜㄷ]+|와+|헐|대박|와 대박|우와|오+|굿|좋아요?|좋네요?|좋다|예쁘다|예뻐요?|예쁘네요?|귀여워요?|귀엽다|귀엽네요?',
    '멋져요?|멋지다|멋있다|최고|최고예요|잘했어|고마워요?|감사해요|ㄱㅅ|웃기다|이상해요?',
  ].join('|')})$`,
  'u',
);
/** Questions are answered by nobody here; the help says what is possible. */
const QUESTION =
  /^(?:why|who|what|when|where|how|whose|which)\b(?! (?:about|if)\b).*\?$|^(?:누가|왜|어떻게|뭐|무슨|언제|어디)[^?]*\?$/i;
/** Thumbs, hearts, faces and the like, and nothing else: a cat may be what somebody wants to see. */
const REACTION =
  /^(?:[\u{1f44a}-\u{1f44f}\u2764\u{1f493}-\u{1f49f}\u{1f5a4}\u{1f90d}\u{1f90e}\u{1f9e1}\u{1f600}-\u{1f64f}\u{1f910}-\u{1f92f}\u{1f970}-\u{1f97a}\u{1f525}\u{1f4af}\u2728\u{1f389}]|\p{M}|\p{Cf}|\p{Emoji_Modifier}|\s)+$/u;
const ABOUT_BOT =
  /^(?:(?:what|how|who) (?:can|do|are|does) (?:you|u|this|this bot|it)(?: (?:do|draw|work|make|use|called))?|how (?:do|can) i (?:use|start|do|draw|make).{0,30}|are (?:you|u) (?:there|alive|ok|online|real|a bot|human|working|up)|(?:뭐|무엇을?|뭘) (?:할|그릴) 수 있(?:어|나|니|어요|나요)|어떻게 (?:써|쓰|사용)\S*|누구(?:야|세요|예요))$/i;

/**
 * @param isReply to a picture: remarks and questions are about it, and no prompt
 * @returns a command line in parts; undefined where the words are none of these
 */
export function commandOfWords(text: string, isReply = false): { name: string; rest: string } | undefined {
  if (text.trim() === '') return undefined;
  const plain = plainOf(text);
  const name = Object.keys(COMMANDS).find((one) => COMMANDS[one]!.includes(plain));
  if (name !== undefined && (plain !== '' || isReply || /[.!?]/.test(text))) return { name, rest: '' };
  const isTalk = isReply ? REMARK.test(plain) || QUESTION.test(text.trim()) : false;
  return isTalk || ABOUT_BOT.test(plain) || REACTION.test(text) ? { name: 'help', rest: '' } : undefined;
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
  recipe: [
    ...['recipe', 'prompt', 'what was the prompt', "what's the prompt", 'what is the prompt', 'what prompt'],
    ...['seed', 'what seed', 'what was the seed', 'what model', 'what model is this', 'which model'],
    ...['which model is this', 'who made this', 'who made it', 'who asked for this', 'settings', 'info'],
    ...['how did you make this', 'how was this made', 'how', '레시피', '프롬프트', '프롬프트 뭐야', '시드'],
  ],
  delete: [
    ...['delete', 'delete it', 'delete this', 'delete that', 'delete the picture', 'delete this picture'],
    ...['remove', 'remove it', 'remove this', 'remove the picture', 'remove this picture', 'trash it'],
    ...['삭제', '삭제해줘', '삭제해 줘', '삭제해주세요', '지워', '지워줘', '지워 줘', '지워주세요'],
  ],
};

export const actionOfWords = (text: string): string | undefined =>
  Object.keys(ACTIONS).find((one) => ACTIONS[one]!.includes(plainOf(text)));

/** What an instruction is followed by, and does not change it: `make it blue please :pray:`. */
export const withoutEmoji = (text: string): string => text.trim().replace(TRAILING, '');

/** What words do with a picture that was not made here, as flags: `--zoom 2`. */
export function flagsOfWords(text: string): string | undefined {
  const verb = OUTPAINT_VERBS.find((one) => OUTPAINTS[one].words.some((words) => words === plainOf(text)));
  return verb && outpaintLine(verb);
}

const ASKED =
  /^!?(?:(?:please|pls|plz|hey|hi|ok)[\s,]+)*(?:(?:(?:can|could|may) i (?:get|have|see)|i(?:'d| would) like|i want)\s+(?:u+h+m*\s+)?(?=(?:an?|some|the)\s)|(?:(?:can|could|would|will) (?:you|u)\s+(?:please\s+)?)?(?:draw|paint|sketch|imagine|generate|create|make|give|show)(?:\s+me)?\s+|(?:dream|gen|img|txt2img)\s+(?=(?:an?|the|some|my|two|three|four|\d)\s))(?:(?:an?|the)\s+(?:picture|image|pic|drawing)\s+of\s+)?(?=\S)/i;
const THANKS = /[\s,]+(?:please|pls|plz|thanks|thank you)[.!]*$/i;
const NUMBERS: Readonly<Record<string, number>> = {
  ...{ two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8 },
  ...{ 두: 2, 세: 3, 네: 4, 다섯: 5, 여섯: 6, 일곱: 7, 여덟: 8 },
};
const MANY = new RegExp(
  `^(\\d{1,3}|${Object.keys(NUMBERS).join('|')})(?: different| new| random)? (?:pictures?|pics?|images?|drawings?|photos?|versions?|variations?) of (?=\\S)`,
  'i',
);
const KOREAN_MANY =
  /^(.+?)(?:\s*(?:그림|사진|이미지))?\s*(\d{1,3}|두|세|네|다섯|여섯|일곱|여덟)\s*장(?:만|씩)?$/u;
const KOREAN = /\s*(?:을|를)?\s*(?:그려|만들어)\s*(?:줘|주세요|줄래|볼래)[요?.!]*$/u;

/** `can you draw a dog please` -> `a dog`. A description stays as it is. */
export function withoutRequest(text: string): string {
  const plain = text.replace(ASKED, '').replace(KOREAN, '');
  return plain === text ? text : plain.replace(TRAILING, '').replace(THANKS, '');
}

/** `4 pictures of a mug` -> 4 of `a mug`; `two pictures on a wall` is one. */
export function takePictures(text: string): { readonly count?: number; readonly text?: string } {
  const [english, many] = MANY.exec(text) ?? [];
  const [, korean, number] = KOREAN_MANY.exec(text) ?? [];
  const word = (many ?? number)?.toLowerCase();
  if (word === undefined) return {};
  const count = Object.hasOwn(NUMBERS, word) ? NUMBERS[word]! : Number(word);
  return { count, text: english === undefined ? korean! : text.slice(english.length) };
}
