/** What enlarges pictures: a way that is built in, or a network in a file, by its name. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { said } from './schemas.ts';

/** `model`: the upscaler in the model's own folder. */
export const IMAGE_UPSCALERS = ['lanczos', 'model'] as const;
/** `latent`: the latents of the first pass grow, and no pixel is seen. */
export const HIRES_UPSCALERS = ['lanczos', 'latent', 'model'] as const;

/** Upscalers that are installed, by the names that a draft calls them. */
export type KnownUpscalers = ReadonlyMap<string, { readonly name: string; readonly hash: string }>;

/** An upscaler as it is frozen. */
export interface ChosenUpscaler {
  readonly upscaler: string;
  /** First 10 hex digits of its file's SHA-256: another file of the same name makes another picture. */
  readonly upscalerHash?: string;
}

export const upscalerName = (label: string) =>
  z
    .string(said(sentence('field.name', { label })))
    .min(1, said(sentence('field.empty', { label })))
    .max(200, said(sentence('field.long_name', { label })));
export const upscalerHash = (label: string) =>
  z.string().regex(/^[0-9a-f]{10}$/, said(sentence('field.hash', { label })));

const ALL: readonly string[] = [...new Set([...IMAGE_UPSCALERS, ...HIRES_UPSCALERS])];

/** @returns the built-in way that a name stands for, in any case; undefined for the name of a file */
export const builtInUpscaler = (name: string): string | undefined =>
  ALL.find((one) => one === name.toLowerCase());

/** Names in a draft that are those of files. */
export function upscalerFilesOf(draft: {
  readonly upscaler?: string | undefined;
  readonly hires?: { readonly upscaler?: string | undefined } | undefined;
  readonly upscale_image?: { readonly upscaler?: string | undefined } | undefined;
}): string[] {
  const names = [draft.upscaler, draft.hires?.upscaler, draft.upscale_image?.upscaler];
  return names.filter((name) => name !== undefined).filter((name) => builtInUpscaler(name) === undefined);
}

interface Choice {
  /** Of the field that it belongs to. */
  readonly label: string;
  readonly builtIn: readonly string[];
  /** Whether the model has one of its own. */
  readonly hasOwn: boolean;
  readonly known: KnownUpscalers | undefined;
  readonly hash?: string | undefined;
}

/** @throws DarkroomError('bad_request') for a way that does not go there, or that the model does not have */
export function chooseUpscaler(
  name: string,
  { label, builtIn, hasOwn, known, hash }: Choice,
): ChosenUpscaler {
  const own = builtInUpscaler(name);
  if (own === undefined) {
    const found = known?.get(name);
    const frozen = found?.hash ?? hash;
    return { upscaler: found?.name ?? name, ...(frozen !== undefined && { upscalerHash: frozen }) };
  }
  if (!builtIn.includes(own)) {
    throw new DarkroomError('bad_request', sentence('request.latent_elsewhere', { label }));
  }
  if (own === 'model' && !hasOwn) {
    throw new DarkroomError('bad_request', sentence('request.model_has_none', { label }));
  }
  return { upscaler: own };
}
