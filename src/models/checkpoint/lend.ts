/** Parts that a checkpoint does not hold, taken from other files of the machine: many share their text encoders and VAE. */
import { basename, dirname, join, parse } from 'node:path';
import { DarkroomError } from '../../errors.ts';
import type { Component } from '../../graph/component.ts';
import { plainName } from '../../model-names.ts';
import { FAMILIES } from '../families/index.ts';
import type { SeenFiles } from '../seen.ts';
import type { LentPart } from '../spec.ts';
import { readWeights, type Weights } from '../weights.ts';
import { type Beside, nameOfBeside, VAE_ENDINGS } from './beside.ts';
import type { CheckpointLayout, CheckpointParts, MissingPart } from './layout.ts';
import { lackingText } from './whole.ts';

/** A file that may hold what another one lacks. */
interface Lender {
  /** As the operator knows it. */
  readonly name: string;
  readonly path: string;
}

/** @returns files in the order in which they are asked: VAEs and text encoders of their own before checkpoints */
export type Lenders = (part: 'vae' | 'text_encoder') => Promise<readonly Lender[]>;

/**
 * @returns the parts with those that were found, and the files that these are of
 * @throws DarkroomError('bad_model') naming what is missing and where it is looked for; ('not_found') for a name that
 *   the operator wrote beside the file
 */
export async function withLent(
  weights: Weights,
  parts: CheckpointParts,
  {
    path,
    beside,
    layout,
    lenders,
    seen,
  }: {
    readonly path: string;
    readonly beside: Beside;
    readonly layout: CheckpointLayout;
    readonly lenders: Lenders;
    readonly seen: SeenFiles;
  },
): Promise<{ readonly parts: CheckpointParts; readonly lent: ReadonlyMap<string, LentPart> }> {
  const components = new Map(parts.components);
  const lent = new Map<string, LentPart>();
  const notFound: MissingPart[] = [];
  for (const missing of parts.missing) {
    const isVae = missing.part === 'vae';
    const all = await lenders(isVae ? 'vae' : 'text_encoder');
    const chosen = isVae ? beside.vae : beside.textEncoders;
    const candidates =
      chosen === undefined ? all : all.filter(({ name }) => plainName(name) === plainName(chosen));
    if (chosen !== undefined && candidates.length === 0) {
      throw new DarkroomError('not_found', `${weights.label} is to use ${chosen}, which is not installed.`);
    }
    const stem = join(dirname(path), parse(path).name);
    // A VAE's shapes do not tell which family it was trained for: one of its own is only taken where it is named.
    const isNamed = !isVae || chosen !== undefined;
    const near = isVae
      ? VAE_ENDINGS.map((ending) => ({ name: basename(stem) + ending, path: stem + ending }))
      : [];
    const asked = { missing, layout, weights };
    const found =
      (await firstOf(near, { ...asked, isNamed: true })) ??
      (await firstOf(candidates, { ...asked, isNamed })) ??
      (missing.isTakenUnnamed === true && !isNamed ? await onlyOf(candidates, asked) : undefined);
    if (found === undefined) {
      notFound.push(missing);
      continue;
    }
    await seen.note(found.lender.path);
    components.set(missing.part, found.component);
    lent.set(missing.part, { ...found.lender, component: found.component });
  }
  if (notFound.length > 0) throw lacks(weights, notFound);
  return { parts: { ...parts, components, missing: [] }, lent };
}

interface Asked {
  readonly missing: MissingPart;
  readonly layout: CheckpointLayout;
  readonly weights: Weights;
}

interface Lent {
  readonly lender: Lender;
  readonly component: Component;
}

/**
 * The file that holds such a part and nothing else, where there is one.
 * @throws DarkroomError('bad_model') where several do: their shapes do not tell which one the model was trained with
 */
async function onlyOf(lenders: readonly Lender[], asked: Asked): Promise<Lent | undefined> {
  const found: Lent[] = [];
  for (const lender of lenders) {
    const one = await firstOf([lender], { ...asked, isNamed: true });
    if (one !== undefined) found.push(one);
  }
  if (found.length > 1) {
    const { label } = asked.weights;
    const names = found.map(({ lender }) => lender.name).join(', ');
    throw new DarkroomError(
      'bad_model',
      `${label} does not hold ${asked.missing.what}, and ${names} could all be it. Write the right one into ${nameOfBeside(label)}: {"vae": "${found[0]!.lender.name}"}.`,
    );
  }
  return found[0];
}

async function firstOf(
  lenders: readonly Lender[],
  {
    missing,
    layout,
    weights,
    isNamed,
  }: Asked & {
    /** Files that hold nothing else are taken as well. */
    readonly isNamed: boolean;
  },
): Promise<Lent | undefined> {
  const base = layout.recognise(weights)?.base;
  for (const lender of lenders) {
    // A file that is missing or damaged lends nothing.
    const other = await readWeights(lender.path).catch(() => undefined);
    if (other === undefined || other.file === weights.file) continue;
    const isSame = layout.recognise(other)?.base === base;
    const isWhole = FAMILIES.some(({ checkpoint }) => checkpoint?.recognise(other) !== undefined);
    const lone = isWhole || !isNamed ? undefined : missing.read(other.tensors);
    const component = isSame ? (await partsOf(layout, other))?.components.get(missing.part) : lone;
    if (component === undefined || lackingText(component.tensors).length > 0) continue;
    return { lender, component: { ...component, configFile: `${missing.part} of ${other.label}` } };
  }
  return undefined;
}

/** undefined where one of them is not whole. */
const partsOf = (layout: CheckpointLayout, weights: Weights): Promise<CheckpointParts | undefined> =>
  layout.read(weights, {}).catch((error: unknown) => {
    if (error instanceof DarkroomError) return undefined;
    throw error;
  });

const listed = (names: readonly string[]) =>
  [names.slice(0, -1).join(', '), names.at(-1)!].filter((part) => part !== '').join(' and ');

function lacks({ label }: Weights, missing: readonly MissingPart[]): DarkroomError {
  const what = listed(missing.map((part) => part.what));
  const places = [
    ...(missing.some(({ part }) => part !== 'vae') ? ['text encoders into text_encoders'] : []),
    ...(missing.some(({ part }) => part === 'vae') ? ['a VAE into vae'] : []),
  ].join(', ');
  const sources = missing.flatMap(({ source }) =>
    source === undefined ? [] : [`darkroom models add ${source}`],
  );
  const toGet = sources.length === 0 ? '' : ` It can be fetched: ${sources.join(' ; ')}`;
  return new DarkroomError(
    'bad_model',
    `${label} does not hold ${what}, and no other file here lends ${missing.length > 1 ? 'them' : 'it'}. Put ${places} in DARKROOM_MODELS, or a whole checkpoint of the same family beside it.${toGet}`,
  );
}
