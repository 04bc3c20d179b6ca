/** /rules: words, phrases and patterns that prompts must not have, which admins keep in chat. */
import { DarkroomError, offer } from '../src/errors.ts';
import { readTerms, requireRuleRoom } from '../src/moderation/rules.ts';
import { sentence, shorten } from '../src/sentences.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { tenantOf } from './policy.ts';
import { promptRulesOf } from './prompt-rules.ts';
import { type ConfigPorts, changeSetting, requireAdmin } from './setting-change.ts';

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}_-]{0,39}$/u;
/** Characters of a rule's terms that a list shows. */
const SHOWN = 300;

const RULE = {
  type: 'text',
  single: true,
  required: true,
  description: 'describe.rules.name',
  example: 'weapons',
} as const;

function ruleName(typed: string): string {
  const name = typed.trim().toLowerCase();
  if (NAME.test(name)) return name;
  throw new DarkroomError('bad_request', sentence('rules.bad_name', { name: typed }));
}

const list = defineCommand({
  name: 'rules list',
  description: 'describe.rules.list',
  options: {},
  examples: ['/rules list'],
  async run(_values, { invocation, reply, say, ports }: Context<ConfigPorts>) {
    // Whoever knows the words knows how to write around them.
    await requireAdmin(invocation, ports);
    const rules = await promptRulesOf(ports.settings, tenantOf(invocation));
    const fields = rules.map(({ name, terms }) => {
      const words = terms.replaceAll('\n', ' | ');
      return { name, value: shorten(words, SHOWN) };
    });
    await reply.postEphemeral(
      fields.length === 0 ? { text: say('rules.none') } : { text: say('rules.list'), fields },
    );
  },
});

const set = defineCommand({
  name: 'rules set',
  description: 'describe.rules.set',
  options: {
    name: RULE,
    words: {
      type: 'text',
      required: true,
      description: 'describe.rules.words',
      example: 'gun | machine gun | bomb*',
    },
  },
  examples: ['/rules set weapons gun | machine gun | bomb*', '/rules set rifles /ak-?\\d+/'],
  async run({ name = '', words = '' }, context: Context<ConfigPorts>) {
    const { invocation, ports } = context;
    await requireAdmin(invocation, ports);
    const rule = { name: ruleName(name), terms: readTerms(words) };
    const others = (await promptRulesOf(ports.settings, tenantOf(invocation))).filter(
      (other) => other.name !== rule.name,
    );
    requireRuleRoom([...others, rule]);
    await changeSetting(context, {
      key: `rule.${rule.name}`,
      scope: 'server',
      target: '',
      after: rule.terms,
    });
  },
});

const remove = defineCommand({
  name: 'rules remove',
  description: 'describe.rules.remove',
  options: { name: RULE },
  examples: ['/rules remove weapons'],
  async run({ name = '' }, context: Context<ConfigPorts>) {
    const { invocation, ports } = context;
    await requireAdmin(invocation, ports);
    const wanted = ruleName(name);
    const names = (await promptRulesOf(ports.settings, tenantOf(invocation))).map((rule) => rule.name);
    if (!names.includes(wanted)) {
      throw new DarkroomError(
        'bad_request',
        sentence('rules.unknown', { name: wanted, offer: offer(wanted, names) }),
      );
    }
    await changeSetting(context, { key: `rule.${wanted}`, scope: 'server', target: '' });
  },
});

export const rules = defineGroup(
  { name: 'rules', description: 'describe.rules', isForAdmins: true, usual: { words: 'set' } },
  [list, set, remove],
);
