/** The pictures of a Discord message, command or form, as attachments that are fetched when they are read. */
import {
  type APIMediaGalleryItem,
  type ChatInputCommandInteraction,
  ComponentType,
  type Attachment as DiscordAttachment,
  type Message,
  type ModalSubmitInteraction,
} from 'discord.js';
import type { Attachment } from '../adapter.ts';
import type { CardForm } from '../card.ts';
import type { Downloads } from '../downloads.ts';
import { givenOf } from './invocation.ts';

/** Discord's own hosts of attachments. */
export const MEDIA_HOSTS = [
  'cdn.discordapp.com',
  'media.discordapp.net',
  'images-ext-1.discordapp.net',
  'images-ext-2.discordapp.net',
];

export function attachmentsOf({ options }: ChatInputCommandInteraction, downloads: Downloads): Attachment[] {
  return givenOf(options).flatMap(({ name, attachment }) =>
    attachment == null ? [] : downloads.attachment(attachment, name),
  );
}

/** What of a message may show pictures; a forwarded message is one in another. */
type Shown = Pick<Message, 'attachments' | 'components' | 'embeds'>;

/** The pictures of a message: its attachments; without any, those of a card of ours, of a forward, of its links. */
export function picturesOf(message: Message, downloads: Downloads): Attachment[] {
  const forwarded = [...message.messageSnapshots.values()] as unknown as Partial<Shown>[];
  for (const part of [message, ...forwarded]) {
    const found = picturesOfPart(part, downloads);
    if (found.length > 0) return found;
  }
  return [];
}

function picturesOfPart({ attachments, components, embeds = [] }: Partial<Shown>, downloads: Downloads) {
  const attached = [...(attachments?.values() ?? [])].filter(isPicture);
  if (attached.length > 0) return attached.map((one) => downloads.attachment(one));
  const urls = [
    ...galleryOf(components ?? []).map(({ media: { url } }) => url),
    ...embeds.flatMap(({ image, thumbnail }) => {
      const picture = image ?? thumbnail;
      // Discord fetches what others host, and we from Discord.
      return picture === null ? [] : [picture.proxyURL ?? picture.url];
    }),
  ];
  return urls.map((url, i) => downloads.attachment({ name: `picture-${i + 1}`, url }));
}

/** The pictures that were attached to a message. */
export const filesOf = ({ attachments }: Message, downloads: Downloads): Attachment[] =>
  [...attachments.values()].filter(isPicture).map((one) => downloads.attachment(one));

/** Names of a message's files that are no pictures. */
export const otherFilesOf = ({ attachments }: Message): string[] =>
  [...attachments.values()].filter((one) => !isPicture(one)).map(({ name }) => name);

/** Ids of the buttons of a message. */
export const buttonsOf = ({ components }: Message): string[] =>
  components.flatMap((row) =>
    row.type === ComponentType.ActionRow
      ? row.components.flatMap((one) => (one.type === ComponentType.Button ? (one.customId ?? []) : []))
      : [],
  );

/** A picture, or a file of keypoints. */
const isPicture = ({ contentType, name }: DiscordAttachment): boolean =>
  /\.json$/i.test(name) ||
  (contentType?.startsWith('image/') ?? false) ||
  /\.(png|jpe?g|webp|gif|avif|tiff?|bmp|hei[cf])$/i.test(name);

function galleryOf(components: Message['components']): APIMediaGalleryItem[] {
  return components.flatMap((component) => {
    const json = component.toJSON();
    return json.type === ComponentType.MediaGallery ? json.items : [];
  });
}

/** The values of a sent form by the fields' names; an empty field is left out. */
export function formValues(
  form: CardForm,
  { fields }: ModalSubmitInteraction,
  downloads: Downloads,
): { values: Record<string, string | number>; attachments: Attachment[] } {
  const values: Record<string, string | number> = {};
  const attachments: Attachment[] = [];
  for (const { name, kind } of form.fields) {
    if (!fields.fields.has(name)) continue;
    if (kind === 'picture') {
      const files = fields.getUploadedFiles(name)?.values() ?? [];
      attachments.push(...[...files].map((file) => downloads.attachment(file, name)));
      continue;
    }
    const [text = ''] =
      kind === 'choice' ? fields.getStringSelectValues(name) : [fields.getTextInputValue(name)];
    if (text.trim() !== '') values[name] = kind === 'number' ? Number(text.replace(',', '.')) : text;
  }
  return { values, attachments };
}
