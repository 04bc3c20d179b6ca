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
import { clip } from '../clip.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';

/** Names and descriptions of one language: `imagine`, `imagine.prompt`. */
export type Translation = ReadonlyMap<string, { readonly name?: string; readonly description: string }>;

const FOR_ADMINS = String(PermissionFlagsBits.ManageGuild);

/** The message commands: right click on a message, Apps. */
export const MESSAGE_COMMANDS = {
  edit: { name: 'Edit picture', ko: '사진 고치기' },
  use: { name: 'Use picture as', ko: '사진을 본으로 쓰기' },
} as const;

export function renderCommands(
  commands: readonly AnyCommand[],
  korean: Translation,
): RESTPostAPIApplicationCommandsJSONBody[] {
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
      ...localized(name, description, korean.get(name)),
      type: ApplicationCommandType.ChatInput as const,
      options:
        subcommands?.map((sub) => renderSubcommand(sub, korean)) ?? renderOptions(name, options, korean),
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

function renderSubcommand({ name, description, options }: AnyCommand, korean: Translation) {
  return {
    ...localized(lastWord(name), description, korean.get(name)),
    type: ApplicationCommandOptionType.Subcommand as const,
    options: renderOptions(name, options, korean),
  };
}

/** Discord wants the required ones first. */
function renderOptions(name: string, options: AnyCommand['options'], korean: Translation) {
  return Object.entries(options)
    .sort(([, a], [, b]) => Number(b.required ?? false) - Number(a.required ?? false))
    .slice(0, LIMITS.options)
    .map(([key, option]) => renderOption(key, option, korean.get(`${name}.${key}`)));
}

const lastWord = (name: string) => name.split(' ').at(-1)!;

const MENTION = {
  user: ApplicationCommandOptionType.User,
  role: ApplicationCommandOptionType.Role,
  channel: ApplicationCommandOptionType.Channel,
} as const;

function localized(
  name: string,
  description: string,
  ko: { name?: string; description: string } | undefined,
) {
  return {
    name,
    description: clip(description, LIMITS.description),
    ...(ko !== undefined && {
      description_localizations: { ko: clip(ko.description, LIMITS.description) },
      ...(ko.name !== undefined && { name_localizations: { ko: ko.name } }),
    }),
  };
}

function renderOption(
  name: string,
  option: Option,
  ko: { name?: string; description: string } | undefined,
): APIApplicationCommandBasicOption {
  const shared = { ...localized(name, option.description, ko), required: option.required ?? false };
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
