/** /models, /ban and /pause: settings under the names that admins look for. */

import { DarkroomError, offerNames } from '../src/errors.ts';
import type { Scope } from '../src/settings/schema.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { changeSetting } from './config.ts';
import { tenantOf } from './policy.ts';

const MODEL = {
  type: 'text',
  single: true,
  required: true,
  description: 'Which model.',
  example: 'mini',
} as const;
const PERSON = {
  type: 'mention',
  of: 'user',
  required: true,
  description: 'Whom.',
  example: '@ada',
} as const;

const listModels = defineCommand({
  name: 'models list',
  description: 'The models of this machine, and which may be used here.',
  options: {},
  examples: ['/models list'],
  async run(_values, context) {
    const { names, allowed } = await modelsHere(context);
    const fields = await Promise.all(
      names.map(async (name) => {
        const { licence, commercial } = await context.desk.ports.models.resolve(name);
        const terms =
          licence === undefined
            ? 'no licence stated'
            : `${licence}${commercial === false ? ', not for commercial use' : ''}`;
        return { name, value: `${allowed.includes(name) ? 'may be used' : 'disabled here'}; ${terms}` };
      }),
    );
    await context.reply.postEphemeral({ text: 'Models:', fields });
  },
});

const enableModel = defineCommand({
  name: 'models enable',
  description: 'Let a model be used here.',
  options: { model: MODEL },
  examples: ['/models enable mini'],
  async run({ model = '' }, context) {
    const { names, allowed } = await modelsHere(context, model);
    const after = names.filter((name) => allowed.includes(name) || name === model);
    // With all allowed there is no rule to keep: a model that is added later may be used as well.
    await changeSetting(context, {
      ...WHOLE,
      key: 'allowed_models',
      ...(after.length < names.length && { after }),
    });
  },
});

const disableModel = defineCommand({
  name: 'models disable',
  description: 'Keep a model from being used here.',
  options: { model: MODEL },
  examples: ['/models disable mini'],
  async run({ model = '' }, context) {
    const { allowed } = await modelsHere(context, model);
    const after = allowed.filter((name) => name !== model);
    if (after.length === 0)
      throw new DarkroomError(
        'bad_request',
        `${model} is the only model left. To stop all pictures: /pause on.`,
      );
    await changeSetting(context, { ...WHOLE, key: 'allowed_models', after });
  },
});

const WHOLE: { scope: Scope; target: string } = { scope: 'server', target: '' };

/** @throws DarkroomError('bad_request') for a model that is not there */
async function modelsHere({ invocation, desk }: Context, wanted?: string) {
  const names = desk.ports.models.names();
  if (wanted !== undefined && !names.includes(wanted)) {
    throw new DarkroomError('bad_request', `There is no model ${wanted}. ${offerNames(wanted, names)}`);
  }
  const rules = await desk.ports.settings.rules(tenantOf(invocation));
  const rule = rules.find(({ key, scope }) => key === 'allowed_models' && scope === 'server');
  return { names, allowed: Array.isArray(rule?.value) ? (rule.value as readonly string[]) : names };
}

export const models = defineGroup('models', 'Models: which there are, and which may be used here.', [
  listModels,
  enableModel,
  disableModel,
]);

const userScope = (id: string, { invocation: { platform } }: Context): { scope: Scope; target: string } => ({
  scope: 'user',
  target: id.startsWith(`${platform}:`) ? id : `${platform}:${id}`,
});

const addBan = defineCommand({
  name: 'ban add',
  description: 'Bar somebody from asking for pictures.',
  options: { user: PERSON },
  examples: ['/ban add @ada'],
  async run({ user = '' }, context) {
    await changeSetting(context, { ...userScope(user, context), key: 'banned', after: true });
  },
});

const removeBan = defineCommand({
  name: 'ban remove',
  description: 'Let somebody ask for pictures again.',
  options: { user: PERSON },
  examples: ['/ban remove @ada'],
  async run({ user = '' }, context) {
    await changeSetting(context, { ...userScope(user, context), key: 'banned' });
  },
});

export const ban = defineGroup('ban', 'Bar somebody from asking for pictures.', [addBan, removeBan]);

export const pause = defineCommand({
  name: 'pause',
  description: 'Take no new pictures here for a while; what waits is still made.',
  options: {
    state: {
      type: 'choice',
      choices: ['on', 'off'],
      required: true,
      description: 'on pauses, off goes on.',
      example: 'on',
    },
    channel: {
      type: 'mention',
      of: 'channel',
      flag: '--channel',
      description: 'One channel alone.',
      example: '#art',
    },
  },
  examples: ['/pause on', '/pause off'],
  async run({ state, channel }, context) {
    if (state === undefined) throw new DarkroomError('bad_request', 'Say /pause on or /pause off.');
    const { platform } = context.invocation;
    const at: { scope: Scope; target: string } =
      channel === undefined ? WHOLE : { scope: 'channel', target: `${platform}:${channel}` };
    await changeSetting(context, { ...at, key: 'paused', ...(state === 'on' && { after: true }) });
  },
});
