/** /help: the commands, their flags, and lines that the model does well. */
import type { Card } from '../adapters/card.ts';
import { DarkroomError, offerNames } from '../src/errors.ts';
import { type AnyCommand, type Context, defineCommand, lineOptions, rangeOf, usageOf } from './command.ts';
import { Policy } from './policy.ts';
import type { ModelInfo, Ports } from './ports.ts';

type HelpPorts = Pick<Ports, 'models' | 'settings' | 'admins'>;

/** @param commands all of them; a function, as help is one of them */
export const createHelp = (commands: () => readonly AnyCommand[]) =>
  defineCommand({
    name: 'help',
    description: 'Show all commands, or the options of one.',
    options: {
      command: { type: 'text', single: true, description: 'The command to explain.', example: 'imagine' },
    },
    examples: ['/help', '/help imagine'],
    async run({ command: name }, { invocation, reply, ports }: Context<HelpPorts>) {
      if (name === undefined || name === '') {
        const isAdmin = (await Policy.of(invocation, ports)).isAdmin();
        const offered = commands().filter(({ isForAdmins }) => isAdmin || !isForAdmins);
        return reply.postEphemeral(overview(offered, await ports.models.resolve()));
      }
      const wanted = name.replace(/^(?:\/|--)/, '').toLowerCase();
      const command = commands().find((known) => known.name === wanted);
      if (command !== undefined) return reply.postEphemeral(explain(command));
      const flag = flagOf(wanted, commands());
      if (flag !== undefined) return reply.postEphemeral(flag);
      const names = commands().map((known) => known.name);
      throw new DarkroomError('bad_request', `There is no /${wanted}. ${offerNames(wanted, names)}`);
    },
  });

function overview(commands: readonly AnyCommand[], { gallery, words }: ModelInfo): Card {
  const examples = gallery
    .slice(0, 4)
    .map(({ prompt, seed }) => `/imagine ${prompt}${seed === undefined ? '' : ` --seed ${seed}`}`);
  return {
    text: 'Describe a picture and I draw it. Reply to a picture with words to change it.',
    fields: [
      ...commands.map(({ name, description }) => ({ name: `/${name}`, value: description })),
      ...(examples.length > 0 ? [{ name: 'Try', value: examples.join('\n') }] : []),
    ],
    ...(words.length > 0 && { notes: [`This small model knows these words best: ${words.join(', ')}.`] }),
  };
}

/** `/help seed`, `/help flags`: of the first command that has options. */
function flagOf(wanted: string, commands: readonly AnyCommand[]): Card | undefined {
  const command = commands.find(({ typed }) => typed !== undefined);
  if (command === undefined) return undefined;
  if (wanted === 'flags' || wanted === 'options') return explain(command);
  const option = Object.values(lineOptions(command)).find(({ flag, aliases = [] }) =>
    [flag, ...aliases].includes(`--${wanted}`),
  );
  return option && { text: `${option.flag}: ${option.description} (${rangeOf(option)})` };
}

function explain(command: AnyCommand): Card {
  return {
    text: `${command.description} ${usageOf(command)}`,
    fields: [
      ...Object.entries(command.options).map(([name, option]) => ({
        name: option.flag ?? name,
        value: `${option.description} (${rangeOf(option)})`,
      })),
      { name: 'Try', value: command.examples.join('\n') },
    ],
  };
}
