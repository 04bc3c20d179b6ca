/** What happened on Discord as the parts of an Invocation: who, where, with which words. */
import {
  ApplicationCommandOptionType,
  type BaseInteraction,
  type Channel,
  type ChatInputCommandInteraction,
  type CommandInteractionOption,
  type User as DiscordUser,
  type Guild,
  type GuildMember,
  type Message,
  type MessageComponentInteraction,
  PermissionFlagsBits,
} from 'discord.js';
import type { Invocation, User, Where } from '../adapter.ts';

export function userOf(user: DiscordUser, member?: { readonly displayName?: string } | null): User {
  return { id: `discord:${user.id}`, name: member?.displayName ?? user.displayName };
}

/** Discord's own id in one of ours. */
export const plainId = (id: string) => id.replace(/^discord:/, '');

/** Where an interaction happened. Discord sends the member's roles and permissions with it. */
export function whereOfInteraction(interaction: BaseInteraction): Where {
  const { guildId, channelId, channel, member, memberPermissions, locale } = interaction;
  const roles =
    member === null ? [] : Array.isArray(member.roles) ? member.roles : [...member.roles.cache.keys()];
  return {
    ...(guildId === null ? { isDirect: true } : { tenant: `discord:${guildId}` }),
    ...channelOf(channelId ?? '', channel),
    roles: roles.filter((role) => role !== guildId).map((role) => `discord:${role}`),
    isAdmin: memberPermissions?.has(PermissionFlagsBits.ManageGuild) ?? false,
    locale,
  };
}

/** Where a message was written. @param locale of its author */
export function whereOfMessage(
  { guild, member, channelId, channel }: Message,
  locale: string | undefined,
): Where {
  return {
    ...(guild === null ? { isDirect: true } : { tenant: `discord:${guild.id}` }),
    ...channelOf(channelId, channel),
    roles: rolesOf(guild, member),
    isAdmin: member?.permissions.has(PermissionFlagsBits.ManageGuild) ?? false,
    ...(locale !== undefined && { locale }),
  };
}

/** Every member has the role that carries the guild's own id; it says nothing. */
export function rolesOf(guild: Guild | null, member: GuildMember | null | undefined): string[] {
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

/** What was called, with its values by option name; attachments are not among them. */
export function calledOf({ commandName, options }: ChatInputCommandInteraction) {
  const sub = options.getSubcommand(false);
  const values = Object.fromEntries(
    givenOf(options).flatMap(({ name, value, attachment }) =>
      value === undefined || attachment !== undefined ? [] : [[name, value]],
    ),
  );
  return { name: sub === null ? commandName : `${commandName} ${sub}`, values };
}

/** The options that were given; those of a subcommand are inside it. */
export function givenOf({
  data,
}: ChatInputCommandInteraction['options']): readonly CommandInteractionOption[] {
  const [first] = data;
  return first?.type === ApplicationCommandOptionType.Subcommand ? (first.options ?? []) : data;
}

/** A pressed button. */
export function pressOf(interaction: MessageComponentInteraction): Pick<Invocation, 'attachments' | 'input'> {
  const { message } = interaction;
  return {
    attachments: [],
    input: { kind: 'action', action: actionOf(interaction), values: {}, message: message.id },
  };
}

/** Of a pressed button, or the one that was chosen in a menu. */
export function actionOf(interaction: MessageComponentInteraction): string {
  if (!interaction.isStringSelectMenu()) return interaction.customId;
  return interaction.values[0] ?? '';
}

/** The words of a message without the mention of the bot, and the sign behind it: `@Darkroom, a fox`. */
export function wordsOf({ content }: Message, bot: string): string {
  const words = content.replaceAll(new RegExp(`<@!?${bot}>(?:\\s*[,:;](?=\\s))?`, 'g'), ' ');
  return plainWords(words).trim();
}

/** What Discord writes for what people chose in its menus: `</imagine:42>` is the command, a time says nothing. */
export const plainWords = (text: string): string =>
  text.replaceAll(/<\/([^:>]{1,100}):\d+>/g, '/$1').replaceAll(/<t:-?\d+(?::[a-z])?>/gi, ' ');
