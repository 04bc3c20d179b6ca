/** The commands behind one door: what came in goes to its command, a refusal comes back as a card. */
import type { Handle, Invocation, Platform } from '../adapters/adapter.ts';
import { DarkroomError, describeError, offerNames } from '../src/errors.ts';
import { act } from './actions.ts';
import { ban, models, pause } from './admin.ts';
import { type AnyCommand, type Context, lastWord, parseValues } from './command.ts';
import { config } from './config.ts';
import { Desk, type Reopen } from './desk.ts';
import { edit } from './edit.ts';
import { createHelp } from './help.ts';
import { imagine } from './imagine.ts';
import { parseLine, splitCommand } from './line.ts';
import type { Ports } from './ports.ts';
import { queue } from './queue.ts';
import { recipe } from './recipe.ts';
import { style } from './style.ts';
import { suggest } from './suggest.ts';

const help = createHelp(() => COMMANDS);
export const COMMANDS: readonly AnyCommand[] = [
  imagine,
  edit,
  recipe,
  queue,
  style,
  config,
  models,
  ban,
  pause,
  help,
];

export interface Commands {
  /** Resolves when the answer is complete: for a picture, when its job has ended. */
  readonly handle: Handle;
  /**
   * Follows what the last process left unfinished; call it once, when the adapters are up.
   * @param reopen the message of a job, from the adapter of its platform
   * @param platforms those that this process holds
   * @returns how many jobs are followed on
   */
  resume(reopen: Reopen, platforms: readonly Platform[]): Promise<number>;
  /** Call it before the queue is closed: jobs that have not ended are then resumed at the next start. */
  release(): void;
  /** What a platform's menu and its empty state show. */
  describe(): Promise<CommandsJson>;
  /** What an option can be completed to. @param asked.tenant whose styles are known; undefined in a direct message */
  suggest(asked: Parameters<typeof suggest>[2]): Promise<readonly string[]>;
}

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

export function createCommands(ports: Ports): Commands {
  const desk = new Desk(ports);
  return {
    async handle(invocation, reply) {
      try {
        await dispatch({ invocation, reply, desk });
      } catch (error) {
        if (!(error instanceof DarkroomError)) ports.onError?.(error);
        const refusal = describeError(error);
        await reply.postEphemeral({ text: refusal.message, error: refusal }).catch((e) => ports.onError?.(e));
      }
    },
    resume: (reopen, platforms) => desk.resume(reopen, platforms),
    release: () => desk.release(),
    suggest: (asked) => suggest(COMMANDS, ports, asked),
    async describe() {
      const { gallery, words } = await ports.models.resolve();
      return { commands: COMMANDS.map((command) => describeCommand(command, ports)), gallery, words };
    },
  };
}

async function dispatch(context: Context): Promise<void> {
  const { invocation } = context;
  const { input } = invocation;
  if (input.kind === 'action') return act(input.action, context);
  if (input.kind === 'command') {
    const [name = '', ...rest] = input.name.split(' ');
    const { command } = findSubcommand(findCommand(name), rest.join(' '));
    return run(command, input.values, context);
  }
  const line = splitCommand(input.text);
  if (line !== undefined) {
    const { command, rest } = findSubcommand(findCommand(line.name), line.rest);
    return run(command, parseLine(command, rest), context);
  }
  const command = meant(invocation);
  return run(command, parseLine(command, input.text), context);
}

/** Plain words: with a picture an edit of it, else a new picture. */
function meant({ attachments, repliedTo }: Invocation): AnyCommand {
  return attachments.length > 0 || repliedTo !== undefined ? edit : imagine;
}

async function run(command: AnyCommand, values: Readonly<Record<string, unknown>>, context: Context) {
  // The values were checked against this very command's options.
  await command.run(parseValues(command, values) as never, context);
}

function findCommand(name: string): AnyCommand {
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = COMMANDS.map((command) => command.name);
  throw new DarkroomError(
    'bad_request',
    name === ''
      ? `A slash alone is no command. Known: ${names.join(', ')}.`
      : `There is no /${name}. ${offerNames(name, names)}`,
  );
}

/** `/config set KEY VALUE`: the first word names what to do. */
function findSubcommand(command: AnyCommand, rest: string): { command: AnyCommand; rest: string } {
  const { subcommands } = command;
  if (subcommands === undefined) return { command, rest };
  const [, name = '', after = ''] = /^\s*(\S*)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (name === '') return { command, rest };
  const found = subcommands.find((one) => lastWord(one.name) === name.toLowerCase());
  if (found !== undefined) return { command: found, rest: after };
  const names = subcommands.map((one) => lastWord(one.name));
  throw new DarkroomError('bad_request', `/${command.name} has no ${name}. ${offerNames(name, names)}`);
}

function describeCommand(command: AnyCommand, ports: Ports): CommandsJson['commands'][number] {
  const { name, description, examples, options, subcommands } = command;
  return {
    name,
    description,
    examples,
    ...(subcommands && { subcommands: subcommands.map((sub) => describeCommand(sub, ports)) }),
    options: Object.entries(options).map(([key, { ...option }]) => {
      if ('spelling' in option) delete option.spelling;
      return { name: key, ...option, ...(key === 'model' && { choices: ports.models.names() }) };
    }),
  };
}
