/** /ban and /pause: settings under the names that admins look for. */

import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import type { Scope } from '../src/settings/schema.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { tenantOf } from './policy.ts';
import { describeScope } from './setting-cards.ts';
import { type ConfigPorts, changeSetting, requireAdmin } from './setting-change.ts';
import { findTarget } from './targets.ts';
import { timeWords } from './times.ts';

const PERSON = {
  type: 'mention',
  of: 'user',
  required: true,
  description: 'describe.ban.user',
  example: '@ada',
} as const;

const WHOLE: { scope: Scope; target: string } = { scope: 'server', target: '' };

async function userScope(user: string, { invocation, ports }: Context<ConfigPorts>) {
  return { scope: 'user', target: await findTarget('user', user, invocation, ports) } as const;
}

const listBans = defineCommand({
  name: 'ban list',
  description: 'describe.ban.list',
  options: {},
  examples: ['/ban list'],
  async run(_values, { invocation, reply, say, ports }: Context<ConfigPorts>) {
    await requireAdmin(invocation, ports);
    const rules = await ports.settings.rules(tenantOf(invocation));
    const bans = rules.filter(({ key, value }) => key === 'banned' && value === true);
    const fields = await Promise.all(
      bans.map(async ({ scope, target, by, at }) => ({
        name: await describeScope(scope, target, invocation, ports),
        value: say('ban.by', { by, at: timeWords(at, { invocation, say }) }),
      })),
    );
    await reply.postEphemeral(
      fields.length === 0 ? { text: say('ban.none') } : { text: say('ban.list'), fields },
    );
  },
});

const addBan = defineCommand({
  name: 'ban add',
  description: 'describe.ban',
  options: { user: PERSON },
  examples: ['/ban add @ada'],
  async run({ user = '' }, context: Context<ConfigPorts>) {
    await changeSetting(context, { ...(await userScope(user, context)), key: 'banned', after: true });
  },
});

const removeBan = defineCommand({
  name: 'ban remove',
  description: 'describe.ban.remove',
  options: { user: PERSON },
  examples: ['/ban remove @ada'],
  async run({ user = '' }, context: Context<ConfigPorts>) {
    await changeSetting(context, { ...(await userScope(user, context)), key: 'banned' });
  },
});

export const ban = defineGroup(
  { name: 'ban', description: 'describe.ban', isForAdmins: true, usual: { word: 'add' } },
  [listBans, addBan, removeBan],
);

export const pause = defineCommand({
  name: 'pause',
  isForAdmins: true,
  description: 'describe.pause',
  options: {
    state: {
      type: 'choice',
      choices: ['on', 'off'],
      required: true,
      description: 'describe.pause.state',
      example: 'on',
    },
    channel: {
      type: 'mention',
      of: 'channel',
      flag: '--channel',
      description: 'describe.pause.channel',
      example: '#art',
    },
  },
  examples: ['/pause on', '/pause off'],
  async run({ state, channel }, context: Context<ConfigPorts>) {
    if (state === undefined) throw new DarkroomError('bad_request', sentence('pause.which'));
    const { invocation, ports } = context;
    const at: { scope: Scope; target: string } =
      channel === undefined
        ? WHOLE
        : { scope: 'channel', target: await findTarget('channel', channel, invocation, ports) };
    await changeSetting(context, { ...at, key: 'paused', ...(state === 'on' && { after: true }) });
  },
});
