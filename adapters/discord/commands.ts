/** Darkroom's commands as Discord's application commands, and whether they must be registered again. */
import {
  type APIApplicationCommandBasicOption,
  ApplicationCommandOptionType,
  ApplicationCommandType,
  ApplicationIntegrationType,
  InteractionContextType,
  PermissionFlagsBits,
  type RESTPostAPIApplicationCommandsJSONBody,
} from 'discord.js';
import type { AnyCommand, Option } from '../../commands/command.ts';
import { CATALOGUE, isKey, type PlainKey, sayIn } from '../../src/sentences.ts';
import { clip } from '../clip.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';

const FOR_ADMINS = String(PermissionFlagsBits.ManageGuild);

/** The message commands: right click on a message, Apps. */
export const MESSAGE_COMMANDS = {
  edit: { name: sayIn('en')('discord.menu.edit'), ko: sayIn('ko')('discord.menu.edit') },
  use: { name: sayIn('en')('discord.menu.use'), ko: sayIn('ko')('discord.menu.use') },
} as const;

export function renderCommands(commands: readonly AnyCommand[]): RESTPostAPIApplicationCommandsJSONBody[] {
  const everywhere = {
    contexts: [InteractionContextType.Guild, InteractionContextType.BotDM],
    integration_types: [ApplicationIntegrationType.GuildInstall],
  };
  const slash = commands.map((command) => {
    const { name, description, options, subcommands, isForAdmins } = command;
    return {
      ...everywhere,
      // Discord hides it from other members; the command checks again, as admins can change what Discord shows.
      ...(isForAdmins && { default_member_permissions: FOR_ADMINS }),
      ...localized(name, description),
      type: ApplicationCommandType.ChatInput as const,
      options: subcommands?.map(renderSubcommand) ?? renderOptions(options),
    };
  });
  const menus = Object.values(MESSAGE_COMMANDS).map(({ name, ko }) => ({
    ...everywhere,
    type: ApplicationCommandType.Message as const,
    name,
    name_localizations: { ko },
  }));
  return [...slash, ...menus];
}

function renderSubcommand({ name, description, options }: AnyCommand) {
  return {
    ...localized(lastWord(name), description),
    type: ApplicationCommandOptionType.Subcommand as const,
    options: renderOptions(options),
  };
}

/** Discord wants the required ones first. */
function renderOptions(options: AnyCommand['options']) {
  return Object.entries(options)
    .sort(([, a], [, b]) => Number(b.required ?? false) - Number(a.required ?? false))
    .slice(0, LIMITS.options)
    .map(([key, option]) => renderOption(key, option));
}

const lastWord = (name: string) => name.split(' ').at(-1)!;

const MENTION = {
  user: ApplicationCommandOptionType.User,
  role: ApplicationCommandOptionType.Role,
  channel: ApplicationCommandOptionType.Channel,
} as const;

/** Name and description in all languages. */
function localized(name: string, description: PlainKey) {
  const key = `name.${name}`;
  return {
    name,
    description: clip(sayIn('en')(description), LIMITS.description),
    description_localizations: { ko: clip(sayIn('ko')(description), LIMITS.description) },
    ...(isKey(key) && { name_localizations: { ko: CATALOGUE.ko[key] } }),
  };
}

function renderOption(name: string, option: Option): APIApplicationCommandBasicOption {
  const shared = { ...localized(name, option.description), required: option.required ?? false };
  switch (option.type) {
    case 'picture':
      return { ...shared, type: ApplicationCommandOptionType.Attachment };
    case 'mention':
      return { ...shared, type: MENTION[option.of] };
    case 'integer':
      return {
        ...shared,
        type: ApplicationCommandOptionType.Integer,
        min_value: option.min,
        max_value: option.max,
      };
    case 'number':
      return {
        ...shared,
        type: ApplicationCommandOptionType.Number,
        min_value: option.min,
        max_value: option.max,
      };
    case 'text':
      return option.single
        ? { ...shared, type: ApplicationCommandOptionType.String, autocomplete: true }
        : { ...shared, type: ApplicationCommandOptionType.String };
    case 'choice': {
      const few = option.choices.length <= LIMITS.choices;
      return few
        ? {
            ...shared,
            type: ApplicationCommandOptionType.String,
            choices: option.choices.map((value) => ({ name: clip(value, LIMITS.choiceName), value })),
          }
        : { ...shared, type: ApplicationCommandOptionType.String, autocomplete: true };
    }
  }
}

/** Whether what Discord holds differs in anything that we say; what Discord adds of its own is passed over. */
export function haveChanged(ours: readonly unknown[], theirs: readonly unknown[]): boolean {
  const key = (command: unknown) =>
    `${Reflect.get(Object(command), 'type') ?? 1} ${Reflect.get(Object(command), 'name')}`;
  const held = new Map(theirs.map((command) => [key(command), command]));
  return ours.length !== theirs.length || ours.some((command) => !covers(held.get(key(command)), command));
}

/** Whether `whole` contains everything that `part` says. An empty list, false and null are the same as nothing said. */
function covers(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    const list = Array.isArray(whole) ? whole : [];
    return list.length === part.length && part.every((item, i) => covers(list[i], item));
  }
  if (typeof part === 'object' && part !== null) {
    return Object.entries(part).every(([key, value]) => covers(Reflect.get(Object(whole), key), value));
  }
  return (whole ?? false) === (part ?? false);
}
