/**
 * Every field of a request, one row each. The draft's schema, the frozen request, its JSON, the options of shell and
 * chats, A1111's text and the recipe's command all derive from these rows: a new field is a row, and what uses it.
 */
import type { z } from 'zod';
import { CHOICE_FIELDS } from './fields/choices.ts';
import { CONTROL_FIELDS } from './fields/control.ts';
import type { Field } from './fields/field.ts';
import { LORA_FIELDS } from './fields/lora.ts';
import { NOISE_FIELDS } from './fields/noise.ts';
import { OUTPAINT_FIELDS } from './fields/outpaint.ts';
import { PICTURE_FIELDS } from './fields/picture.ts';
import { PROMPT_FIELDS } from './fields/prompt.ts';
import { SAMPLING_FIELDS } from './fields/sampling.ts';
import { SOURCE_FIELDS } from './fields/source.ts';
import { TOLD_FIELDS } from './fields/told.ts';
import { TUNING_FIELDS } from './fields/tuning.ts';
import { UPSCALE_FIELDS } from './fields/upscale.ts';
import { VAE_FIELDS } from './fields/vae.ts';
import type { FieldOption } from './option.ts';

/** In the order in which A1111's text and a recipe's command write them. */
const FIELDS = {
  ...PROMPT_FIELDS,
  ...CHOICE_FIELDS,
  ...SAMPLING_FIELDS,
  ...PICTURE_FIELDS,
  ...SOURCE_FIELDS,
  ...OUTPAINT_FIELDS,
  ...CONTROL_FIELDS,
  ...LORA_FIELDS,
  ...VAE_FIELDS,
  ...TUNING_FIELDS,
  ...UPSCALE_FIELDS,
  ...NOISE_FIELDS,
  ...TOLD_FIELDS,
} as const;

type Fields = typeof FIELDS;
type Key = keyof Fields;
type FrozenOf<K extends Key> = ReturnType<Fields[K]['fill']>;
type Optional = { [K in Key]: undefined extends FrozenOf<K> ? K : never }[Key];

type RequiredFields = { readonly [K in Exclude<Key, Optional>]: FrozenOf<K> };
type OptionalFields = { readonly [K in Optional]?: Exclude<FrozenOf<K>, undefined> };
/**
 * The one description of a picture to be made. A draft is checked and its gaps are filled once; the result is frozen
 * and travels unchanged to the engine and into the PNG.
 */
export interface GenerationRequest extends RequiredFields, OptionalFields {}

type DraftOf<K extends Key> = z.input<Fields[K]['schema']>;
type DraftFields = { [K in Key as Fields[K]['name']]?: DraftOf<K> | undefined };
/** What somebody asks for, before defaults: the fields as files and JSON name them. */
export interface RequestDraft extends DraftFields {
  prompt: string;
}

/** A row, its types forgotten. */
type AnyField = Field<string, unknown, unknown, readonly FieldOption[], GenerationRequest, RequestDraft>;
/** No row reads what a request or a draft does not have. */
const READERS: Readonly<Record<Key, Pick<AnyField, 'a1111' | 'notCarried'>>> = FIELDS;
export const ROWS = Object.entries(READERS) as unknown as readonly (readonly [Key, AnyField])[];

type OptionsOf<K extends Key> = Fields[K] extends { readonly options?: readonly (infer One)[] } ? One : never;
/** Any option of any field. */
export type AnyFieldOption = { [K in Key]: OptionsOf<K> }[Key];
