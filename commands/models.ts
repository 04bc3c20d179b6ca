/** /models: what lies in the models' folders, and which of it can be used here. */
import { randomUUID } from 'node:crypto';
import type { CardField, CardPicture } from '../adapters/card.ts';
import { DarkroomError, describeError, offer, wordsOf } from '../src/errors.ts';
import { called, nameMeant } from '../src/model-names.ts';
import { type Say, sentence, type Words } from '../src/sentences.ts';
import type { Scope } from '../src/settings/schema.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { type FileTerms, isCommercialOnly, LICENSED, Licences, termsWords, tuningKey } from './licences.ts';
import { quoteWord } from './line-tokens.ts';
import { addModel } from './model-add.ts';
import { fieldsOfFile, kindWords } from './model-cards.ts';
import { MODEL, resetModel, setModel } from './model-set.ts';
import { flagsOf, tuningOf } from './model-tuning.ts';
import { Policy, tenantOf } from './policy.ts';
import type { ModelFile, Ports } from './ports.ts';
import { type ConfigPorts, changeSetting, requireAdmin } from './setting-change.ts';

/** Rows of one answer: platforms show no more fields than 25. */
const MOST_LISTED = 20;

const listModels = defineCommand({
  name: 'models list',
  description: 'describe.models.list',
  options: {
    search: {
      type: 'text',
      description: 'describe.models.search',
      example: 'lora xl',
    },
  },
  examples: ['/models list', '/models list lora'],
  async run({ search = '' }, context: Context<ConfigPorts>) {
    const { invocation, say, ports } = context;
    const { models } = ports;
    const { names, allowed, isCommercial } = await modelsHere(context);
    const licences = await Licences.of(tenantOf(invocation), ports);
    const isAdmin = (await Policy.of(invocation, ports)).isAdmin();
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
    const all = await Promise.all(
      rows.map(async (row) => {
        const kind = row.file?.kind ?? 'checkpoint';
        const isLicensed = LICENSED.some((one) => one === kind);
        // Looked up only where it is said, or decides.
        const isAsked = isCommercial && isLicensed;
        return { ...row, kind, isUsable: !isAsked || (await licences.allows({ kind, name: row.name })) };
      }),
    );
    // An admin sees what could be stated; others see what they can use.
    const listed = isAdmin ? all : all.filter(({ isUsable }) => isUsable);
    const fields = await Promise.all(
      listed.slice(0, MOST_LISTED).map(async ({ name, file, kind, isUsable }) => {
        const isModel = kind === 'checkpoint';
        const mayUse = isUsable && (!isModel || allowed.includes(name));
        const use = (isModel || isCommercial) && say(mayUse ? 'models.allowed' : 'models.not_allowed');
        // Of a file that is not read yet, opening it says whether it can be used.
        const refusal = file === undefined ? await whyNot(name, models, say) : file.refusal;
        const terms =
          refusal === undefined && (isModel || isCommercial)
            ? say.words(termsWords(await licences.termsOf({ kind, name })))
            : undefined;
        const parts = [use, file && kindWords(file, say), terms && say('models.licence_is', { terms })];
        const why = refusal && (file ? say('error.model_files', { reason: refusal }) : refusal);
        return { name, value: [...parts, why].filter(Boolean).join('; ') };
      }),
    );
    const more = listed.length - fields.length;
    const hidden = all.length - listed.length;
    const notes = [
      ...(hidden > 0 ? [say('licence.left_out', { count: hidden })] : []),
      ...(more > 0 ? [say('models.more', { count: more })] : []),
      ...(models.unread() > 0 ? [say('models.unread', { count: models.unread() })] : []),
    ];
    const text = fields.length === 0 ? say('models.no_match', { search }) : say('models.list');
    await context.reply.postEphemeral({ text, fields, ...(notes.length > 0 && { notes }) });
  },
});

const showModel = defineCommand({
  name: 'models show',
  description: 'describe.models.show',
  options: {
    name: {
      type: 'text',
      required: true,
      description: 'describe.name',
      example: 'mini',
    },
  },
  examples: ['/models show mini'],
  async run({ name = '' }, context: Context<ConfigPorts & PicturePorts>) {
    const { invocation, reply, say, ports } = context;
    await requireAdmin(invocation, ports);
    const found = called(name, ports.models.files());
    if (found.length === 0) {
      const names = ports.models.files().map((file) => file.name);
      throw new DarkroomError('not_found', sentence('models.no_file', { name, offer: offer(name, names) }));
    }
    const licences = await Licences.of(tenantOf(invocation), ports);
    const isCommercial = isCommercialOnly(await ports.settings.rules(tenantOf(invocation)));
    for (const file of found) {
      const picture = await pictureOf(file, ports, say);
      const tuning = await tuningOf(ports.settings, tenantOf(invocation), tuningKey(file.kind, file.name));
      const terms = await licences.termsOf(file);
      const isLicensed = LICENSED.some((one) => one === file.kind) && file.refusal === undefined;
      const isKeptOut = isCommercial && !(await licences.allows(file));
      const words = isLicensed ? licenceWords(file, terms, isKeptOut) : undefined;
      const set = flagsOf(tuning);
      const can = await openedFields(file, ports, say);
      const card = { text: file.name, fields: [...fieldsOfFile(file, say, { set, words }), ...can] };
      await reply.postEphemeral({ ...card, ...(picture && { pictures: [picture] }) });
    }
  },
});

type PicturePorts = Pick<Ports, 'pictures' | 'readUpload'>;

/** The picture beside a file; it is read as an upload is, and belongs to no job, so that it is soon removed. */
async function pictureOf(
  file: ModelFile,
  { models, pictures, readUpload }: ConfigPorts & PicturePorts,
  say: Say,
): Promise<CardPicture | undefined> {
  try {
    const given = await models.thumbnail(file);
    if (given === undefined) return undefined;
    const { bytes, width, height } = await readUpload(given, 'picture');
    const id = await pictures.put(bytes, { job: `thumbnail-${randomUUID()}`, kind: 'input' });
    return { id, width, height, alt: say('models.draws', { name: file.name }), isSpoiler: false };
  } catch (error) {
    // A picture that cannot be used is no reason to keep the words back.
    if (error instanceof DarkroomError) return undefined;
    throw error;
  }
}

/** What a model can do, and what beside it has no effect; or why it cannot be opened. */
async function openedFields(
  { kind, name, refusal }: ModelFile,
  { models }: ConfigPorts,
  say: Say,
): Promise<CardField[]> {
  if (kind !== 'checkpoint' || refusal !== undefined) return [];
  try {
    const { abilities = [], idle = [] } = await models.resolve(name);
    const value = abilities.map((ability) => say.words(ability)).join('; ');
    return [
      ...(value === '' ? [] : [{ name: say('models.field.can'), value }]),
      ...idle.map((reason) => ({
        name: say('models.field.note'),
        value: say('models.beside_it', { reason }),
      })),
    ];
  } catch (error) {
    const reason = say('models.cannot_be_used', { reason: wordsOf(describeError(error)) });
    return [{ name: say('models.field.can'), value: reason }];
  }
}

/** One folder that cannot be read does not take the others from the list. */
async function whyNot(name: string, models: ConfigPorts['models'], say: Say): Promise<string | undefined> {
  try {
    await models.resolve(name);
    return undefined;
  } catch (error) {
    return say('models.cannot_be_used', { reason: wordsOf(describeError(error)) });
  }
}

/**
 * What is known of its licence, and how an admin states it where that is not enough.
 * @param isKeptOut whether it, or what it borrows, is not taken here for its licence
 */
function licenceWords({ kind, name }: ModelFile, terms: FileTerms, isKeptOut: boolean): Words {
  const words = termsWords(terms);
  const key = quoteWord(tuningKey(kind, name));
  const whole =
    terms.allows === 'unknown' ? sentence('licence.state_it', { terms: words, name: key }) : words;
  if (!isKeptOut) return whole;
  return sentence(terms.allows === 'yes' ? 'licence.kept_out_lent' : 'licence.kept_out', { terms: whole });
}

const enableModel = defineCommand({
  name: 'models enable',
  description: 'describe.models.enable',
  options: { model: MODEL },
  examples: ['/models enable mini'],
  async run({ model: typed = '' }, context: Context<ConfigPorts>) {
    const { names, allowed } = await modelsHere(context);
    const model = requireModel(typed, names);
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
  description: 'describe.models.disable',
  options: { model: MODEL },
  examples: ['/models disable mini'],
  async run({ model: typed = '' }, context: Context<ConfigPorts>) {
    const { names, allowed } = await modelsHere(context);
    const model = requireModel(typed, names);
    const after = allowed.filter((name) => name !== model);
    if (after.length === 0)
      throw new DarkroomError('bad_request', sentence('models.only_one', { name: model }));
    await changeSetting(context, { ...WHOLE, key: 'allowed_models', after });
  },
});

const WHOLE: { scope: Scope; target: string } = { scope: 'server', target: '' };

/**
 * @returns its own name
 * @throws DarkroomError('bad_request') for an unknown model
 */
function requireModel(typed: string, names: readonly string[]): string {
  const name = nameMeant(typed, names);
  if (name !== undefined) return name;
  throw new DarkroomError(
    'bad_request',
    sentence('models.none', { name: typed, offer: offer(typed, names) }),
  );
}

async function modelsHere({ invocation, ports }: Context<ConfigPorts>) {
  const names = ports.models.names();
  const rules = await ports.settings.rules(tenantOf(invocation));
  const rule = rules.find(({ key, scope }) => key === 'allowed_models' && scope === 'server');
  const isCommercial = isCommercialOnly(rules);
  return {
    names,
    isCommercial,
    allowed: Array.isArray(rule?.value) ? (rule.value as readonly string[]) : names,
  };
}

export const models = defineGroup(
  {
    name: 'models',
    description: 'describe.models',
    isForAdmins: true,
    usual: { word: 'show', words: 'set' },
  },
  [listModels, showModel, addModel, enableModel, disableModel, setModel, resetModel],
);
