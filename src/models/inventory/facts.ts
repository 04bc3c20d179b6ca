/** What is known of a model without loading it; bounded, since much of it is words of whoever wrote the file. */
import { basename, dirname, join } from 'node:path';
import { describeError } from '../../errors.ts';
import type { Component } from '../../graph/component.ts';
import type { ControlKind } from '../../request.ts';
import { controlKindOf, openControlnet } from '../controlnet.ts';
import { unetBase } from '../families/unet.ts';
import { ModelFiles } from '../files.ts';
import { openModelFolder } from '../folder.ts';
import { readModelIndex } from '../model-index.ts';
import { type FileKind, recognise } from '../recognise.ts';
import { readBesides } from './beside.ts';
import { readLicence, readLicenceOfFile } from './model-card.ts';
import { bounded, boundedList } from './text.ts';
import type { Found } from './walk.ts';

export interface Facts {
  readonly kind: FileKind;
  /** As people call it: `Stable Diffusion XL`. */
  readonly family?: string;
  /** `inpainting` */
  readonly variant?: string;
  readonly predictionType?: string;
  /** How it was distilled to draw in a few steps, where something says so. */
  readonly fewSteps?: string;
  readonly dtype?: string;
  readonly parameters?: number;
  /** Bytes of the weights, of a folder. */
  readonly weights?: number;
  /** Why it cannot be used, as a sentence. */
  readonly refusal?: string;
  readonly title?: string;
  readonly licence?: string;
  /** Whether its files say that it allows commercial use. */
  readonly commercial?: boolean;
  /** What it was trained on or made from. */
  readonly baseModel?: string;
  readonly triggerWords?: readonly string[];
  /** Of a ControlNet: what its pictures show, as its name or a file beside it says. A hint: nothing in the weights tells. */
  readonly control?: ControlKind;
  /** A picture beside it, as the operator's folders name it. */
  readonly thumbnail?: string;
}

/** Never rejects: what cannot be read is a refusal. */
export async function readFacts(found: Found): Promise<Facts> {
  try {
    return found.form === 'folder' ? await ofFolder(found) : await ofFile(found);
  } catch (error) {
    return { kind: 'unknown', refusal: bounded(describeError(error).message) ?? 'It cannot be read.' };
  }
}

async function ofFolder(found: Found): Promise<Facts> {
  const { path, className, name } = found;
  const { baseModel, triggerWords, ...said } = await readBesides(path, [
    'darkroom-source.json',
    'darkroom.json',
  ]);
  const licence = said.licence ?? (await readLicence(path));
  const known = {
    ...(licence && { licence }),
    ...(said.commercial !== undefined && { commercial: said.commercial }),
    ...(baseModel && { baseModel }),
    ...(triggerWords && { triggerWords }),
  };
  if (className !== undefined) {
    const kind = kindOfClass(className);
    return { kind, ...(kind === 'controlnet' && (await controlnetFolder(path, name))), ...known };
  }
  try {
    const spec = await openModelFolder(path, found.name);
    const { title } = (await readModelIndex(await ModelFiles.at(path))).family;
    const { prediction_type: prediction = spec.schedulerConfig['beta_schedule'] && 'epsilon' } =
      spec.schedulerConfig;
    // As the denoiser of an inpainting model reads them: latents, masked latents, a mask.
    const isInpainting = spec.denoiser.inChannels === 2 * spec.latentChannels + 1;
    return {
      ...{ kind: 'checkpoint', family: spec.denoiser.base ?? title, ...known },
      ...(isInpainting && { variant: 'inpainting' }),
      ...(spec.fewSteps !== undefined && { fewSteps: spec.fewSteps }),
      ...measure(spec.denoiser.component),
      weights: weightsOf([
        spec.vae,
        ...[spec.denoiser, ...spec.textEncoders].map(({ component }) => component),
      ]),
      ...(typeof prediction === 'string' && { predictionType: bounded(prediction) ?? '' }),
      ...(spec.licence !== undefined && { licence: bounded(spec.licence) ?? '' }),
      ...(spec.commercialUse !== undefined && { commercial: spec.commercialUse }),
    };
  } catch (error) {
    return { kind: 'checkpoint', refusal: bounded(describeError(error).message) ?? '', ...known };
  }
}

async function controlnetFolder(path: string, name: string): Promise<Partial<Facts>> {
  try {
    const { component } = await openControlnet(path);
    const control = controlKindOf([name]);
    const facts = { family: unetBase(component.config), weights: weightsOf([component]) };
    return { ...facts, ...measure(component), ...(control && { control }) };
  } catch (error) {
    return { refusal: bounded(describeError(error).message) ?? '' };
  }
}

const weightsOf = (parts: readonly Component[]): number =>
  parts.flatMap(({ tensors }) => [...tensors.values()]).reduce((sum, { length }) => sum + length, 0);

function measure({ tensors }: Component): Pick<Facts, 'dtype' | 'parameters'> {
  const [first] = tensors.values();
  return {
    ...(first !== undefined && { dtype: first.dtype }),
    parameters: tensors.values().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  };
}

const kindOfClass = (name: string): FileKind =>
  /ControlNet|T2IAdapter/.test(name) ? 'controlnet' : /^Autoencoder/.test(name) ? 'vae' : 'unknown';

async function ofFile({ path, beside, name }: Found): Promise<Facts> {
  const seen = await recognise(path);
  const { metadata } = seen;
  const own = await readBesides(dirname(path), beside);
  const picture =
    beside.find((name) => /\.preview\.\w+$/i.test(name)) ??
    beside.find((name) => /\.(png|jpe?g|webp)$/i.test(name));
  const text = (...keys: string[]) =>
    keys.map((key) => bounded(metadata.get(key))).find((value) => value !== undefined);
  const title = text('modelspec.title', 'ss_output_name');
  const baseModel =
    own.baseModel ?? text('ss_sd_model_name', 'ss_base_model_version', 'modelspec.architecture');
  const licence = own.licence ?? text('modelspec.license', 'license') ?? (await readLicenceOfFile(path));
  const words = own.triggerWords ?? triggerWordsOf(metadata);
  const control = own.control ?? controlKindOf([name, title ?? '']);
  const { kind, family: made, variant, predictionType, fewSteps, dtype, parameters, refusal } = seen;
  return {
    ...{ kind, dtype, parameters },
    ...(made !== undefined && { family: made }),
    ...(variant !== undefined && { variant }),
    ...(predictionType !== undefined && { predictionType }),
    ...(fewSteps !== undefined && { fewSteps }),
    ...(refusal !== undefined && { refusal: bounded(refusal) ?? '' }),
    ...(title !== undefined && { title }),
    ...(licence !== undefined && { licence }),
    ...(own.commercial !== undefined && { commercial: own.commercial }),
    ...(baseModel !== undefined && { baseModel }),
    ...(words.length > 0 && { triggerWords: words }),
    ...(kind === 'controlnet' && control !== undefined && { control }),
    ...(picture !== undefined && { thumbnail: join(dirname(path), basename(picture)) }),
  };
}

/** Longer lists of tags are not read: a real one has some hundred kilobytes. */
const LONGEST_TAGS = 5_000_000;
/** A tag of fewer pictures than this share of the most frequent one is no trigger. */
const FREQUENT = 0.5;

/** What the file names itself, or else the tags that most of its training pictures had. */
function triggerWordsOf(metadata: ReadonlyMap<string, string>): string[] {
  const said = metadata.get('modelspec.trigger_phrase');
  if (said !== undefined && said.trim() !== '') return boundedList([said]);
  const tags = metadata.get('ss_tag_frequency');
  if (tags === undefined || tags.length > LONGEST_TAGS) return [];
  const counts = new Map<string, number>();
  try {
    for (const folder of Object.values(JSON.parse(tags) as Record<string, unknown>)) {
      for (const [tag, count] of Object.entries((folder ?? {}) as Record<string, unknown>))
        if (typeof count === 'number') counts.set(tag.trim(), (counts.get(tag.trim()) ?? 0) + count);
    }
  } catch {
    return [];
  }
  const sorted = [...counts].filter(([tag]) => tag !== '').sort(([, a], [, b]) => b - a);
  const most = sorted[0]?.[1] ?? 0;
  return boundedList(sorted.filter(([, count]) => count >= most * FREQUENT).map(([tag]) => tag));
}
