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
/** `:party_parrot:` between spaces. */
const SHORTCODE = /(?<=^|\s):([a-z][a-z0-9_+-]*):(?=\s|$|[,.!?])/gi;

export async function nameMentions(
  text: string,
  invocation: Invocation,
  { find }: Pick<Ports, 'find'>,
): Promise<string> {
  const plain = text
    .replaceAll(EMOJI, (_, name: string) => words(name))
    .replaceAll(SHORTCODE, (_, name: string) => words(name));
  const names = new Map<string, string>();
  for (const [mention] of plain.matchAll(MENTION)) {
    if (names.size === MOST) break;
    if (!names.has(mention)) names.set(mention, await nameOf(mention, invocation, { find }));
  }
  return plain.replaceAll(MENTION, (mention) => names.get(mention) ?? '');
}

const words = (name: string) => name.replaceAll(/[_-]+/g, ' ');

async function nameOf(text: string, invocation: Invocation, { find }: Pick<Ports, 'find'>): Promise<string> {
  const mention = readMention(invocation.platform, text);
  // `<!here>` names nobody.
  if (mention === undefined) return /^<!\w+>$/.test(text) ? text.slice(2, -1) : text;
  const found = await find(invocation.platform, tenantOf(invocation), mention.kind, mention.id);
  return found?.name ?? { user: 'somebody', role: 'somebody', channel: 'a channel' }[mention.kind];
}
