/** The commands as JSON, for a platform's menu and its empty state. */
import type { Say } from '../src/sentences.ts';
import type { AnyCommand } from './command.ts';
import type { Ports } from './ports.ts';

export interface CommandsJson {
  readonly commands: readonly {
    readonly name: string;
    readonly description: string;
    readonly examples: readonly string[];
    readonly options: readonly Readonly<Record<string, unknown>>[];
    readonly subcommands?: CommandsJson['commands'];
  }[];
  readonly gallery: readonly { readonly prompt: string; readonly seed?: number }[];
  readonly words: readonly string[];
}

/** @param say of whoever sees the menu */
export function describeCommand(
  command: AnyCommand,
  ports: Pick<Ports, 'models'>,
  say: Say,
): CommandsJson['commands'][number] {
  const { name, description, examples, options, subcommands } = command;
  return {
    name,
    description: say(description),
    examples,
    ...(subcommands && { subcommands: subcommands.map((sub) => describeCommand(sub, ports, say)) }),
    options: Object.entries(options).map(([key, { ...option }]) => {
      if ('spelling' in option) delete option.spelling;
      if ('beyond' in option) delete option.beyond;
      if ('pattern' in option) delete option.pattern;
      if ('partOfName' in option) delete option.partOfName;
      return {
        name: key,
        ...option,
        description: say(option.description),
        ...(key === 'model' && { choices: ports.models.names() }),
      };
    }),
  };
}
