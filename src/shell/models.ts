/** `darkroom models`: what is installed, what a folder holds, whether it can be used. */
import { LICENSED, termsWords } from '../../commands/licences.ts';
import { loadSettings } from '../../config/settings.ts';
import { inUnits } from '../download/units.ts';
import { verifyModel } from '../engine/verify.ts';
import { DarkroomError } from '../errors.ts';
import { foldersOf, indexFile } from '../installed-models.ts';
import { commercialUse } from '../licences.ts';
import { abilitiesOf } from '../models/abilities.ts';
import { Catalogue } from '../models/catalogue.ts';
import type { Entry, Inventory } from '../models/inventory/inventory.ts';
import { printable } from '../models/inventory/text.ts';
import { FILE_KINDS } from '../models/recognise.ts';
import type { ModelSpec } from '../models/spec.ts';
import { hintOfName } from '../request.ts';
import { sayWords } from '../sentences.ts';
import { addModel } from './models-add.ts';
import { prepareModels } from './models-prepare.ts';
import { describeOnShell } from './told.ts';
import { readOptions, UsageError, type Verb } from './verb.ts';

/** Names of unused tensors that are listed. */
const QUOTED = 3;

export const models: Verb = {
  summary: 'list, show, verify, fetch and prepare the models of this machine',
  help: `darkroom models list              everything in the folders of models: kind, family, type, size, hash
darkroom models show NAME|FOLDER  what is known of a model, LoRA, VAE or embedding; defaults of a model
darkroom models verify [NAME|FOLDER …]  reads every file but the weights and plans a picture; exit code 1 where one cannot draw
darkroom models prepare NAME|FOLDER …  makes the optimised graphs that the CPU opens a large model with; otherwise they
    are made in the background after its first pictures
darkroom models add MODEL [--to FOLDER]  fetches a model into FOLDER (default: models in DARKROOM_DATA); MODEL is
    owner/name or owner/name@revision   of the Hugging Face Hub (HF_TOKEN, HF_ENDPOINT and HF_HOME are respected)
    civitai:NUMBER or civitai:NUMBER@VERSION   of Civitai (CIVITAI_TOKEN)
    https://…   the page of a model on either, or a file
  Goes on where it was broken off; every file is checked by its SHA-256.`,

  async run(args) {
    const { values, positionals } = readOptions(
      args,
      { to: { type: 'string' } },
      { positionals: Number.POSITIVE_INFINITY },
    );
    const { settings } = loadSettings(process.env, values.config);
    const [action = 'list', ...names] = positionals;
    if (action === 'add') return addModel(names, { settings, to: values.to });
    if (values.to !== undefined) throw new UsageError('--to goes with darkroom models add.');
    const catalogue = new Catalogue(foldersOf(settings), { file: indexFile(settings) });
    if (action === 'list') return list(catalogue);
    if (action === 'show') return show(catalogue, names);
    if (action === 'verify') return verify(catalogue, names);
    if (action === 'prepare') return prepareModels(names, { catalogue, settings });
    throw new UsageError(`There is no models ${action}. Known: list, show, verify, prepare, add.`);
  },
};

/** Aligned on a terminal; elsewhere a line for each file, with tabs: name, path, kind, family, prediction, type, bytes (of a file), SHA-256. */
async function list({ inventory }: Catalogue): Promise<number> {
  await inventory.look();
  await inventory.settled();
  await inventory.save();
  const entries = inventory
    .entries()
    .toSorted((a, b) => FILE_KINDS.indexOf(a.kind) - FILE_KINDS.indexOf(b.kind));
  const rows = entries.map((entry) => {
    const { name, path, kind, predictionType = '', dtype = '', bytes, sha256 = '' } = entry;
    return [name, path, kind, familyOf(entry), predictionType, dtype, bytes > 0 ? String(bytes) : '', sha256];
  });
  process.stdout.write(
    process.stdout.isTTY ? table(entries) : rows.map((row) => `${row.map(printable).join('\t')}\n`).join(''),
  );
  const notes = [
    ...entries.flatMap((entry) => {
      const why = whyNot(entry);
      return why === undefined ? [] : [`${entry.name}: ${why}`];
    }),
    ...entries.flatMap(({ renamed }) => renamed ?? []),
    ...[...inventory.refused].map(([path, why]) => `${path}: ${why}`),
  ];
  for (const note of notes) process.stderr.write(`${printable(note)}\n`);
  return 0;
}

/** Why a file cannot be used; undefined where it can. */
const whyNot = ({ refusal, kind }: Entry): string | undefined =>
  refusal ??
  (kind === 'unknown' ? 'It was not recognised: its tensors are of no kind that Darkroom knows.' : undefined);

const familyOf = ({ family = '', variant }: Entry) =>
  variant === undefined ? family : `${family} ${variant}`;

function table(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => [
    ...[entry.name, entry.kind, familyOf(entry), entry.predictionType ?? '', entry.dtype ?? ''],
    ...[entry.bytes > 0 ? inUnits(entry.bytes) : '', entry.sha256?.slice(0, 10) ?? ''],
  ]);
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}

async function show(catalogue: Catalogue, names: readonly string[]): Promise<number> {
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) throw new UsageError('models show takes one name or folder.');
  const { inventory } = catalogue;
  await inventory.look();
  await inventory.settled();
  const files = inventory.called(name);
  const facts: [string, string | number][] = [];
  for (const entry of files) facts.push(...(await factsOf(entry, inventory)));
  await inventory.save();
  const isModel =
    files.length === 0 || files.some(({ kind, refusal }) => kind === 'checkpoint' && refusal === undefined);
  const rows = [...facts, ...(isModel ? await rowsOf(await catalogue.openNameOrFolder(name)) : [])];
  for (const [key, value] of rows) process.stdout.write(`${key.padEnd(WIDTH)}${printable(String(value))}\n`);
  return 0;
}

/** Columns of the names of facts. */
const WIDTH = 15;

async function factsOf(entry: Entry, inventory: Inventory): Promise<[string, string | number][]> {
  const sha256 = await inventory.hash(entry.path);
  const { dtype, baseModel, title, triggerWords, thumbnail, renamed, predictionType } = entry;
  const rows: [string, string | number | undefined][] = [
    ['file', entry.path],
    ['kind', entry.kind],
    ['made for', familyOf(entry)],
    ...[['prediction', predictionType] as const, ['type', dtype] as const].map(
      ([key, value]): [string, string | undefined] => [key, value],
    ),
    ['bytes', entry.bytes > 0 ? `${entry.bytes} (${inUnits(entry.bytes)})` : undefined],
    ['title', title],
    ['base model', baseModel],
    ['trigger words', triggerWords?.join(', ')],
    ['follows', entry.control],
    ['licence', licenceOf(entry)],
    ['thumbnail', thumbnail],
    ['sha256', sha256],
    ['short hash', sha256?.slice(0, 10)],
    ['few steps', entry.fewSteps],
    ['hint', hintOf(entry)],
    ['note', renamed],
    ['cannot be used', whyNot(entry)],
  ];
  return rows.flatMap(([key, value]) => (value === undefined || value === '' ? [] : [[key, value]]));
}

/** What is known of it, and where the operator can write down what is not. */
function licenceOf(entry: Entry): string | undefined {
  if (!LICENSED.some((kind) => kind === entry.kind) || entry.refusal !== undefined) return undefined;
  const known = commercialUse(entry);
  const words = sayWords('en', termsWords({ ...entry, ...known, isStated: false }));
  if (known.allows !== 'unknown') return words;
  const file =
    entry.form === 'folder' ? `${entry.path}/darkroom.json` : entry.path.replace(/\.[^./]+$/, '.json');
  return `${words}; if you know it, write {"licence": "NAME", "commercial_use": true or false} into ${file}`;
}

function hintOf(entry: Entry): string | undefined {
  const hint = hintOfName(entry);
  if (hint === undefined || entry.form === 'folder') return undefined;
  const { key, value } = hint;
  const file = entry.path.replace(/\.[^./]+$/, '.json');
  return `its name says ${value}, but nothing in the file does; if that is so, write {"${key}": "${value}"} into ${file}`;
}

async function rowsOf(spec: ModelSpec): Promise<[string, string | number][]> {
  const { defaults } = spec;
  return [
    ['name', spec.name],
    ['folder', spec.folder],
    ['family', spec.family],
    ['hash', await spec.modelHash()],
    ['size', `${defaults.width}x${defaults.height}, up to ${defaults.maxSize}`],
    ['steps', defaults.numInferenceSteps],
    ['guidance', defaults.guidanceScale],
    [
      'can',
      abilitiesOf(spec)
        .map((ability) => sayWords('en', ability))
        .join('; '),
    ],
    ['sampler', `${defaults.sampler}, ${defaults.schedule}`],
    [
      'latents',
      `${spec.latentChannels} channels, one for ${spec.vaeScaleFactor}x${spec.vaeScaleFactor} pixels`,
    ],
    ['prompt', `${promptTokens(spec)} tokens`],
    ...Array.from(spec.lent ?? [], ([part, { name }]): [string, string] => [part, `taken from ${name}`]),
    ...(spec.idle ?? []).map((words): [string, string] => ['note', words]),
  ];
}

/** Of the text encoder that reads the words. */
function promptTokens({ textEncoders }: ModelSpec): number {
  const lengths = textEncoders.map((part) =>
    part.kind === 'clip'
      ? part.tokenizer.modelMaxLength
      : part.kind === 't5'
        ? part.length
        : part.rules.length,
  );
  return Math.max(...lengths);
}

async function verify(catalogue: Catalogue, given: readonly string[]): Promise<number> {
  const names = given.length > 0 ? given : (await catalogue.list()).map(({ name }) => name);
  let code = 0;
  for (const name of names) {
    try {
      const other = await otherFile(catalogue.inventory, name);
      if (other !== undefined) {
        const why = whyNot(other);
        if (why !== undefined) throw new DarkroomError('bad_model', why);
        const sha256 = await catalogue.inventory.hash(other.path);
        process.stdout.write(
          `${name}: ${other.kind}, good${sha256 === undefined ? '' : `, ${sha256.slice(0, 10)}`}\n`,
        );
        continue;
      }
      const spec = await catalogue.openNameOrFolder(name);
      const { unused } = await verifyModel(spec);
      const notes = [...(unused.length === 0 ? [] : [describeUnused(unused)]), ...(spec.idle ?? [])];
      process.stdout.write(
        `${[`${name}: good, ${await spec.modelHash()}`, ...notes].map(printable).join('; ')}\n`,
      );
    } catch (error) {
      code = 1;
      process.stdout.write(`${name}: ${describeOnShell(error).message}\n`);
    }
  }
  return code;
}

/** A file that is no model: a LoRA, a VAE, an embedding. */
async function otherFile(inventory: Inventory, name: string): Promise<Entry | undefined> {
  if ((await inventory.find('checkpoint', name)) !== undefined) return undefined;
  await inventory.settled();
  return inventory.called(name).find(({ kind }) => kind !== 'checkpoint');
}

function describeUnused(names: readonly string[]): string {
  const quoted = names.slice(0, QUOTED).join(', ');
  const more = names.length > QUOTED ? ` and ${names.length - QUOTED} more` : '';
  return `${names.length} ${names.length === 1 ? 'tensor is' : 'tensors are'} not needed and not read: ${quoted}${more}`;
}
