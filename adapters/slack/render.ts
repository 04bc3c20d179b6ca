/** A card in Slack's idiom (Block Kit): sentence, picture, one quiet line, buttons. */
import type { types } from '@slack/bolt';
import type { Card, CardAction } from '../card.ts';
import { clip } from '../clip.ts';
import { SLACK_LIMITS as LIMITS } from './limits.ts';

export type Blocks = types.KnownBlock[];

export interface Rendered {
  /** What notifications and screen readers say. */
  readonly text: string;
  readonly blocks: Blocks;
}

/** A picture that was uploaded, by Slack's file id. */
export interface SlackPicture {
  readonly file: string;
  readonly alt: string;
}

export function renderCard(card: Card, pictures: readonly SlackPicture[]): Rendered {
  const words = card.text === '' ? [] : [section(card.text)];
  const fields = (card.fields ?? []).map(({ name, value }) => fieldBlock(name, value));
  const images = pictures.map(({ file, alt }) => ({
    type: 'image' as const,
    slack_file: { id: file },
    alt_text: clip(alt === '' ? 'A picture' : alt, LIMITS.altText),
  }));
  const quiet = [card.footer, ...(card.notes ?? [])].filter((line) => line !== undefined && line !== '');
  const actions = actionsOf(card.actions ?? []);
  const room = LIMITS.blocks - images.length - Math.min(quiet.length, 1) - actions.length;
  return {
    text: escapeText(clip(card.text || pictures[0]?.alt || 'Darkroom', LIMITS.sectionText)),
    blocks: [...[...words, ...fields].slice(0, room), ...images, ...contextOf(quiet as string[]), ...actions],
  };
}

/** Plain text is never read as markup: no mention and no link comes of it. */
const section = (text: string): types.SectionBlock => ({
  type: 'section',
  text: { type: 'plain_text', text: clip(text, LIMITS.sectionText), emoji: false },
});

/** A command line is shown as code, so that it can be copied. */
function fieldBlock(name: string, value: string): types.SectionBlock {
  const most = LIMITS.sectionText / 2;
  const shown = escapeText(clip(value, most)).replaceAll('```', '`\u200b``');
  const body = name === 'Command' ? `\`\`\`${shown}\`\`\`` : noMarkup(shown);
  return {
    type: 'section',
    text: {
      type: 'mrkdwn',
      text: clip(`*${noMarkup(escapeText(name))}*\n${body}`, LIMITS.sectionText),
      verbatim: true,
    },
  };
}

function contextOf(lines: readonly string[]): types.ContextBlock[] {
  if (lines.length === 0) return [];
  const elements = lines.slice(0, LIMITS.contextElements).map((line) => ({
    type: 'plain_text' as const,
    text: clip(line, LIMITS.contextText),
    emoji: false,
  }));
  return [{ type: 'context', elements }];
}

function actionsOf(actions: readonly CardAction[]): types.ActionsBlock[] {
  if (actions.length === 0) return [];
  return [{ type: 'actions', elements: actions.slice(0, LIMITS.actions).map(buttonOf) }];
}

function buttonOf({ id, label, style }: CardAction): types.Button {
  if (id.length > 255) throw new Error(`the action ${id} is longer than 255 characters`);
  return {
    type: 'button',
    action_id: id,
    value: id,
    text: { type: 'plain_text', text: clip(label, LIMITS.buttonLabel), emoji: false },
    ...(style !== undefined && { style }),
  };
}

/** Slack's three control characters; escaped, nothing mentions anybody. */
export const escapeText = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Back to what was typed: entities, and the links that Slack makes of words. A mention keeps only its id. */
export function unescapeText(text: string): string {
  return text
    .replaceAll(/<([@#!][^>|]*)\|[^>]*>/g, '<$1>')
    .replaceAll(/<(?![@#!])[^>|]+\|([^>]*)>/g, '$1')
    .replaceAll(/<(?![@#!])([^>]+)>/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** A zero-width space takes its meaning from a sign of markup. */
const noMarkup = (text: string) => text.replaceAll(/[*_~`]/g, '\u200b$&\u200b');
