/** /help: the commands, their flags, and lines that the model does well. */
import type { Card } from '../adapters/card.ts';
import { DarkroomError, offer } from '../src/errors.ts';
import { type Say, sentence } from '../src/sentences.ts';
import { type AnyCommand, type Context, defineCommand, lineOptions, rangeOf, usageOf } from './command.ts';
import { Policy } from './policy.ts';
import type { ModelInfo, Ports } from './ports.ts';

type HelpPorts = Pick<Ports, 'models' | 'settings' | 'admins'>;

/** @param commands all of them; a function, as help is one of them */
export const createHelp = (commands: () => readonly AnyCommand[]) =>
  defineCommand({
    name: 'help',
    description: 'describe.help',
    options: {
      command: { type: 'text', single: true, description: 'describe.help.command', example: 'imagine' },
    },
    examples: ['/help', '/help imagine'],
    async run({ command: name }, { invocation, reply, say, ports }: Context<HelpPorts>) {
      if (name === undefined || name === '') {
        const isAdmin = (await Policy.of(invocation, ports)).isAdmin();
        const offered = commands().filter(({ isForAdmins }) => isAdmin || !isForAdmins);
        return reply.postEphemeral(overview(offered, await ports.models.resolve(), say));
      }
      const wanted = name.replace(/^(?:\/|--)/, '').toLowerCase();
      const command = commands().find((known) => known.name === wanted);
      if (command !== undefined) return reply.postEphemeral(explain(command, say));
      const flag = flagOf(wanted, commands(), say);
      if (flag !== undefined) return reply.postEphemeral(flag);
      const names = commands().map((known) => known.name);
      throw new DarkroomError(
        'bad_request',
        sentence('help.no_command', { name: wanted, offer: offer(wanted, names) }),
      );
    },
  });

function overview(
  commands: readonly AnyCommand[],
  { name: model, gallery, words, abilities = [] }: ModelInfo,
  say: Say,
): Card {
  const examples = gallery
    .slice(0, 4)
    .map(({ prompt, seed }) => `/imagine ${prompt}${seed === undefined ? '' : ` --seed ${seed}`}`);
  const can = abilities.map((ability) => say.words(ability)).join(', ');
  const notes = [
    ...(can === '' ? [] : [say('help.model', { name: model, abilities: can })]),
    ...(words.length > 0 ? [say('help.words', { words })] : []),
  ];
  return {
    text: say('help.text'),
    fields: [
      ...commands.map(({ name, description }) => ({ name: `/${name}`, value: say(description) })),
      ...(examples.length > 0 ? [{ name: say('help.try'), value: examples.join('\n') }] : []),
    ],
    ...(notes.length > 0 && { notes }),
  };
}

/** `/help seed`, `/help flags`: of the first command that has options. */
function flagOf(wanted: string, commands: readonly AnyCommand[], say: Say): Card | undefined {
  const command = commands.find(({ typed }) => typed !== undefined);
  if (command === undefined) return undefined;
  if (wanted === 'flags' || wanted === 'options') return explain(command, say);
  const option = Object.values(lineOptions(command)).find(({ flag, aliases = [] }) =>
    [flag, ...aliases].includes(`--${wanted}`),
  );
  if (option === undefined) return undefined;
  const { flag = wanted, description } = option;
  return {
    text: say('help.option', { flag, description: say(description), range: rangeOf(option) }),
  };
}

function explain(command: AnyCommand, say: Say): Card {
  return {
    text: say('help.usage', { description: say(command.description), usage: usageOf(command) }),
    fields: [
      ...Object.entries(command.options).map(([name, option]) => ({
        name: option.flag ?? name,
        value: say('help.description', { description: say(option.description), range: rangeOf(option) }),
      })),
      { name: say('help.try'), value: command.examples.join('\n') },
    ],
  };
}
