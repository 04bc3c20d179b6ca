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
export const MEDIA_HOSTS = ['cdn.discordapp.com', 'media.discordapp.net'];

export function attachmentsOf({ options }: ChatInputCommandInteraction, downloads: Downloads): Attachment[] {
  return givenOf(options).flatMap(({ name, attachment }) =>
    attachment == null ? [] : downloads.attachment(attachment, name),
  );
}

/** The pictures of a message: its attachments; without any, those of a card of ours. */
export function picturesOf(message: Message, downloads: Downloads): Attachment[] {
  const attached = [...message.attachments.values()].filter(isPicture);
  if (attached.length > 0) return attached.map((one) => downloads.attachment(one));
  return galleryOf(message).map(({ media: { url } }, i) =>
    downloads.attachment({ name: `picture-${i + 1}`, url }),
  );
}

/** A picture, or a file of keypoints. */
const isPicture = ({ contentType, name }: DiscordAttachment): boolean =>
  /\.json$/i.test(name) || (contentType?.startsWith('image/') ?? /\.(png|jpe?g|webp|gif)$/i.test(name));

function galleryOf(message: Message): APIMediaGalleryItem[] {
  return message.components.flatMap((component) => {
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
