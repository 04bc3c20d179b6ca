/** /models, /ban and /pause: settings under the names that admins look for. */

import { DarkroomError, describeError, offerNames } from '../src/errors.ts';
import type { Scope } from '../src/settings/schema.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { tenantOf } from './policy.ts';
import { describeScope, formatTime } from './setting-cards.ts';
import { type ConfigPorts, changeSetting, requireAdmin } from './setting-change.ts';
import { findTarget } from './targets.ts';

const MODEL = {
  type: 'text',
  single: true,
  required: true,
  description: 'The model.',
  example: 'mini',
} as const;
const PERSON = {
  type: 'mention',
  of: 'user',
  required: true,
  description: 'The user.',
  example: '@ada',
} as const;

const listModels = defineCommand({
  name: 'models list',
  description: 'List the models, and which of them are allowed here.',
  options: {},
  examples: ['/models list'],
  async run(_values, context: Context<ConfigPorts>) {
    const { names, allowed } = await modelsHere(context);
    const fields = await Promise.all(
      names.map(async (name) => {
        const terms = await describeTerms(name, context.ports);
        return { name, value: `${allowed.includes(name) ? 'allowed here' : 'not allowed here'}; ${terms}` };
      }),
    );
    await context.reply.postEphemeral({ text: 'Models:', fields });
  },
});

/** One folder that cannot be read does not take the others from the list. */
async function describeTerms(name: string, { models }: ConfigPorts): Promise<string> {
  try {
    const { licence, commercial } = await models.resolve(name);
    if (licence === undefined) return 'no licence stated';
    return `${licence}${commercial === false ? ', not for commercial use' : ''}`;
  } catch (error) {
    return `cannot be used: ${describeError(error).message}`;
  }
}

const enableModel = defineCommand({
  name: 'models enable',
  description: 'Allow a model here.',
  options: { model: MODEL },
  examples: ['/models enable mini'],
  async run({ model = '' }, context: Context<ConfigPorts>) {
    const { names, allowed } = await modelsHere(context, model);
    const after = names.filter((name) => allowed.includes(name) || name === model);
    // With all allowed no rule is needed: a model that is added later is allowed as well.
    await changeSetting(context, {
      ...WHOLE,
      key: 'allowed_models',
      ...(after.length < names.length && { after }),
    });
  },
});

const disableModel = defineCommand({
  name: 'models disable',
  description: 'Stop a model from being used here.',
  options: { model: MODEL },
  examples: ['/models disable mini'],
  async run({ model = '' }, context: Context<ConfigPorts>) {
    const { allowed } = await modelsHere(context, model);
    const after = allowed.filter((name) => name !== model);
    if (after.length === 0)
      throw new DarkroomError(
        'bad_request',
        `${model} is the only model allowed here. To stop all pictures, use /pause on.`,
      );
    await changeSetting(context, { ...WHOLE, key: 'allowed_models', after });
  },
});

const WHOLE: { scope: Scope; target: string } = { scope: 'server', target: '' };

/** @throws DarkroomError('bad_request') for an unknown model */
async function modelsHere({ invocation, ports }: Context<ConfigPorts>, wanted?: string) {
  const names = ports.models.names();
  if (wanted !== undefined && !names.includes(wanted)) {
    throw new DarkroomError('bad_request', `There is no model ${wanted}. ${offerNames(wanted, names)}`);
  }
  const rules = await ports.settings.rules(tenantOf(invocation));
  const rule = rules.find(({ key, scope }) => key === 'allowed_models' && scope === 'server');
  return { names, allowed: Array.isArray(rule?.value) ? (rule.value as readonly string[]) : names };
}

export const models = defineGroup(
  { name: 'models', description: 'See the models, and choose which can be used here.', isForAdmins: true },
  [listModels, enableModel, disableModel],
);

async function userScope(user: string, { invocation, ports }: Context<ConfigPorts>) {
  return { scope: 'user', target: await findTarget('user', user, invocation, ports) } as const;
}

const listBans = defineCommand({
  name: 'ban list',
  description: 'Show who is banned.',
  options: {},
  examples: ['/ban list'],
  async run(_values, { invocation, reply, ports }: Context<ConfigPorts>) {
    await requireAdmin(invocation, ports);
    const rules = await ports.settings.rules(tenantOf(invocation));
    const bans = rules.filter(({ key, value }) => key === 'banned' && value === true);
    const fields = await Promise.all(
      bans.map(async ({ scope, target, by, at }) => ({
        name: await describeScope(scope, target, invocation, ports),
        value: `by ${by}, ${formatTime(at)}`,
      })),
    );
    await reply.postEphemeral(
      fields.length === 0 ? { text: 'Nobody is banned here.' } : { text: 'Banned here:', fields },
    );
  },
});

const addBan = defineCommand({
  name: 'ban add',
  description: 'Stop a user from requesting pictures.',
  options: { user: PERSON },
  examples: ['/ban add @ada'],
  async run({ user = '' }, context: Context<ConfigPorts>) {
    await changeSetting(context, { ...(await userScope(user, context)), key: 'banned', after: true });
  },
});

const removeBan = defineCommand({
  name: 'ban remove',
  description: 'Allow a user to request pictures again.',
  options: { user: PERSON },
  examples: ['/ban remove @ada'],
  async run({ user = '' }, context: Context<ConfigPorts>) {
    await changeSetting(context, { ...(await userScope(user, context)), key: 'banned' });
  },
});

export const ban = defineGroup(
  { name: 'ban', description: 'Stop a user from requesting pictures.', isForAdmins: true },
  [listBans, addBan, removeBan],
);

export const pause = defineCommand({
  name: 'pause',
  isForAdmins: true,
  description: 'Pause new pictures here; queued ones are still drawn.',
  options: {
    state: {
      type: 'choice',
      choices: ['on', 'off'],
      required: true,
      description: 'on pauses, off resumes.',
      example: 'on',
    },
    channel: {
      type: 'mention',
      of: 'channel',
      flag: '--channel',
      description: 'Only this channel.',
      example: '#art',
    },
  },
  examples: ['/pause on', '/pause off'],
  async run({ state, channel }, context: Context<ConfigPorts>) {
    if (state === undefined) throw new DarkroomError('bad_request', 'Use /pause on or /pause off.');
    const { invocation, ports } = context;
    const at: { scope: Scope; target: string } =
      channel === undefined
        ? WHOLE
        : { scope: 'channel', target: await findTarget('channel', channel, invocation, ports) };
    await changeSetting(context, { ...at, key: 'paused', ...(state === 'on' && { after: true }) });
  },
});
