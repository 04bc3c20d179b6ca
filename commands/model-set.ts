/** /models set and reset: what admins say of a model that its file does not. */
import { DarkroomError, offer } from '../src/errors.ts';
import { FEW_STEPS, LIMITS, parseSampler } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import { type Context, defineCommand } from './command.ts';
import { PREDICTIONS, type Tuning, tuningOf } from './model-tuning.ts';
import { tenantOf } from './policy.ts';
import { type ConfigPorts, changeSetting, requireAdmin } from './setting-change.ts';

/** The option that names a model, in every form of /models. */
export const MODEL = {
  type: 'text',
  single: true,
  required: true,
  description: 'describe.models.model',
  example: 'mini',
} as const;

export const setModel = defineCommand({
  name: 'models set',
  description: 'describe.models.set',
  options: {
    model: MODEL,
    prediction: {
      type: 'choice',
      choices: PREDICTIONS,
      flag: '--prediction',
      description: 'describe.models.prediction',
      example: 'v_prediction',
    },
    few_steps: {
      type: 'choice',
      choices: [...FEW_STEPS, 'none'],
      flag: '--few-steps',
      description: 'describe.models.few_steps',
      example: 'lightning',
    },
    steps: {
      type: 'integer',
      ...LIMITS.steps,
      flag: '--steps',
      description: 'describe.style.steps',
      example: '8',
    },
    cfg: {
      type: 'number',
      ...LIMITS.guidance,
      flag: '--cfg',
      description: 'describe.style.cfg',
      example: '1.5',
    },
    sampler: {
      type: 'text',
      flag: '--sampler',
      description: 'option.sampler',
      example: 'dpmpp_2m',
    },
  },
  examples: ['/models set mini --prediction v_prediction', '/models set mini --few-steps lightning'],
  async run(
    { model = '', prediction, few_steps: fewSteps, steps, cfg, sampler },
    context: Context<ConfigPorts>,
  ) {
    const { invocation, ports } = context;
    await requireAdmin(invocation, ports);
    const name = nameOf(model, ports);
    const given = {
      ...(prediction !== undefined && { prediction }),
      ...(fewSteps !== undefined && { few_steps: fewSteps }),
      ...(steps !== undefined && { steps }),
      ...(cfg !== undefined && { cfg }),
      ...(sampler !== undefined && { sampler: parseSampler(sampler).sampler }),
    } as Tuning;
    if (Object.keys(given).length === 0) {
      throw new DarkroomError('bad_request', sentence('models.set_nothing', { name }));
    }
    const file = ports.models.files().find((one) => one.kind === 'checkpoint' && one.name === name);
    const isKnown = PREDICTIONS.some((one) => one === file?.predictionType);
    if (!isKnown && (prediction ?? fewSteps) !== undefined) {
      throw new DarkroomError('bad_request', sentence('models.set_flow', { name }));
    }
    const before = await tuningOf(ports.settings, tenantOf(invocation), name);
    await changeSetting(context, {
      ...{ key: `model.${name}`, scope: 'server', target: '' },
      after: JSON.stringify({ ...before, ...given }),
    });
  },
});

export const resetModel = defineCommand({
  name: 'models reset',
  description: 'describe.models.reset',
  options: { model: MODEL },
  examples: ['/models reset mini'],
  async run({ model = '' }, context: Context<ConfigPorts>) {
    const { invocation, ports } = context;
    await requireAdmin(invocation, ports);
    const stored = await ports.settings.models(tenantOf(invocation));
    // One that is not here any more can be reset as well.
    const name = stored.has(model) ? model : nameOf(model, ports);
    if (!stored.has(name)) throw new DarkroomError('bad_request', sentence('models.not_set', { name }));
    await changeSetting(context, { key: `model.${name}`, scope: 'server', target: '' });
  },
});

/** @throws DarkroomError('bad_request') for an unknown model */
function nameOf(typed: string, { models }: ConfigPorts): string {
  const names = models.names();
  const found =
    names.find((name) => name === typed) ?? names.find((name) => name.toLowerCase() === typed.toLowerCase());
  if (found !== undefined) return found;
  throw new DarkroomError(
    'bad_request',
    sentence('models.none', { name: typed, offer: offer(typed, names) }),
  );
}
