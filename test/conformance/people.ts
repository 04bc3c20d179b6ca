/** Messages as people really send them, through the doors of a platform: what is drawn, and what is answered instead. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pngOf } from '../adapters/stand-in.ts';
import { PATIENCE } from '../patience.ts';
import { type Chat, hasPicture, type Picture, type Seen, until } from './chat.ts';

const cat: Picture = { name: 'IMG_0042.png', bytes: pngOf(64, 48) };
const heic: Picture = {
  name: 'IMG_0043.HEIC',
  bytes: Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'),
};

export interface Row {
  readonly words: string;
  /** As the option or the text of a slash command, and not as words to the bot. */
  readonly slash?: true;
  readonly picture?: Picture;
  /** In reply to `a red mug on a table`. */
  readonly reply?: true;
  /** The prompt that is drawn, with what else the request says. */
  readonly drawn?: string;
  readonly says?: Readonly<Record<string, unknown>>;
  /** What is answered, where nothing is drawn. */
  readonly answered?: RegExp;
}

const ROWS: readonly Row[] = [
  { words: 'a red mug on a table', drawn: 'a red mug on a table' },
  { words: 'Can u draw me a cute cat pls', drawn: 'a cute cat' },
  { words: 'a castle —dark and stormy— at night', drawn: 'a castle —dark and stormy— at night' },
  { words: 'a boat —ar 3:2 —seed 5', drawn: 'a boat', says: { seed: 5 } },
  { words: 'a boat --seed：７', drawn: 'a boat', says: { seed: 7 } },
  { words: 'a boat --cfg 7,5', drawn: 'a boat', says: { guidanceScale: 7.5 } },
  { words: '“a boat”', drawn: 'a boat' },
  { words: '```\n/imagine a boat --steps 5\n```', drawn: 'a boat', says: { numInferenceSteps: 5 } },
  { words: '> /imagine prompt: a boat', drawn: 'a boat' },
  { words: '/imagine a boat\n/imagine a cat', drawn: 'a boat' },
  {
    words: 'a mug\nNegative prompt: text\nSteps: 9, Sampler: Euler a, CFG scale: 5, Seed: 3, Size: 64x64',
    drawn: 'a mug',
    says: { numInferenceSteps: 9, seed: 3, negativePrompt: 'text' },
  },
  { words: '고양이 그려줘', drawn: '고양이' },
  { words: 'un gato rojo en una mesa', drawn: 'un gato rojo en una mesa' },
  { words: '赤い猫', drawn: '赤い猫' },
  { words: 'a tiger', picture: cat, drawn: 'a tiger', says: { width: 64 } },
  { words: 'a tiger', picture: heic, answered: /^HEIC photos and videos cannot be read here\. / },
  { words: '', picture: heic, answered: /^HEIC photos and videos cannot be read here\. / },
  { words: 'make it blue', reply: true, drawn: 'a blue mug on a table' },
  { words: 'maek it bleu', reply: true, drawn: 'a blue mug on a table' },
  { words: 'a bit darker pls', reply: true, drawn: 'a red mug on a table, darker' },
  { words: '파란색으로 바꿔줘', reply: true, drawn: 'a blue mug on a table' },
  { words: '--steps 7', reply: true, drawn: 'a red mug on a table', says: { numInferenceSteps: 7 } },
  { words: '3 more', reply: true, drawn: 'a red mug on a table', says: { numImages: 3 } },
  { words: '2장 더', reply: true, drawn: 'a red mug on a table', says: { numImages: 2 } },
  { words: 'draw a dog', reply: true, drawn: 'a dog' },
  { words: 'a boat https://evil.example/x.png', drawn: 'a boat' },
  { words: 'a boat --v 6', answered: /Midjourney.*--model/s },
  { words: 'a boat --stylize 250', answered: /Midjourney/ },
  { words: 'a boat --sampler constructor', answered: /constructor/ },
  { words: 'a boat --sed 5', answered: /--seed/ },
  { words: 'help', answered: /\/imagine/ },
  { words: 'thx!', answered: /\/imagine/ },
  { words: '/imagin a boat', answered: /imagine/ },
  { words: 'the second one', reply: true, answered: /That message has/ },
  { words: 'same but in 16:9', reply: true, drawn: 'a red mug on a table', says: { width: 344 } },
  { words: '머그를 컵으로 바꿔줘', reply: true, drawn: 'a red cup on a table' },
  { words: '\u{1f602}\u{1f602}', reply: true, answered: /\/imagine/ },
  { words: 'delete this', reply: true, answered: /Delete this picture/ },
];

/** What only this platform's people send, and how its program hands it over. */
export interface Own<C extends Chat> {
  readonly rows: readonly Row[];
  send(chat: C, row: Row, print: Seen): Promise<void>;
}

/** @param start a new chat with its own data */
export function people<C extends Chat>(platform: string, start: () => Promise<C>, own: Own<C>): void {
  describe(`messages of people on ${platform}`, { concurrency: 2 }, () => {
    it('are drawn as they are meant, or answered', () =>
      play(start, ROWS, async (chat, { words, picture, reply }, print) => {
        await chat.say('bo', words, { ...(picture && { picture }), ...(reply && { replyTo: print }) });
      }));
    it('are read as the platform hands them over', () =>
      play(start, own.rows, (chat, row, print) => own.send(chat, row, print)));
  });
}

async function play<C extends Chat>(
  start: () => Promise<C>,
  rows: readonly Row[],
  send: (chat: C, row: Row, print: Seen) => Promise<void>,
): Promise<void> {
  await using chat = await start();
  const wrong: string[] = [];
  const draw = async () => {
    const known = new Set((await chat.seenBy('bo')).map(({ id }) => id));
    await chat.say('bo', 'a red mug on a table');
    return until(chat, 'bo', (message) => hasPicture(message) && !known.has(message.id));
  };
  let print = await draw();
  for (const row of rows) {
    const { words, reply, drawn, says, answered } = row;
    // In a thread, words are about its newest picture.
    if (reply && chat.platform === 'slack') print = await draw();
    const jobs = chat.queue.jobs.length;
    const before = new Map<string, number>();
    const keyOf = ({ id, text }: Seen) => `${id} ${text}`;
    for (const one of await chat.seenBy('bo')) before.set(keyOf(one), (before.get(keyOf(one)) ?? 0) + 1);
    await send(chat, row, print);
    const deadline = Date.now() + PATIENCE;
    let text = '';
    while (Date.now() < deadline) {
      const left = new Map(before);
      const seen = (await chat.seenBy('bo')).filter((one) => {
        const count = left.get(keyOf(one)) ?? 0;
        left.set(keyOf(one), count - 1);
        return count <= 0;
      });
      text = seen.map((one) => one.text).join('\n');
      const job = chat.queue.jobs[jobs];
      if (job === undefined ? text !== '' : seen.some(hasPicture)) break;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    if (Date.now() >= deadline) wrong.push(`${words} => nothing came`);
    const request = chat.queue.jobs[jobs]?.request as Readonly<Record<string, unknown>> | undefined;
    const isRight =
      answered === undefined
        ? request?.['prompt'] === drawn &&
          Object.entries(says ?? {}).every(([key, value]) => request?.[key] === value)
        : request === undefined && answered.test(text);
    if (!isRight) wrong.push(`${words} => ${request?.['prompt'] ?? text}`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(chat.errors, []);
}
