/** What happened on Discord as an Invocation: who, where, with which words and pictures. */
import {
  type APIMediaGalleryItem,
  ApplicationCommandOptionType,
  type BaseInteraction,
  type Channel,
  type ChatInputCommandInteraction,
  type CommandInteractionOption,
  ComponentType,
  type Attachment as DiscordAttachment,
  type User as DiscordUser,
  type Guild,
  type GuildMember,
  type Message,
  type ModalSubmitInteraction,
  PermissionFlagsBits,
} from 'discord.js';
import { DarkroomError } from '../../src/errors.ts';
import type { Attachment, User, Where } from '../adapter.ts';
import type { CardForm } from '../card.ts';
import { fetchMedia, type MediaRules } from '../media.ts';

/** Discord's own hosts of attachments. */
export const MEDIA_HOSTS = ['cdn.discordapp.com', 'media.discordapp.net'];

export function userOf(user: DiscordUser, member?: { readonly displayName?: string } | null): User {
  return { id: `discord:${user.id}`, name: member?.displayName ?? user.displayName };
}

/** Where an interaction happened. Discord tells the member's roles and permissions with it. */
export function whereOfInteraction(interaction: BaseInteraction): Where {
  const { guildId, channelId, channel, member, memberPermissions, locale } = interaction;
  const roles =
    member === null ? [] : Array.isArray(member.roles) ? member.roles : [...member.roles.cache.keys()];
  return {
    ...(guildId !== null && { tenant: `discord:${guildId}` }),
    ...channelOf(channelId ?? '', channel),
    roles: roles.filter((role) => role !== guildId).map((role) => `discord:${role}`),
    isAdmin: memberPermissions?.has(PermissionFlagsBits.ManageGuild) ?? false,
    locale,
  };
}

/** Where a message was written. */
export function whereOfMessage({ guild, member, channelId, channel }: Message): Where {
  return {
    ...(guild !== null && { tenant: `discord:${guild.id}` }),
    ...channelOf(channelId, channel),
    roles: rolesOf(guild, member),
    isAdmin: member?.permissions.has(PermissionFlagsBits.ManageGuild) ?? false,
    ...(guild !== null && { locale: guild.preferredLocale }),
  };
}

function rolesOf(guild: Guild | null, member: GuildMember | null): string[] {
  return [...(member?.roles.cache.keys() ?? [])]
    .filter((role) => role !== guild?.id)
    .map((role) => `discord:${role}`);
}

/** A thread belongs to its channel, and takes the age limit from it. */
function channelOf(id: string, channel: Channel | null): Pick<Where, 'channel' | 'isAgeRestricted'> {
  const home = channel?.isThread() ? channel.parent : channel;
  return {
    channel: `discord:${home?.id ?? id}`,
    isAgeRestricted: home !== null && home !== undefined && 'nsfw' in home && home.nsfw === true,
  };
}

/** What was called, with its values by option name; attachments are fetched apart from them. */
export function calledOf({ commandName, options }: ChatInputCommandInteraction) {
  const sub = options.getSubcommand(false);
  const values = Object.fromEntries(
    givenOf(options).flatMap(({ name, value, attachment }) =>
      value === undefined || attachment !== undefined ? [] : [[name, value]],
    ),
  );
  return { name: sub === null ? commandName : `${commandName} ${sub}`, values };
}

/** The options that were given; those of a subcommand stand inside it. */
function givenOf({ data }: ChatInputCommandInteraction['options']): readonly CommandInteractionOption[] {
  const [first] = data;
  return first?.type === ApplicationCommandOptionType.Subcommand ? (first.options ?? []) : data;
}

export async function attachmentsOf(
  { options }: ChatInputCommandInteraction,
  rules: MediaRules,
): Promise<Attachment[]> {
  const given = givenOf(options).filter(({ attachment }) => attachment != null);
  return Promise.all(
    given.map(async ({ name, attachment }) => ({
      ...(await fetchAttachment(attachment!, rules)),
      option: name,
    })),
  );
}

async function fetchAttachment(
  { url, name, size }: DiscordAttachment,
  rules: MediaRules,
): Promise<Attachment> {
  if (size > rules.maxBytes) {
    const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    throw new DarkroomError(
      'too_large',
      `${name} has ${mb(size)} MB; the limit is ${mb(rules.maxBytes)} MB. Send a smaller one.`,
    );
  }
  return { name, bytes: await fetchMedia(url, rules) };
}

/** The pictures of a message, its own attachments first; those of a card of ours stand in its gallery. */
export async function picturesOf(message: Message, rules: MediaRules): Promise<Attachment[]> {
  const attached = [...message.attachments.values()].filter(
    ({ contentType, name }) => contentType?.startsWith('image/') ?? /\.(png|jpe?g|webp|gif)$/i.test(name),
  );
  if (attached.length > 0) return Promise.all(attached.map((one) => fetchAttachment(one, rules)));
  return Promise.all(
    galleryOf(message).map(async ({ media: { url } }, i) => ({
      name: `picture-${i + 1}`,
      bytes: await fetchMedia(url, rules),
    })),
  );
}

function galleryOf(message: Message): APIMediaGalleryItem[] {
  return message.components.flatMap((component) => {
    const json = component.toJSON();
    return json.type === ComponentType.MediaGallery ? json.items : [];
  });
}

/** The words of a message without the bot's name in front or behind. */
export function wordsOf({ content }: Message, bot: string): string {
  return content.replaceAll(new RegExp(`<@!?${bot}>`, 'g'), ' ').trim();
}

/** What a form was sent with, by the fields' names; an empty field is left out. */
export async function formValues(
  form: CardForm,
  interaction: ModalSubmitInteraction,
  rules: MediaRules,
): Promise<{ values: Record<string, string | number>; attachments: Attachment[] }> {
  const values: Record<string, string | number> = {};
  const attachments: Attachment[] = [];
  for (const { name, kind } of form.fields) {
    if (!interaction.fields.fields.has(name)) continue;
    if (kind === 'picture') {
      for (const file of interaction.fields.getUploadedFiles(name)?.values() ?? []) {
        attachments.push({ ...(await fetchAttachment(file, rules)), option: name });
      }
      continue;
    }
    const [text = ''] =
      kind === 'choice'
        ? interaction.fields.getStringSelectValues(name)
        : [interaction.fields.getTextInputValue(name)];
    if (text.trim() !== '') values[name] = kind === 'number' ? Number(text.replace(',', '.')) : text;
  }
  return { values, attachments };
}
