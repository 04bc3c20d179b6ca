/** A card in Slack's idiom (Block Kit): sentence, picture, one quiet line, buttons. */
import type { types } from '@slack/bolt';
import { type Say, sayIn } from '../../src/sentences.ts';
import { buttonRows } from '../button-rows.ts';
import { ABOUT_CHARACTERS, type Card, type CardAction, type CardField, NOTE_CHARACTERS } from '../card.ts';
import { clip, clipRendered } from '../clip.ts';
import { countTimes, showTimes, utcTime } from '../times.ts';
import { SLACK_LIMITS as LIMITS } from './limits.ts';

type Blocks = types.KnownBlock[];

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

/** @param origin address of the message of the picture that it was made from */
export function renderCard(card: Card, pictures: readonly SlackPicture[], origin?: string): Rendered {
  const say = sayIn(card.locale ?? 'en');
  const { reveal } = card;
  const text = reveal === undefined ? card.text : say('card.hidden');
  const words = text === '' ? [] : [section(text)];
  const fields = (card.fields ?? []).map(fieldBlock);
  const images = pictures.map(({ file, alt }) => ({
    type: 'image' as const,
    slack_file: { id: file },
    alt_text: clip(alt === '' ? say('card.picture') : alt, LIMITS.altText),
  }));
  const about = aboutBlocks(card, origin);
  const hidden = reveal === undefined ? [] : [{ id: reveal, label: say('button.reveal') }];
  const actions = [
    ...cellMenu(card, say),
    ...actionsOf([...hidden, ...(card.actions ?? [])], card.more ?? [], say),
  ];
  const notes = contextOf((card.notes ?? []).join('\n'));
  const room = LIMITS.blocks - images.length - about.length - actions.length - notes.length;
  return {
    text: escapeText(clip(showTimes(text, plainTime) || pictures[0]?.alt || 'Darkroom', LIMITS.sectionText)),
    blocks: [...[...words, ...fields].slice(0, room), ...images, ...about, ...actions, ...notes],
  };
}

/** Plain text is never read as markup: no mention and no link comes of it. Only markup has times. */
function section(text: string): types.SectionBlock {
  if (countTimes(text) > 0) return markup(text, (shown) => withTimes(noMarkup(escapeText(shown))));
  return {
    type: 'section',
    text: { type: 'plain_text', text: clip(text, LIMITS.sectionText), emoji: false },
  };
}

/** A command line is shown as code, so that it can be copied. */
function fieldBlock({ name, value, isCode }: CardField): types.SectionBlock {
  const title = `*${withTimes(noMarkup(escapeText(clip(name, LIMITS.sectionText / 10))))}*`;
  return markup(value, (shown) => {
    const words = escapeText(shown);
    return isCode
      ? `${title}\n\`\`\`${words.replaceAll('```', '`\u200b``')}\`\`\``
      : `${title}\n${withTimes(noMarkup(words))}`;
  });
}

function markup(text: string, render: (text: string) => string): types.SectionBlock {
  const words = clipRendered(text, LIMITS.sectionText, render);
  return { type: 'section', text: { type: 'mrkdwn', text: words, verbatim: true } };
}

const plainTime = (seconds: number) => utcTime(seconds * 1000);

/**
 * Slack shows it in the reader's zone and language.
 * https://docs.slack.dev/messaging/formatting-message-text#date-formatting
 */
const withTimes = (text: string): string =>
  showTimes(text, (seconds) => `<!date^${seconds}^{date_short_pretty} {time}|${plainTime(seconds)}>`);

/** What the picture is, and the quiet line under it. */
function aboutBlocks(
  { about, footer = '', locale = 'en' }: Card,
  origin: string | undefined,
): types.KnownBlock[] {
  const say = sayIn(locale);
  if (about === undefined) return contextOf(footer);
  const { prompt, asker, origin: from } = about;
  const linked =
    origin === undefined ? say('card.another_picture') : `<${origin}|${say('card.this_picture')}>`;
  const picture = from?.job === undefined ? say('card.attached_picture') : linked;
  const made = from && say('card.origin', { what: from.text, picture });
  const words = (text: string) => noMarkup(escapeText(text));
  const facts = [say('card.for', { name: words(asker) }), made, words(footer)].filter(
    (part) => part !== undefined && part !== '',
  );
  return [
    ...(prompt.trim() === '' ? [] : [section(clip(prompt, ABOUT_CHARACTERS))]),
    { type: 'context', elements: [{ type: 'mrkdwn', text: facts.join(' \u00b7 '), verbatim: true }] },
  ];
}

function contextOf(line: string): types.ContextBlock[] {
  if (line === '') return [];
  const text = clip(line, NOTE_CHARACTERS);
  return [{ type: 'context', elements: [{ type: 'plain_text', text, emoji: false }] }];
}

/** The menu More ends the last row. */
function actionsOf(
  actions: readonly CardAction[],
  more: readonly CardAction[],
  say: Say,
): types.ActionsBlock[] {
  const blocks: types.ActionsBlock[] = buttonRows(actions).map((row) => ({
    type: 'actions',
    elements: row.map(buttonOf),
  }));
  if (more.length === 0) return blocks;
  const last = blocks.at(-1);
  if (last === undefined) return [{ type: 'actions', elements: [menuOf(more, say)] }];
  return [...blocks.slice(0, -1), { ...last, elements: [...last.elements, menuOf(more, say)] }];
}

/** The pictures of a sweep, in one menu. */
function cellMenu({ cells = [] }: Card, say: Say): types.ActionsBlock[] {
  if (cells.length === 0) return [];
  const placeholder = { type: 'plain_text' as const, text: say('sweep.open'), emoji: false };
  const options = optionsOf(cells);
  return [
    { type: 'actions', elements: [{ type: 'static_select', action_id: 'cells', options, placeholder }] },
  ];
}

const optionsOf = (actions: readonly Pick<CardAction, 'id' | 'label'>[]) =>
  actions.slice(0, LIMITS.choices).map(({ id, label }) => ({
    text: { type: 'plain_text' as const, text: clip(label, LIMITS.choiceLabel), emoji: false },
    value: id,
  }));

/** An overflow menu takes five; a longer menu is a select. */
function menuOf(more: readonly CardAction[], say: Say): types.Overflow | types.StaticSelect {
  const action_id = `more:${more[0]!.id.split(':')[1]}`;
  const options = optionsOf(more);
  if (options.length <= LIMITS.overflow) return { type: 'overflow', action_id, options };
  const placeholder = { type: 'plain_text' as const, text: say('card.more'), emoji: false };
  return { type: 'static_select', action_id, options, placeholder };
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
const escapeText = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Back to what was typed: entities, and the links that Slack makes of words. A mention keeps only its id. */
export function unescapeText(text: string): string {
  return text
    .replaceAll(/<!date\^[^>|]*\|([^>]*)>/g, '$1')
    .replaceAll(/<([@#!][^>|]*)\|[^>]*>/g, '<$1>')
    .replaceAll(/<(?![@#!])[^>|]+\|([^>]*)>/g, '$1')
    .replaceAll(/<(?![@#!])([^>]+)>/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** A zero-width space takes its meaning from a sign of markup. */
const noMarkup = (text: string) => text.replaceAll(/[*_~`]/g, '\u200b$&\u200b');
