/** The files that a request refers to. */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { PictureReader } from '../image/reader.ts';
import type { Unturned, UploadUse } from '../image/upload.ts';
import type { RequestDraft } from '../request.ts';
import { sayWords } from '../sentences.ts';

interface Inputs {
  /**
   * The draft with its files called by their names without folders: the picture that is made carries its request, and
   * must not tell of the folders of this machine.
   */
  readonly draft: RequestDraft;
  /** Bytes by those names. */
  readonly inputs: ReadonlyMap<string, Uint8Array>;
  /** What the draft called its files, by those names. */
  readonly given: ReadonlyMap<string, string>;
  /** Of the source, or else of the first control image; undefined where there is neither. */
  readonly imageSize: { readonly width: number; readonly height: number } | undefined;
  /** Sentences for the user. */
  readonly notes: readonly string[];
}

/**
 * @param base folder that the references are relative to
 * @throws DarkroomError('not_found') for a file that cannot be read, and what PictureReader.read throws
 */
export async function readInputs(draft: RequestDraft, base: string, reader: PictureReader): Promise<Inputs> {
  const inputs = new Map<string, Uint8Array>();
  const given = new Map<string, string>();
  const notes: string[] = [];
  const add = async (reference: string, use: UploadUse, turned?: Unturned) => {
    const upload = await reader.read(await readInput(resolve(base, reference)), use, turned);
    const name = freeName(basename(reference), inputs);
    inputs.set(name, upload.bytes);
    given.set(name, reference);
    notes.push(...upload.notes.map((note) => sayWords('en', note)));
    return { ...upload, name };
  };
  const { image, mask_image, reference_images: references = [], controls } = draft;
  const source = image === undefined ? undefined : await add(image, 'picture');
  if (source?.transparency) notes.push('The transparent part of the image was filled with white.');
  const mask = mask_image === undefined ? undefined : await add(mask_image, 'mask', source?.unturned);
  let imageSize: Inputs['imageSize'] = source;
  const seen: string[] = [];
  for (const reference of references) {
    const upload = await add(reference, 'picture');
    imageSize ??= upload;
    seen.push(upload.name);
  }
  const named: NonNullable<RequestDraft['controls']>[number][] = [];
  for (const control of controls ?? []) {
    if (control.kind === 'openpose' && isPoseName(control.image)) {
      named.push(control);
      continue;
    }
    const upload = await add(control.image, 'control');
    // The figure of a file of keypoints is drawn at any size.
    if (!upload.isPose) imageSize ??= upload;
    named.push({ ...control, image: upload.name });
  }
  return {
    draft: {
      ...draft,
      ...(source && { image: source.name }),
      ...(mask && { mask_image: mask.name }),
      ...(seen.length > 0 && { reference_images: seen }),
      ...(controls !== undefined && { controls: named }),
    },
    ...{ inputs, given, imageSize, notes },
  };
}

/** A name that no other file has, and that is no pose's. */
function freeName(base: string, taken: ReadonlyMap<string, unknown>): string {
  const name = isPoseName(base) ? `${base}.png` : base;
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${i}-${name}`;
  return free;
}

/** The request as it was given, with the names of its files. */
export function withGivenNames(request: RequestDraft, given: ReadonlyMap<string, string>): RequestDraft {
  const { image, mask_image, reference_images: references, controls } = request;
  const nameOf = (name: string) => given.get(name) ?? name;
  return {
    ...request,
    ...(image !== undefined && { image: nameOf(image) }),
    ...(mask_image !== undefined && { mask_image: nameOf(mask_image) }),
    ...(references !== undefined && { reference_images: references.map(nameOf) }),
    ...(controls !== undefined && {
      controls: controls.map((control) => ({ ...control, image: nameOf(control.image) })),
    }),
  };
}

/** Poses also have names, which the engine knows; a file has an ending or a folder. */
export const isPoseName = (image: unknown): boolean => typeof image === 'string' && /^[\w -]+$/.test(image);

async function readInput(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new DarkroomError('not_found', `The picture ${file} cannot be read. Check its path.`, { cause });
  }
}
