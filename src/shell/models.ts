/** `darkroom models`: what is installed, what a folder holds, whether it can be used. */
import { loadSettings } from '../../config/settings.ts';
import { verifyModel } from '../engine/verify.ts';
import { describeError } from '../errors.ts';
import { foldersOf } from '../installed-models.ts';
import { Catalogue } from '../models/catalogue.ts';
import { clipTokenizerOf } from '../models/spec.ts';
import { addModel } from './models-add.ts';
import { readOptions, UsageError, type Verb } from './verb.ts';

/** Names of unused tensors that are listed. */
const QUOTED = 3;

export const models: Verb = {
  summary: 'list, show, verify and fetch the models of this machine',
  help: `darkroom models list              names and folders
darkroom models show NAME|FOLDER  defaults, sizes, hash
darkroom models verify [NAME|FOLDER …]  reads every file but the weights and plans a picture; exit code 1 where one cannot draw
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
    const catalogue = new Catalogue(foldersOf(settings));
    if (action === 'list') return list(catalogue);
    if (action === 'show') return show(catalogue, names);
    if (action === 'verify') return verify(catalogue, names);
    throw new UsageError(`There is no models ${action}. Known: list, show, verify, add.`);
  },
};

async function list(catalogue: Catalogue): Promise<number> {
  for (const { name, folder } of await catalogue.list()) process.stdout.write(`${name}\t${folder}\n`);
  return 0;
}

async function show(catalogue: Catalogue, names: readonly string[]): Promise<number> {
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) throw new UsageError('models show takes one name or folder.');
  const spec = await catalogue.openNameOrFolder(name);
  const { defaults } = spec;
  const rows: [string, string | number][] = [
    ['name', spec.name],
    ['folder', spec.folder],
    ['family', spec.family],
    ['hash', await spec.modelHash()],
    ['size', `${defaults.width}x${defaults.height}, up to ${defaults.maxSize}`],
    ['steps', defaults.numInferenceSteps],
    ['guidance', defaults.guidanceScale],
    ['sampler', `${defaults.sampler}, ${defaults.schedule}`],
    [
      'latents',
      `${spec.latentChannels} channels, one for ${spec.vaeScaleFactor}x${spec.vaeScaleFactor} pixels`,
    ],
    ['prompt', `${clipTokenizerOf(spec).modelMaxLength} tokens`],
  ];
  for (const [key, value] of rows) process.stdout.write(`${key.padEnd(10)}${value}\n`);
  return 0;
}

async function verify(catalogue: Catalogue, given: readonly string[]): Promise<number> {
  const names = given.length > 0 ? given : (await catalogue.list()).map(({ name }) => name);
  let code = 0;
  for (const name of names) {
    try {
      const spec = await catalogue.openNameOrFolder(name);
      const { unused } = await verifyModel(spec);
      const rest = unused.length === 0 ? '' : `; ${describeUnused(unused)}`;
      process.stdout.write(`${name}: good, ${await spec.modelHash()}${rest}\n`);
    } catch (error) {
      code = 1;
      process.stdout.write(`${name}: ${describeError(error).message}\n`);
    }
  }
  return code;
}

function describeUnused(names: readonly string[]): string {
  const quoted = names.slice(0, QUOTED).join(', ');
  const more = names.length > QUOTED ? ` and ${names.length - QUOTED} more` : '';
  return `${names.length} ${names.length === 1 ? 'tensor is' : 'tensors are'} not needed and not read: ${quoted}${more}`;
}
