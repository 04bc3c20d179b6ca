/** The files that a request refers to. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { checkPicture } from '../image/inspect.ts';
import type { RequestDraft } from '../request.ts';

export interface Inputs {
  /** Bytes by the reference that stands in the draft. */
  readonly inputs: ReadonlyMap<string, Uint8Array>;
  /** Of the picture to start from, or else of the first control picture; undefined where there is neither. */
  readonly imageSize: { readonly width: number; readonly height: number } | undefined;
}

/**
 * @param base folder that the references are relative to
 * @throws DarkroomError('not_found') for a file that cannot be read, and what checkPicture throws
 */
export async function readInputs(draft: RequestDraft, base: string): Promise<Inputs> {
  const inputs = new Map<string, Uint8Array>();
  let imageSize: Inputs['imageSize'];
  const add = async (reference: string | undefined): Promise<void> => {
    if (reference === undefined || inputs.has(reference)) return;
    inputs.set(reference, await readInput(resolve(base, reference)));
  };
  await add(draft.image);
  if (draft.image !== undefined) imageSize = await checkPicture(inputs.get(draft.image)!);
  await add(draft.mask_image);
  for (const { kind, image } of draft.controls ?? []) {
    if (kind !== 'openpose' || !isPoseName(image)) await add(image);
    const bytes = inputs.get(image);
    if (bytes === undefined || isJson(bytes)) continue;
    imageSize ??= await checkPicture(bytes);
  }
  return { inputs, imageSize };
}

/** Poses also have names, which the engine knows; a file has an ending or a folder. */
export const isPoseName = (image: unknown): boolean => typeof image === 'string' && /^[\w -]+$/.test(image);

const isJson = (bytes: Uint8Array) => /^\s*[[{]/.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'));

async function readInput(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new DarkroomError('not_found', `The picture ${file} cannot be read. Check its path.`, { cause });
  }
}
