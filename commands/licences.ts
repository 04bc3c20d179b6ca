/** What the licence of a model's file allows here: as its files say, or as an admin states it. */
import { DarkroomError, describeError, type ErrorWords } from '../src/errors.ts';
import { type CommercialUse, commercialUse, type Terms } from '../src/licences.ts';
import { kindKey } from '../src/model-kinds.ts';
import { plainName } from '../src/model-names.ts';
import { builtInUpscaler, type GenerationRequest } from '../src/request.ts';
import { type Sentence, sentence } from '../src/sentences.ts';
import type { Rule } from '../src/settings/resolve.ts';
import { readTuning, type Tuning } from './model-tuning.ts';
import type { ModelFile, Ports } from './ports.ts';

type LicencePorts = Pick<Ports, 'models' | 'settings'>;

/** The bytes of a picture by its reference in a request; undefined where it has not come yet. */
type PictureOf = (reference: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** Names that a refusal offers. */
const OFFERED = 10;
/** Kinds of files that take part in a picture. */
export const LICENSED = [
  'checkpoint',
  'lora',
  'vae',
  'upscaler',
  'controlnet',
  'embedding',
  'text_encoder',
  'detector',
] as const;
export type Licensed = (typeof LICENSED)[number];

interface Part {
  readonly kind: string;
  readonly name: string;
  /** What it is to the model, where the model's own file lacks it. */
  readonly lent?: 'vae' | 'text_encoder';
}

export interface FileTerms extends Terms, CommercialUse {
  readonly isStated: boolean;
}

/** Under which an admin's statement about a file is stored: a model by its name, another file with its kind in front. */
export const tuningKey = (kind: string, name: string) => (kind === 'checkpoint' ? name : `${kind}:${name}`);

/** Whether a server takes only what allows commercial use. */
export const isCommercialOnly = (rules: readonly Rule[]): boolean =>
  rules.some(({ key, scope, value }) => key === 'commercial_only' && scope === 'server' && value === true);

/** What is known of licences on one server. */
export class Licences {
  readonly #models: Ports['models'];
  readonly #stated: ReadonlyMap<string, string>;
  /** By kind and name; also by the name in lower case, where that is nobody's own. */
  readonly #files = new Map<string, ModelFile>();

  static async of(tenant: string, { models, settings }: LicencePorts): Promise<Licences> {
    return new Licences(models, await settings.models(tenant));
  }

  private constructor(models: Ports['models'], stated: ReadonlyMap<string, string>) {
    this.#models = models;
    this.#stated = stated;
    const files = models.files();
    for (const file of files) this.#files.set(tuningKey(file.kind, plainName(file.name)), file);
    for (const file of files) this.#files.set(tuningKey(file.kind, file.name), file);
  }

  /** @param name as a request has it: of some files in other letters than their own, or with its ending */
  async termsOf({ kind, name: typed }: { readonly kind: string; readonly name: string }): Promise<FileTerms> {
    const name = this.#fileOf(kind, typed)?.name ?? typed;
    const tuning = readTuning(this.#stated.get(tuningKey(kind, name)));
    const own = statedBy(tuning);
    // A licence that an admin names is another one than that of the files, with terms of its own.
    const said = own.licence === undefined ? { ...(await this.#said(kind, name)), ...own } : own;
    return { ...said, ...commercialUse(said), isStated: Object.keys(own).length > 0 };
  }

  /** Whether a file may be used where only commercial use is: of a model also what it borrows from other files. */
  async allows({ kind, name }: { readonly kind: string; readonly name: string }): Promise<boolean> {
    if ((await this.termsOf({ kind, name })).allows !== 'yes') return false;
    if (kind !== 'checkpoint') return true;
    // One that cannot be opened borrows nothing.
    const lent = await Promise.resolve(this.#models.lentTo?.({ model: name })).catch(() => undefined);
    const terms = await Promise.all((lent ?? []).map((part) => this.termsOf(part)));
    return terms.every(({ allows }) => allows === 'yes');
  }

  /** Of a kind, the names that may be used where only commercial use is. */
  async allowedOf(kind: string): Promise<string[]> {
    const names =
      kind === 'checkpoint'
        ? this.#models.names()
        : this.#models.files().flatMap((file) => (file.kind === kind && !file.refusal ? [file.name] : []));
    const allowed = await Promise.all(names.map((name) => this.allows({ kind, name })));
    return names.filter((_, i) => allowed[i]);
  }

  #fileOf(kind: string, name: string): ModelFile | undefined {
    return this.#files.get(tuningKey(kind, name)) ?? this.#files.get(tuningKey(kind, plainName(name)));
  }

  async #said(kind: string, name: string): Promise<Terms> {
    const file = this.#fileOf(kind, name);
    if (file !== undefined) return file;
    if (kind !== 'checkpoint') return {};
    // One that is not read yet is opened; one that cannot be opened says nothing.
    return Promise.resolve()
      .then(() => this.#models.resolve(name))
      .catch(() => ({}));
  }
}

const statedBy = ({ licence, commercial }: Tuning): Terms => ({
  ...(licence !== undefined && { licence }),
  ...(commercial !== undefined && { commercial: commercial === 'yes' }),
});

/** `apache-2.0, allows commercial use` */
export function termsWords({ licence, allows, condition, isStated }: FileTerms): Sentence {
  const terms = plainTerms(licence, allows, condition);
  return isStated ? sentence('licence.stated', { terms }) : terms;
}

function plainTerms(
  licence: string | undefined,
  allows: FileTerms['allows'],
  condition: Sentence | undefined,
): Sentence {
  if (licence === undefined) {
    return sentence(
      allows === 'yes' ? 'licence.unnamed_yes' : allows === 'no' ? 'licence.unnamed_no' : 'licence.unknown',
    );
  }
  if (allows === 'conditional' && condition !== undefined)
    return sentence('licence.conditional', { licence, condition });
  return sentence(allows === 'yes' ? 'licence.yes' : allows === 'no' ? 'licence.no' : 'licence.unclear', {
    licence,
  });
}

/**
 * Where a server takes only what allows commercial use: asked before a request is queued, and again before it is drawn.
 * @param pictureOf tells keypoints from a photo, which a detector looks at; where left out only what needs no look is asked
 * @throws DarkroomError('forbidden') that names the first file that does not, its licence, and what may be used
 */
export async function requireLicences(
  request: GenerationRequest,
  tenant: string,
  ports: LicencePorts,
  pictureOf: PictureOf = () => undefined,
): Promise<void> {
  const rules = await ports.settings.rules(tenant);
  if (!isCommercialOnly(rules)) return;
  const parts = await partsOf(request, ports, pictureOf);
  const licences = await Licences.of(tenant, ports);
  for (const { kind, name, lent } of parts) {
    const terms = await licences.termsOf({ kind, name });
    if (terms.allows === 'yes') continue;
    // Instead of what a model borrows, another model is used.
    const replaceable = lent === undefined ? kind : 'checkpoint';
    const all = (await licences.allowedOf(replaceable)).filter(
      (other) => lent === undefined || other !== request.model,
    );
    const listed = rules.find(({ key, scope }) => key === 'allowed_models' && scope === 'server')?.value;
    const allowed =
      replaceable === 'checkpoint' && Array.isArray(listed)
        ? all.filter((other) => listed.includes(other))
        : all;
    const words = { name, terms: termsWords(terms), others: othersOf(replaceable, allowed) };
    throw new DarkroomError(
      'forbidden',
      lent === undefined
        ? sentence('licence.refused', { kind: sentence(kindKey(kind)), ...words })
        : sentence('licence.refused_lent', {
            ...{ model: request.model, part: sentence(kindKey(lent)), ...words },
          }),
    );
  }
}

/** Of a job that has waited while a setting or a statement changed. */
export async function refusalOf(
  id: string,
  ports: LicencePorts & Pick<Ports, 'jobs' | 'pictures'>,
): Promise<ErrorWords | undefined> {
  const record = await ports.jobs.get(id);
  if (record?.share === undefined) return undefined;
  const { inputs } = record;
  const pictureOf = (reference: string) =>
    Object.hasOwn(inputs, reference) ? ports.pictures.get(inputs[reference]!) : undefined;
  try {
    await requireLicences(record.request, record.share.tenant, ports, pictureOf);
    return undefined;
  } catch (error) {
    if (error instanceof DarkroomError && error.code === 'forbidden') return describeError(error);
    throw error;
  }
}

function othersOf(kind: string, allowed: readonly string[]): Sentence {
  // Depth is not found by the detector of poses.
  if (allowed.length > 0 && kind !== 'detector')
    return sentence('licence.others', { names: allowed.slice(0, OFFERED) });
  return sentence(kind === 'checkpoint' ? 'licence.no_others' : 'licence.no_others_here');
}

/**
 * The files that a request names or that are chosen for it, those that lend the model a part, and detectors; what a model
 * folder brings along has the folder's licence.
 */
async function partsOf(
  request: GenerationRequest,
  { models }: LicencePorts,
  pictureOf: PictureOf,
): Promise<Part[]> {
  const { model, loras = [], vae, hires, upscaleImage, controls = [] } = request;
  const upscalers = [hires?.upscaler, upscaleImage?.upscaler].filter((name) => name !== undefined);
  const controlnets = controls.flatMap(({ controlnet }) => controlnet ?? []);
  const embeddings = (await models.embeddingsIn?.(request)) ?? [];
  const lent = (await models.lentTo?.(request)) ?? [];
  const detectors = controls.length === 0 ? [] : ((await models.detectorsIn?.(request, pictureOf)) ?? []);
  const parts = (kind: Licensed, names: readonly string[]) => names.map((name): Part => ({ kind, name }));
  return [
    ...parts('checkpoint', [model]),
    ...lent.map(({ part, kind, name }): Part => ({ kind, name, lent: part })),
    ...parts(
      'lora',
      loras.map(({ file }) => file),
    ),
    ...parts('vae', vae === undefined ? [] : [vae]),
    ...parts(
      'upscaler',
      upscalers.filter((name) => builtInUpscaler(name) === undefined),
    ),
    ...parts('controlnet', controlnets),
    ...parts('embedding', embeddings),
    ...parts('detector', detectors),
  ];
}
