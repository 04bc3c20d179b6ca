/**
 * Files that hold a part of a network only: what a broken save leaves, or one of several shards. What is missing is named
 * before anything is counted from shapes.
 */
import { DarkroomError } from '../../errors.ts';
import { numbersBehind, type Tensors } from './tensors.ts';

/** What a network cannot be without. */
interface Needs {
  /** Names, or beginnings of names: `time_embed.0.`. */
  readonly names?: readonly string[];
  /** Beginnings of numbered blocks, which count from 0 on without a gap: `joint_blocks.`. */
  readonly blocks?: readonly string[];
}

/** Of text encoders, by the table of tokens that sets them apart. */
const TEXTS: readonly (readonly [tokens: string, needs: Needs])[] = [
  [
    'embeddings.token_embedding.',
    { names: ['embeddings.position_embedding.', 'final_layer_norm.'], blocks: ['encoder.layers.'] },
  ],
  ['shared.', { names: ['encoder.final_layer_norm.'], blocks: ['encoder.block.'] }],
  ['model.embed_tokens.', { blocks: ['model.layers.'] }],
];

/** What a text encoder lacks, in transformers' names. */
export function lackingText(tensors: Tensors): string[] {
  const needs = TEXTS.find(([tokens]) => tensors.has(`${tokens}weight`))?.[1];
  return needs === undefined ? [] : lacking(tensors, needs);
}

const SHOWN = 3;

/** What is not there, as a sentence shows it. */
export function lacking(tensors: Tensors, { names = [], blocks = [] }: Needs): string[] {
  const all = [...tensors.keys()];
  return [
    ...names.filter((needed) => !all.some((name) => name.startsWith(needed))),
    ...blocks.flatMap((prefix) => gapIn(all, prefix) ?? []),
  ].map((name) => name.replace(/\.$/, ''));
}

/**
 * @param what the network is called: `UNet`
 * @throws DarkroomError('bad_model') naming what is missing
 */
export function requireWhole(label: string, what: string, missing: readonly string[]): void {
  if (missing.length > 0) throw new DarkroomError('bad_model', sayPartOnly(label, what, missing));
}

/** @returns a sentence. @param missing at least one name */
export function sayPartOnly(label: string, what: string, missing: readonly string[]): string {
  const more = missing.length > SHOWN ? ` and ${missing.length - SHOWN} more` : '';
  return `${label} holds only a part of a ${what}: ${missing.slice(0, SHOWN).join(', ')}${more} missing. Download it again, or save all of it in one file.`;
}

function gapIn(names: readonly string[], prefix: string): string | undefined {
  const numbers = numbersBehind(names, prefix);
  const gap = numbers.length === 0 ? 0 : numbers.findIndex((number, i) => number !== i);
  return gap === -1 ? undefined : `${prefix}${gap}`;
}
