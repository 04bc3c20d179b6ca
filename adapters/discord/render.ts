/** A card in Discord's idiom (Components V2): sentence, picture, one quiet line, buttons. */
import {
  type APIActionRowComponent,
  type APIButtonComponent,
  type APIMessageTopLevelComponent,
  type APIStringSelectComponent,
  ButtonStyle,
  ComponentType,
} from 'discord.js';
import { type Say, sayIn } from '../../src/sentences.ts';
import { buttonRows } from '../button-rows.ts';
import { ABOUT_CHARACTERS, type Card, type CardAction, type CardField, NOTE_CHARACTERS } from '../card.ts';
import { clip, clipRendered } from '../clip.ts';
import { showTimes } from '../times.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';

/** A file that goes up beside the components, which name it as `attachment://NAME`. */
interface Upload {
  readonly name: string;
  readonly attachment: Buffer;
  readonly description: string;
  /** Blurred until somebody presses it. */
  readonly isSpoiler?: boolean;
}

export interface Rendered {
  readonly components: APIMessageTopLevelComponent[];
  readonly files: Upload[];
}

/**
 * @param pictures bytes of the card's pictures, in their order; a picture that is gone is left out
 * @param origin address of the message of the picture that it was made from
 */
export function renderCard(
  card: Card,
  pictures: readonly (Uint8Array | undefined)[],
  origin?: string,
): Rendered {
  const files = uploadsOf(card, pictures);
  const named = (card.files ?? []).map(({ name, bytes }) => ({
    ...{ name, attachment: Buffer.from(bytes), description: name },
  }));
  const above = [card.text, ...(card.fields ?? []).map((one) => `**${plain(one.name)}**\n${fieldText(one)}`)];
  const below = [...aboutLines(card, origin)];
  const notes = clip((card.notes ?? []).join('\n'), NOTE_CHARACTERS);
  const [head, foot] = fit(
    [plain(above[0]!), ...above.slice(1)].filter((part) => part !== '').join('\n\n'),
    below.join('\n'),
    notes.length,
  );
  const components: APIMessageTopLevelComponent[] = [
    ...(head === '' ? [] : [{ type: ComponentType.TextDisplay as const, content: head }]),
    ...(files.length === 0
      ? []
      : [
          {
            type: ComponentType.MediaGallery as const,
            items: files.map(({ name, description, isSpoiler }) => ({
              media: { url: `attachment://${name}` },
              description,
              ...(isSpoiler && { spoiler: true }),
            })),
          },
        ]),
    ...named.map(({ name }) => ({
      type: ComponentType.File as const,
      file: { url: `attachment://${name}` as const },
    })),
    ...(foot === '' ? [] : [{ type: ComponentType.TextDisplay as const, content: foot }]),
    ...rowsOf(card.actions ?? []),
    ...cellMenus(card, sayIn(card.locale ?? 'en')),
    ...(card.more?.length ? [menuOf(card.more, sayIn(card.locale ?? 'en'))] : []),
    ...(notes === ''
      ? []
      : [
          {
            type: ComponentType.TextDisplay as const,
            content: notes
              .split('\n')
              .map((note) => quiet(plain(note)))
              .join('\n'),
          },
        ]),
  ];
  return { components, files: [...files, ...named] };
}

function uploadsOf(card: Card, pictures: readonly (Uint8Array | undefined)[]): Upload[] {
  const say = sayIn(card.locale ?? 'en');
  if (card.preview !== undefined) {
    // The name changes with the step: a client shows an old file of the same name from its cache.
    const name = `developing-${card.job?.step ?? 0}.png`;
    return [{ name, attachment: Buffer.from(card.preview), description: say('card.in_progress') }];
  }
  if (card.plots !== undefined) {
    return card.plots.map(({ png, alt }, i) => ({
      ...{ name: `plot-${i + 1}.png`, attachment: Buffer.from(png) },
      description: clip(alt, LIMITS.altText),
    }));
  }
  return (card.pictures ?? []).slice(0, LIMITS.gallery).flatMap(({ id, alt, isSpoiler }, i) => {
    const bytes = pictures[i];
    if (bytes === undefined) return [];
    // Discord knows a spoiler by its name too: where the file is shown without its message.
    const name = `${isSpoiler ? 'SPOILER_' : ''}darkroom-${id}.${extensionOf(bytes)}`;
    return [
      {
        name,
        attachment: Buffer.from(bytes),
        description: clip(alt === '' ? say('card.picture') : alt, LIMITS.altText),
        ...(isSpoiler && { isSpoiler }),
      },
    ];
  });
}

const QUIET = '-# ';
const quiet = (line: string) => `${QUIET}${line.replaceAll('\n', ' ')}`;

/** What the picture is, and the quiet line under it. */
function aboutLines({ about, footer = '', locale = 'en' }: Card, origin: string | undefined): string[] {
  const say = sayIn(locale);
  if (about === undefined) return footer === '' ? [] : [quiet(plain(footer))];
  const { prompt, asker, origin: from } = about;
  const what = prompt.trim() === '' ? [] : [plain(clip(prompt, ABOUT_CHARACTERS)).replaceAll('\n', ' ')];
  const linked =
    origin === undefined ? say('card.another_picture') : `[${say('card.this_picture')}](${origin})`;
  const picture = from?.job === undefined ? say('card.attached_picture') : linked;
  const made = from && say('card.origin', { what: from.text, picture });
  const facts = [say('card.for', { name: plain(asker) }), made, plain(footer)].filter(
    (part) => part !== undefined && part !== '',
  );
  return [...what, quiet(facts.join(' \u00b7 '))];
}

/** A menu takes no room until it is opened. */
const menuOf = (actions: readonly CardAction[], say: Say) =>
  selectOf(`more:${actions[0]!.id.split(':')[1]}`, say('card.more'), actions);

/** The pictures of a sweep: as many menus as it takes. */
function cellMenus({ cells = [] }: Card, say: Say): APIActionRowComponent<APIStringSelectComponent>[] {
  return Array.from({ length: Math.ceil(cells.length / LIMITS.choices) }, (_, i) => {
    const first = i * LIMITS.choices;
    const shown = cells.slice(first, first + LIMITS.choices);
    const words =
      cells.length <= LIMITS.choices
        ? say('sweep.open')
        : say('sweep.open_further', { first: first + 1, last: first + shown.length });
    return selectOf(`cells:${i}`, words, shown);
  });
}

function selectOf(
  custom_id: string,
  placeholder: string,
  actions: readonly Pick<CardAction, 'id' | 'label'>[],
): APIActionRowComponent<APIStringSelectComponent> {
  return {
    type: ComponentType.ActionRow,
    components: [
      {
        type: ComponentType.StringSelect,
        custom_id,
        placeholder,
        options: actions
          .slice(0, LIMITS.choices)
          .map(({ id, label }) => ({ label: clip(label, LIMITS.choiceName), value: id })),
      },
    ],
  };
}

/** Discord shows it in the reader's zone and language. */
const withTimes = (text: string) => showTimes(text, (seconds) => `<t:${seconds}:f>`);

/** Head and foot share one limit; the foot is short and says what the picture is, so the head is cut. */
function fit(head: string, foot: string, notes: number): [string, string] {
  const short = clip(foot, LIMITS.text / 2);
  const room = LIMITS.text - short.length - 4 * notes - QUIET.length;
  return [clipRendered(head, room, withTimes), short];
}

const rowsOf = (actions: readonly CardAction[]): APIActionRowComponent<APIButtonComponent>[] =>
  buttonRows(actions).map((row) => ({ type: ComponentType.ActionRow, components: row.map(buttonOf) }));

const STYLE = { primary: ButtonStyle.Primary, danger: ButtonStyle.Danger } as const;

function buttonOf({ id, label, style }: CardAction): APIButtonComponent {
  if (id.length > LIMITS.customId)
    throw new Error(`the action ${id} is longer than ${LIMITS.customId} characters`);
  return {
    type: ComponentType.Button,
    custom_id: id,
    label: clip(label, LIMITS.buttonLabel),
    style: style === undefined ? ButtonStyle.Secondary : STYLE[style],
  };
}

/** A command line is shown as code, so that it can be copied. */
function fieldText({ value, isCode }: CardField): string {
  return isCode ? `\`\`\`\n${value.replaceAll('```', '`\u200b``')}\n\`\`\`` : plain(value);
}

/** Words as words: nothing in them is markup, a mention or a link preview. Pings are switched off as well. */
export function plain(text: string): string {
  return text
    .replaceAll(/[\\*_~`|<>[\]#]/g, '\\$&')
    .replaceAll('@', '@\u200b')
    .replaceAll('://', ':\u200b//');
}

function extensionOf(bytes: Uint8Array): 'png' | 'jpg' | 'webp' {
  if (bytes[0] === 0xff) return 'jpg';
  return bytes[0] === 0x52 ? 'webp' : 'png';
}
