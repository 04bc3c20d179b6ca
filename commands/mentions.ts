/** Mentions and custom emoji in the words of a prompt become names: their ids say nothing to a model. */
import type { Invocation } from '../adapters/adapter.ts';
import { readMention } from '../adapters/platforms.ts';
import { tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';

/** What is looked up at most in one text. */
const MOST = 20;
const MENTION = /<[@#!&^a-z]+\w+(?:\|[^>]*)?>/g;
/** `<:party_parrot:123>`, animated with an `a`. */
const EMOJI = /<a?:(\w+):\d+>/g;
/** `:party_parrot:` between spaces, with a skin tone or beside others. */
const SHORTCODES = /(?<=^|\s)(?::[a-z0-9+][a-z0-9_+-]*:)+(?=\s|$|[,.!?])/gi;
const SKIN_TONE = /^skin-tone-\d$/;
/** What rings at everybody, and is no part of a picture. */
const EVERYBODY = /<!(?:here|channel|everyone)>|(?<=^|\s)@(?:everyone|here)(?=$|[\s,.!?])/g;

export async function nameMentions(
  text: string,
  invocation: Invocation,
  { find }: Pick<Ports, 'find'>,
): Promise<string> {
  const plain = text
    .replaceAll(EMOJI, (_, name: string) => words(name))
    .replaceAll(SHORTCODES, (run) =>
      run
        .split(':')
        .filter((name) => name !== '' && !SKIN_TONE.test(name))
        .map(words)
        .join(' '),
    )
    .replaceAll(EVERYBODY, '');
  const names = new Map<string, string>();
  for (const [mention] of plain.matchAll(MENTION)) {
    if (names.size === MOST) break;
    if (!names.has(mention)) names.set(mention, await nameOf(mention, invocation, { find }));
  }
  const named = plain.replaceAll(MENTION, (mention) => names.get(mention) ?? '');
  return named === text ? text : named.replaceAll(/ {2,}/g, ' ').trim();
}

const words = (name: string) => name.replaceAll(/[_-]+/g, ' ');

async function nameOf(text: string, invocation: Invocation, { find }: Pick<Ports, 'find'>): Promise<string> {
  const mention = readMention(invocation.platform, text);
  if (mention === undefined) return text;
  const found = await find(invocation.platform, tenantOf(invocation), mention.kind, mention.id);
  return found?.name ?? { user: 'somebody', role: 'somebody', channel: 'a channel' }[mention.kind];
}
