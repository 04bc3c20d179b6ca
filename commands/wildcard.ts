/** /wildcard: lists of words for prompts, which admins keep in chat. */
import { together } from '../src/choices/choices.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence, shorten } from '../src/sentences.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';
import { type ConfigPorts, changeSetting } from './setting-change.ts';
import { wildcardName, wildcardsOf, writeWildcard } from './wildcards.ts';

type WildcardPorts = ConfigPorts & Pick<Ports, 'wildcards'>;

/** Lists that one card shows, and characters of each. */
const SHOWN = { lists: 40, characters: 200 };

const list = defineCommand({
  name: 'wildcard list',
  description: 'describe.wildcard.list',
  options: {},
  examples: ['/wildcard list'],
  async run(_values, { invocation, reply, ports, say }: Context<WildcardPorts>) {
    const lists = await together([wildcardsOf(ports.settings, tenantOf(invocation)), ports.wildcards])();
    const names = [...lists.keys()].toSorted();
    const fields = await Promise.all(
      names.slice(0, SHOWN.lists).map(async (name) => {
        const words = (await lists.get(name)!()).join(' | ');
        return { name: `__${name}__`, value: shorten(words, SHOWN.characters) };
      }),
    );
    const more = names.length - fields.length;
    await reply.postEphemeral({
      text: names.length === 0 ? say('wildcard.none') : say('wildcard.list'),
      fields,
      ...(more > 0 && { notes: [say('wildcard.more', { count: more })] }),
    });
  },
});

const set = defineCommand({
  name: 'wildcard set',
  description: 'describe.wildcard.set',
  options: {
    name: { type: 'text', single: true, required: true, description: 'describe.name', example: 'colour' },
    words: {
      type: 'text',
      required: true,
      description: 'describe.wildcard.words',
      example: 'red | dark blue | green',
    },
  },
  examples: ['/wildcard set colour red | dark blue | green'],
  async run({ name = '', words = '' }, context: Context<WildcardPorts>) {
    await changeSetting(context, {
      key: `wildcard.${wildcardName(name)}`,
      scope: 'server',
      target: '',
      after: writeWildcard(words),
    });
  },
});

const remove = defineCommand({
  name: 'wildcard remove',
  description: 'describe.wildcard.remove',
  options: { name: { type: 'text', required: true, description: 'describe.name', example: 'colour' } },
  examples: ['/wildcard remove colour'],
  async run({ name = '' }, context: Context<WildcardPorts>) {
    const { invocation, ports } = context;
    const wanted = wildcardName(name);
    const own = await ports.settings.wildcards(tenantOf(invocation));
    if (!own.has(wanted)) {
      const isFile = (await ports.wildcards()).has(wanted);
      throw new DarkroomError(
        'bad_request',
        sentence(isFile ? 'wildcard.is_file' : 'wildcard.unknown', { name: wanted }),
      );
    }
    await changeSetting(context, { key: `wildcard.${wanted}`, scope: 'server', target: '' });
  },
});

export const wildcard = defineGroup(
  { name: 'wildcard', description: 'describe.wildcard', usual: { words: 'set' } },
  [list, set, remove],
);
