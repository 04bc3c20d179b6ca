/** /models set and reset: what admins say of a model that its file does not. */
import { DarkroomError, offer } from '../src/errors.ts';
import { plainName } from '../src/model-names.ts';
import { FEW_STEPS, LIMITS, parseSampler } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import { type Context, defineCommand } from './command.ts';
import { LICENSED, tuningKey } from './licences.ts';
import { MOST_LICENCE, PREDICTIONS, type Tuning, tuningOf } from './model-tuning.ts';
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
    zero_snr: {
      type: 'choice',
      choices: ['yes', 'no'],
      flag: '--zero-snr',
      description: 'describe.models.zero_snr',
      example: 'yes',
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
    licence: {
      type: 'text',
      flag: '--licence',
      aliases: ['--license'],
      description: 'describe.models.licence',
      example: 'apache-2.0',
    },
    commercial: {
      type: 'choice',
      choices: ['yes', 'no'],
      flag: '--commercial',
      description: 'describe.models.commercial',
      example: 'yes',
    },
  },
  examples: ['/models set mini --few-steps lightning', '/models set mini --licence apache-2.0'],
  async run(
    {
      model = '',
      prediction,
      zero_snr: zeroSnr,
      few_steps: fewSteps,
      steps,
      cfg,
      sampler,
      licence,
      commercial,
    },
    context: Context<ConfigPorts>,
  ) {
    const { invocation, ports } = context;
    await requireAdmin(invocation, ports);
    const { kind, name, key } = fileNamed(model, ports);
    const given = {
      ...(prediction !== undefined && { prediction }),
      ...(zeroSnr !== undefined && { zero_snr: zeroSnr }),
      ...(fewSteps !== undefined && { few_steps: fewSteps }),
      ...(steps !== undefined && { steps }),
      ...(cfg !== undefined && { cfg }),
      ...(sampler !== undefined && { sampler: parseSampler(sampler).sampler }),
      ...(licence !== undefined && { licence: readLicence(licence) }),
      ...(commercial !== undefined && { commercial }),
    } as Tuning;
    if (Object.keys(given).length === 0) {
      throw new DarkroomError('bad_request', sentence('models.set_nothing', { name }));
    }
    if (kind !== 'checkpoint' && Object.keys(given).some((one) => !OF_ALL_FILES.includes(one))) {
      throw new DarkroomError('bad_request', sentence('models.set_only_licence', { name }));
    }
    const file = ports.models.files().find((one) => one.kind === 'checkpoint' && one.name === name);
    const isKnown = PREDICTIONS.some((one) => one === file?.predictionType);
    if (!isKnown && (prediction ?? zeroSnr ?? fewSteps) !== undefined) {
      throw new DarkroomError('bad_request', sentence('models.set_flow', { name }));
    }
    const { commercial: stated, ...before } = await tuningOf(ports.settings, tenantOf(invocation), key);
    // What was said of another licence is not said of this one.
    const kept = licence === undefined && stated !== undefined ? { ...before, commercial: stated } : before;
    await changeSetting(context, {
      ...{ key: `model.${key}`, scope: 'server', target: '' },
      after: JSON.stringify({ ...kept, ...given }),
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
    const name = stored.has(model) ? model : fileNamed(model, ports).key;
    if (!stored.has(name)) throw new DarkroomError('bad_request', sentence('models.not_set', { name }));
    await changeSetting(context, { key: `model.${name}`, scope: 'server', target: '' });
  },
});

/** What can be said of any file. */
const OF_ALL_FILES: readonly string[] = ['licence', 'commercial'];

function readLicence(typed: string): string {
  const line = typed.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  if (line === '') throw new DarkroomError('bad_request', sentence('licence.no_name'));
  if (line.length <= MOST_LICENCE) return line;
  throw new DarkroomError(
    'bad_request',
    sentence('setting.too_long', { count: line.length, limit: MOST_LICENCE }),
  );
}

/**
 * A model, or another file whose licence can be stated: by its name, with its kind in front where several have it.
 * @throws DarkroomError('bad_request') for an unknown one
 */
function fileNamed(typed: string, { models }: ConfigPorts) {
  const names = models.names();
  const all = [
    ...names.map((name) => ({ kind: 'checkpoint', name })),
    ...models.files().filter(({ kind }) => kind !== 'checkpoint' && LICENSED.some((one) => one === kind)),
  ].map(({ kind, name }) => ({ kind, name, key: tuningKey(kind, name) }));
  const isExact = ({ name, key }: { name: string; key: string }) => name === typed || key === typed;
  const isMeant = ({ name, key }: { name: string; key: string }) =>
    [plainName(name), plainName(key)].includes(plainName(typed));
  const exact = all.filter(isExact);
  const found = exact.length > 0 ? exact : all.filter(isMeant);
  const [first, second] = found;
  // A model goes by its plain name.
  if (first !== undefined && (second === undefined || first.kind === 'checkpoint')) return first;
  if (second !== undefined) {
    const keys = found.map(({ key }) => key);
    throw new DarkroomError('bad_request', sentence('models.which_kind', { name: typed, names: keys }));
  }
  throw new DarkroomError(
    'bad_request',
    sentence('models.none', { name: typed, offer: offer(typed, names) }),
  );
}
