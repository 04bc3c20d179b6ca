import type { Chat } from '../conformance/chat.ts';
import { type DiscordChat, idOf, startDiscord } from '../conformance/discord.ts';
import { type Own, people, type Row } from '../conformance/people.ts';
import { type SlackChat, startSlack } from '../conformance/slack.ts';
import { startWeb } from '../conformance/web.ts';
import { CHANNELS } from '../discord/server.ts';
import { whyNoSlack } from '../slack/local-slack.ts';

const ROWS_OF_DISCORD: readonly Row[] = [
  { words: 'a portrait of <@5217114> as a knight', drawn: 'a portrait of someone as a knight' },
  { words: `the view from <#${CHANNELS.general}> at night`, drawn: 'the view from general at night' },
  { words: 'a banner for <@&400000000000000001>', drawn: 'a banner for darkroom' },
  { words: 'a cat <:pepe_happy:123456789012345678>', drawn: 'a cat pepe happy' },
  { words: 'a cat \u{1F431} on a \u{1F6F9}', drawn: 'a cat \u{1F431} on a \u{1F6F9}' },
  { words: '||a secret garden||', drawn: 'a secret garden' },
  { words: '~~a cat~~ a dog', drawn: 'a dog' },
  { words: '# a red mug', drawn: 'a red mug' },
  { words: '- a red mug\n- a blue boat', drawn: 'a red mug, a blue boat' },
  { words: '> a red mug', drawn: 'a red mug' },
  { words: 'a [red mug](https://example.com) on a table', drawn: 'a red mug on a table' },
  { words: 'a red mug\\*', drawn: 'a red mug*' },
  { words: 'a red mug @here', drawn: 'a red mug' },
  { words: 'a red mug <t:1700000000:R>', drawn: 'a red mug' },
  { words: '</imagine:123456789012345678> a fox', drawn: 'a fox' },
  { words: 'hey BOT draw me a fox please :)', drawn: 'a fox' },
  { words: 'BOT, a fox', drawn: 'a fox' },
  { words: 'BOT', answered: /Say what to draw/ },
  { words: 'https://tenor.com/view/cat-dance-gif-12345', answered: /not fetched from tenor\.com/ },
  { words: '<https://example.com/a.png> make it blue', answered: /not fetched from example\.com/ },
  { words: 'my_style_v2 mug, __colour__ boat', drawn: 'my_style_v2 mug, __colour__ boat' },
  {
    slash: true,
    words: '/imagine prompt: a red mug --ar 3:2 --seed 5',
    drawn: 'a red mug',
    says: { seed: 5 },
  },
  { slash: true, words: 'a **bold** mug <@5217114>', drawn: 'a bold mug someone' },
  {
    slash: true,
    words: 'a red mug --no "text, watermark" –steps 5',
    drawn: 'a red mug',
    says: { numInferenceSteps: 5, negativePrompt: 'text, watermark' },
  },
  { slash: true, words: 'a mug <:x:123456789012345678> <#300000000000000001>', drawn: 'a mug x general' },
  {
    slash: true,
    words: 'a mug Negative prompt: text Steps: 9, Sampler: Euler a, CFG scale: 5, Seed: 3',
    drawn: 'a mug',
    says: { numInferenceSteps: 9, negativePrompt: 'text' },
  },
  { slash: true, words: '`a red mug`', drawn: 'a red mug' },
  { reply: true, words: 'make the mug **blue**', drawn: 'a blue mug on a table' },
  { reply: true, words: 'nice <:pepe:123456789012345678>', answered: /\/imagine/ },
];

const DISCORD: Own<DiscordChat> = {
  rows: ROWS_OF_DISCORD,
  async send(chat, { words, slash, reply }, print) {
    if (slash) return chat.command('bo', 'imagine', { prompt: words });
    const bot = chat.server.mention('').trim();
    const text = words.includes('BOT') ? words.replace('BOT', bot) : `${bot} ${words}`;
    chat.server.say(
      { id: idOf('bo'), name: 'bo' },
      CHANNELS.general,
      text,
      reply ? { replyTo: print.id } : {},
    );
  },
};

const ROWS_OF_SLACK: readonly Row[] = [
  { words: 'a portrait of <@U_CY|cy> as a knight', drawn: 'a portrait of cy as a knight' },
  { words: 'a banner for <!subteam^S123|@designers>', drawn: 'a banner for somebody' },
  { words: 'a poster <!here> for everyone', drawn: 'a poster for everyone' },
  { words: 'a poster <!channel>', drawn: 'a poster' },
  { words: 'salt &amp; pepper on a table', drawn: 'salt & pepper on a table' },
  { words: 'a &lt;red&gt; mug', drawn: 'a <red> mug' },
  { words: '“a red mug”', drawn: 'a red mug' },
  { words: 'a red mug :coffee: on a table', drawn: 'a red mug coffee on a table' },
  { words: 'a mug :coffee::sparkles: :thumbsup::skin-tone-3:', drawn: 'a mug coffee sparkles thumbsup' },
  { words: 'a *red* mug on a _wooden_ table', drawn: 'a red mug on a wooden table' },
  { words: '```a red mug --steps 5```', drawn: 'a red mug', says: { numInferenceSteps: 5 } },
  { words: '&gt; a red mug', drawn: 'a red mug' },
  { words: '• a red mug\n• a blue boat', drawn: 'a red mug, a blue boat' },
  { words: 'a mug from <https://example.com/x.png|this page>', drawn: 'a mug from this page' },
  { words: 'see <http://example.com|example.com> for a mug', drawn: 'see example.com for a mug' },
  { words: 'a mug like <https://example.com/x.png>', drawn: 'a mug like' },
  { words: 'make it like <https://example.com/x.png>', answered: /not fetched from example\.com/ },
  { words: 'a <!date^1392734382^{date_num}|2014-02-18> poster', drawn: 'a 2014-02-18 poster' },
  { words: 'hey BOT draw me a fox please', drawn: 'a fox' },
  { words: 'BOT: a fox', drawn: 'a fox' },
  { words: 'a red mug —ar 3:2 —seed 5', drawn: 'a red mug', says: { seed: 5, width: 312 } },
  {
    words: 'a red mug --no “text, watermark”',
    drawn: 'a red mug',
    says: { negativePrompt: 'text, watermark' },
  },
  { words: 'a red mug\u00a0--seed\u00a05', drawn: 'a red mug', says: { seed: 5 } },
  { slash: true, words: 'prompt: a red mug --ar 16:9', drawn: 'a red mug', says: { width: 344 } },
  { slash: true, words: '/imagine a red mug', drawn: 'a red mug' },
  { slash: true, words: 'a *red* mug <@U_CY|cy> &amp; :coffee:', drawn: 'a red mug cy & coffee' },
  { slash: true, words: 'help', answered: /--seed/ },
  {
    slash: true,
    words: 'a mug\nNegative prompt: text\nSteps: 9, Sampler: Euler a, Seed: 3, Size: 64x64',
    drawn: 'a mug',
    says: { seed: 3, width: 64 },
  },
  { reply: true, words: 'make it blue :pray:', drawn: 'a blue mug on a table' },
  { reply: true, words: ':+1:', answered: /\/imagine/ },
];

const SLACK: Own<SlackChat> = {
  rows: ROWS_OF_SLACK,
  send: (chat, { words, slash, reply }, print) =>
    slash ? chat.type('bo', '/imagine', words) : chat.send('bo', words, reply ? print : undefined),
};

const ROWS_OF_THE_WEB: readonly Row[] = [
  { words: 'a red mug\non a table\nat night', drawn: 'a red mug on a table at night' },
  { words: 'a red mug\r\n\r\n--steps 5\r\n', drawn: 'a red mug', says: { numInferenceSteps: 5 } },
  { words: '<b>a red mug</b>', drawn: '<b>a red mug</b>' },
  { words: 'a heart <3 and a mug', drawn: 'a heart <3 and a mug' },
  { words: 'https://example.com/cat.png', answered: /not fetched from example\.com/ },
  { words: 'www.example.com/cat.png a mug', drawn: 'a mug' },
  { words: 'C:\\Users\\bo\\cat.png', answered: /not fetched from that address/ },
  { words: 'file:///home/bo/dog.png make it blue', answered: /not fetched from that address/ },
  { words: 'data:image/png;base64,iVBORw0KGgo=', answered: /not fetched from that address/ },
  { words: 'قطة حمراء على طاولة', drawn: 'قطة حمراء على طاولة' },
  { words: 'חתול אדום --seed 5', drawn: 'חתול אדום', says: { seed: 5 } },
  { words: '\u202eabc\u202c a mug', drawn: 'abc a mug' },
  { words: '\u200ba red\u00ad mug', drawn: 'a red mug' },
  { words: '赤い　猫　－－ｓｅｅｄ　５', drawn: '赤い 猫', says: { seed: 5 } },
  { words: '赤い猫 ーーseed 5', drawn: '赤い猫', says: { seed: 5 } },
  { words: 'ａ ｒｅｄ ｍｕｇ', drawn: 'a red mug' },
  { words: '／ｉｍａｇｉｎｅ a mug', drawn: 'a mug' },
  { words: '/imagine/ a mug', drawn: 'a mug' },
  { words: '!imagine a mug', drawn: 'a mug' },
  { words: '/draw a mug', answered: /no \/draw\. Did you mean \/imagine a mug\?/ },
  { words: '/', answered: /Known: (?!.*\bban\b)/ },
  { words: 'a mug --size 64×64', drawn: 'a mug', says: { width: 64 } },
  { words: 'a mug -- seed 5', drawn: 'a mug', says: { seed: 5 } },
  { words: 'a castle -- steps leading up', drawn: 'a castle -- steps leading up' },
  { words: 'prompt: a red mug', drawn: 'a red mug' },
  { words: 'Prompt: a red mug\nNegative prompt: text', drawn: 'a red mug', says: { negativePrompt: 'text' } },
  { words: '{"prompt": "a red mug", "seed": 5}', drawn: 'a red mug', says: { seed: 5 } },
  { words: '{red|red} mug', drawn: 'red mug' },
  { words: 'a **red** mug on a _wooden_ table', drawn: 'a red mug on a wooden table' },
  { words: 'a boat -seed 5', drawn: 'a boat', says: { seed: 5 } },
  { words: '4 pictures of a mug', drawn: 'a mug', says: { numImages: 4 } },
  { words: 'are you alive?', answered: /\/imagine/ },
  { reply: true, words: 'make it **blue** please :)', drawn: 'a blue mug on a table' },
  { reply: true, words: 'so cute!!', answered: /\/imagine/ },
  { reply: true, words: 'why is it red?', answered: /\/imagine/ },
  { reply: true, words: 'who made this?', answered: /What made this picture/ },
  { reply: true, words: '빨간색 말고 파란색으로', drawn: 'a blue mug on a table' },
  { reply: true, words: 'ㅋㅋㅋ', answered: /\/imagine/ },
  { reply: true, words: '지워줘', answered: /Delete this picture/ },
];

const WEB: Own<Chat> = {
  rows: ROWS_OF_THE_WEB,
  send: (chat, { words, reply }, print) => chat.say('bo', words, reply ? { replyTo: print } : {}),
};

people('Discord', () => startDiscord(), DISCORD);
people('the web chat', () => startWeb(), WEB);
if ((await whyNoSlack()) === undefined) people('Slack', () => startSlack('socket'), SLACK);
