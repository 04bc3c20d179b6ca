/** A row of the table of request fields, and what rows are made of. */
import type { z } from 'zod';
import { DarkroomError } from '../../errors.ts';
import { sentence, type Words } from '../../sentences.ts';
import type { Chosen } from '../chosen.ts';
import { type FieldOption, type OptionValue, parseSize } from '../option.ts';

export type Json = Readonly<Record<string, unknown>>;
/** One `Key: value` of A1111's text; left out where undefined. */
export type Pair = readonly [key: string, value: string | number | undefined];

/** A textual inversion that a prompt calls by its name. */
export interface Embedding {
  readonly name: string;
  /** First 12 hex digits of its file's SHA-256. */
  readonly hash: string | undefined;
}

/** A file, other than the model's own, that a picture was drawn with. */
export interface PartFile {
  /** `vae`, `text_encoder`, `text_encoder_2` … as diffusers names a model's folders, or `controlnet`. */
  readonly part: string;
  readonly name: string;
  /** First 10 hex digits of its SHA-256. */
  readonly hash: string | undefined;
}

/** What A1111's text says of a picture beside its request. */
export interface PictureFacts {
  /** The seed of this picture, which is not the request's where it makes several. */
  readonly seed: number;
  /** Short hash of the model's weights, hexadecimal. */
  readonly modelHash?: string;
  /** The model's name without its folder. */
  readonly modelName: string;
  readonly embeddings?: readonly Embedding[];
  /** ControlNets in the order of the request's controls. */
  readonly files?: readonly PartFile[];
}

/** @typeParam Read the part of a frozen request that `a1111` reads; @typeParam ReadDraft of a draft, by `notCarried` */
export interface Field<
  Name extends string,
  Draft,
  Frozen,
  Options extends readonly FieldOption[],
  Read = unknown,
  ReadDraft = unknown,
> {
  /** In files and JSON, snake_case as in diffusers. */
  readonly name: Name;
  /** Of what a draft holds. */
  readonly schema: z.ZodType<Draft, Draft>;
  /** From the draft to the frozen request; undefined leaves the field out. */
  readonly fill: (value: Draft | undefined, chosen: Chosen) => Frozen;
  /** Back to a draft, where that is not the value itself; undefined leaves the field out. */
  readonly json?: (value: Exclude<Frozen, undefined>) => Draft | undefined;
  /** A fixed default: a recipe's command does not write it. */
  readonly plain?: Draft;
  readonly options?: Options;
  /** What A1111's text says of it. */
  readonly a1111?: (request: Read, facts: PictureFacts) => readonly Pair[];
  /** A sentence about what a recipe's command cannot say of this draft; undefined where it says all. */
  readonly notCarried?: (draft: ReadDraft) => Words | undefined;
}

/** Keeps the types of a row. */
export const field = <
  const Name extends string,
  Draft,
  Frozen,
  const Options extends readonly FieldOption[] = readonly [],
  Read = unknown,
  ReadDraft = unknown,
>(
  row: Field<Name, Draft, Frozen, Options, Read, ReadDraft>,
): Field<Name, Draft, Frozen, Options, Read, ReadDraft> => row;

export const same = <T>(value: T | undefined): T | undefined => value;
export const or =
  <T>(fallback: T) =>
  (value: T | undefined): T =>
    value ?? fallback;

/** @throws DarkroomError('bad_request') */
export function requireSizeText(flagName: string, value: OptionValue): readonly [number, number] {
  const size = parseSize(String(value));
  if (size !== undefined) return size;
  throw new DarkroomError('bad_request', sentence('request.not_size', { flag: flagName, value }));
}

/** A folder's last part. */
export const shortName = (model: string) => model.split(/[\\/]/).findLast((part) => part !== '') ?? model;
