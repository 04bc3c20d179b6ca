/** /models: what lies in the models' folders, and which of it can be used here. */
import { randomUUID } from 'node:crypto';
import type { CardPicture } from '../adapters/card.ts';
import { DarkroomError, describeError, offerNames } from '../src/errors.ts';
import type { Scope } from '../src/settings/schema.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { fieldsOfFile, kindWords } from './model-cards.ts';
import { tenantOf } from './policy.ts';
import type { ModelFile, Ports } from './ports.ts';
import { type ConfigPorts, changeSetting, requireAdmin } from './setting-change.ts';

const MODEL = {
  type: 'text',
  single: true,
  required: true,
  description: 'The model.',
  example: 'mini',
} as const;
/** Rows of one answer: platforms show no more fields than 25. */
const MOST_LISTED = 20;

const listModels = defineCommand({
  name: 'models list',
  description: 'List the models and LoRAs, and which models are allowed here.',
  options: {
    search: {
      type: 'text',
      description: 'Words in the name, the kind or the family.',
      example: 'lora xl',
    },
  },
  examples: ['/models list', '/models list lora'],
  async run({ search = '' }, context: Context<ConfigPorts>) {
    const { models } = context.ports;
    const { names, allowed } = await modelsHere(context);
    const words = search
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    const files = models.files();
    const known = new Map(files.filter(({ kind }) => kind === 'checkpoint').map((file) => [file.name, file]));
    const rows = [
      ...names.map((name) => ({ name, file: known.get(name) })),
      ...files.filter(({ kind }) => kind !== 'checkpoint').map((file) => ({ name: file.name, file })),
    ].filter(({ name, file }) => {
      const text = [name, file?.kind ?? 'checkpoint', file?.family, file?.variant].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const fields = await Promise.all(
      rows.slice(0, MOST_LISTED).map(async ({ name, file }) => {
        const isModel = file === undefined || file.kind === 'checkpoint';
        const use = isModel ? `${allowed.includes(name) ? 'allowed here' : 'not allowed here'}; ` : '';
        const terms = isModel ? await describeTerms(name, context.ports) : file.refusal;
        return { name, value: `${use}${[file && kindWords(file), terms].filter(Boolean).join('; ')}` };
      }),
    );
    const more = rows.length - fields.length;
    const notes = [
      ...(more > 0 ? [`And ${more} more: search with /models list WORDS.`] : []),
      ...(models.unread() > 0 ? [`${models.unread()} files are not read yet.`] : []),
    ];
    const text = fields.length === 0 ? `Nothing here matches ${search}.` : 'Models:';
    await context.reply.postEphemeral({ text, fields, ...(notes.length > 0 && { notes }) });
  },
});

const showModel = defineCommand({
  name: 'models show',
  description: 'Show what is known of a model, LoRA, VAE or embedding.',
  options: {
    name: {
      type: 'text',
      required: true,
      description: 'Its name.',
      example: 'mini',
    },
  },
  examples: ['/models show mini'],
  async run({ name = '' }, context: Context<ConfigPorts & PicturePorts>) {
    const { invocation, reply, ports } = context;
    await requireAdmin(invocation, ports);
    const found = filesNamed(name, ports.models.files());
    if (found.length === 0) {
      const names = ports.models.files().map((file) => file.name);
      throw new DarkroomError('not_found', `There is no model file ${name}. ${offerNames(name, names)}`);
    }
    for (const file of found) {
      const picture = await pictureOf(file, ports);
      const card = { text: file.name, fields: fieldsOfFile(file) };
      await reply.postEphemeral({ ...card, ...(picture && { pictures: [picture] }) });
    }
  },
});

const addModel = defineCommand({
  name: 'models add',
  description: 'Fetch a model from the Hugging Face Hub or Civitai, where the operator allows it.',
  options: {
    source: {
      type: 'text',
      single: true,
      required: true,
      description: 'owner/name, civitai:NUMBER, or the address of a page or file.',
      example: 'owner/name',
    },
  },
  examples: ['/models add owner/name'],
  async run({ source = '' }, context: Context<ConfigPorts & Pick<Ports, 'downloads'>>) {
    const { invocation, reply, ports } = context;
    await requireAdmin(invocation, ports);
    const offer = await ports.downloads.offer(source);
    const fields = offer.facts.map(([name, value]) => ({ name, value }));
    await reply.post({ text: `Fetching ${offer.name}.`, fields });
    const pace = Math.max(LEAST_PACE, reply.pace?.edit ?? 0);
    let words = '';
    let shown = '';
    let editing: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      if (words === shown) return;
      shown = words;
      editing = editing
        .then(() => reply.post({ text: `Fetching ${offer.name}: ${words}.`, fields }))
        .catch(() => {});
    }, pace);
    try {
      await offer.fetch((now) => {
        words = now;
      });
      clearInterval(timer);
      await editing;
      await reply.post({
        text: `${offer.name} is here. /models show ${offer.name} says what it is.`,
        fields,
      });
    } catch (error) {
      clearInterval(timer);
      await editing;
      const refusal = describeError(error);
      if (!(error instanceof DarkroomError)) ports.onError?.(error);
      await reply.post({ text: refusal.message, fields, error: refusal });
    }
  },
});

/** Milliseconds between two states of a download's message. */
const LEAST_PACE = 2000;

type PicturePorts = Pick<Ports, 'pictures' | 'readUpload'>;

/** The picture beside a file; it is read as an upload is, and belongs to no job, so that it is soon removed. */
async function pictureOf(
  file: ModelFile,
  { models, pictures, readUpload }: ConfigPorts & PicturePorts,
): Promise<CardPicture | undefined> {
  try {
    const given = await models.thumbnail(file);
    if (given === undefined) return undefined;
    const { bytes, width, height } = await readUpload(given, 'picture');
    const id = await pictures.put(bytes, { job: `thumbnail-${randomUUID()}`, kind: 'input' });
    return { id, width, height, alt: `What ${file.name} draws` };
  } catch (error) {
    // A picture that cannot be used is no reason to keep the words back.
    if (error instanceof DarkroomError) return undefined;
    throw error;
  }
}

function filesNamed(name: string, files: readonly ModelFile[]): readonly ModelFile[] {
  const exact = files.filter((file) => file.name === name);
  return exact.length > 0 ? exact : files.filter((file) => file.name.toLowerCase() === name.toLowerCase());
}

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
  [listModels, showModel, addModel, enableModel, disableModel],
);
