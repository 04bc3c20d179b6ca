/** `imagine --from`: the request that a PNG carries, and whether a new picture has its pixels. */
import { readFile } from 'node:fs/promises';
import type { Device, Precision } from '../engine/device.ts';
import { withPrecision } from '../engine/precision.ts';
import { DarkroomError } from '../errors.ts';
import { decodeRgb } from '../image/pixels.ts';
import { readPngText } from '../image/png-text.ts';
import type { PictureReader } from '../image/reader.ts';
import { EMBEDDED_MODEL } from '../installed-models.ts';
import type { FinishedPicture } from '../job.ts';
import { otherFiles } from '../request.ts';
import type { GivenPictures } from './given-pictures.ts';
import { isPoseName } from './inputs.ts';
import type { Task } from './task.ts';
import { UsageError } from './verb.ts';

/**
 * @param pictures those it was made from: a PNG carries no other picture
 * @throws DarkroomError('not_found') where the file or its recipe is missing; UsageError where a picture is
 */
export async function readRecipe(from: string, pictures: GivenPictures): Promise<Task> {
  const bytes = await readFile(from).catch((cause: unknown) => {
    throw new DarkroomError('not_found', `The picture ${from} cannot be read. Check its path.`, { cause });
  });
  const text = readPngText(bytes).get('darkroom');
  if (text === undefined) {
    throw new DarkroomError(
      'not_found',
      `${from} carries no recipe of Darkroom. Programs that save a picture again often drop it.`,
    );
  }
  const { request, isInt8 } = parseRecipe(text, from);
  const { model, ...draft } = request;
  return {
    line: 1,
    model: typeof model === 'string' ? model : EMBEDDED_MODEL,
    draft: withPictures(draft, from, pictures),
    base: process.cwd(),
    from,
    isInt8,
  };
}

/**
 * The device in the precision that a picture was made in, so that its pixels can be compared.
 * @param asked the precision that the user asked for, which is kept
 * @returns the device unchanged if it has no choice of precision
 */
export async function comparable(device: Device, tasks: readonly Task[], asked?: string): Promise<Device> {
  const isInt8 = tasks[0]?.isInt8;
  if (isInt8 === undefined || asked !== undefined || device.provider !== 'cpu') return device;
  const [changed] = await withPrecision([device], isInt8 ? 'int8' : 'float32', '--precision').catch(() => []);
  return changed ?? device;
}

/** @returns a sentence where a picture is made again in another precision */
export function precisionNote({ isInt8 }: Task, precision: Precision): string[] {
  if (isInt8 === undefined || isInt8 === (precision === 'int8')) return [];
  const was = isInt8 ? 'in int8' : 'without int8';
  return [`The picture was made ${was}, and now in ${precision}: its pixels differ.`];
}

function withPictures(
  draft: Record<string, unknown>,
  from: string,
  { image, mask_image, reference_images: references, controls }: GivenPictures,
): Record<string, unknown> {
  if ('image' in draft && image === undefined) {
    throw new UsageError(`${from} was made from another picture. Give that one with --image.`);
  }
  if ('mask_image' in draft && mask_image === undefined) {
    throw new UsageError(`${from} was made with a mask. Give it with --mask.`);
  }
  const { reference_images: known } = draft;
  const wanted = Array.isArray(known) ? known.length : 0;
  if (wanted !== references.length) {
    throw new UsageError(
      `${from} was edited from ${wanted} pictures, ${references.length} are given. Give each with --reference, in their order.`,
    );
  }
  return {
    ...draft,
    ...(wanted > 0 && { reference_images: references }),
    ...(image !== undefined && { image }),
    ...(mask_image !== undefined && { mask_image }),
    ...('controls' in draft && { controls: withControls(draft['controls'], from, controls) }),
  };
}

/** A pose that has a name needs no picture. */
function withControls(known: unknown, from: string, given: GivenPictures['controls']): unknown[] {
  const controls = Array.isArray(known) ? (known as { kind?: unknown; image?: unknown }[]) : [];
  const isNamed = ({ kind, image }: (typeof controls)[number]) => kind === 'openpose' && isPoseName(image);
  const wanted = controls.filter((control) => !isNamed(control)).length;
  if (wanted !== given.length) {
    throw new UsageError(
      `${from} was made with ${wanted} control pictures, ${given.length} are given. Give each with --control KIND=FILE.`,
    );
  }
  const pictures = given.values();
  return controls.map((control) => {
    if (isNamed(control)) return control;
    const { image, controlnet } = pictures.next().value!;
    return { ...control, image, ...(controlnet !== undefined && { controlnet }) };
  });
}

/** @returns whether the new picture has the pixels of the given one, and where not, which files are others by now */
export async function compareWithGiven(
  made: FinishedPicture,
  from: string,
  reader: PictureReader,
): Promise<{ readonly agrees: boolean; readonly replaced?: readonly string[] }> {
  const bytes = await readFile(from);
  const agrees = await samePixels(made, await reader.read(bytes, 'picture'));
  const replaced = agrees ? [] : otherFiles(readPngText(bytes), readPngText(made.png));
  return { agrees, ...(replaced.length > 0 && { replaced }) };
}

async function samePixels(made: FinishedPicture, given: { readonly bytes: Uint8Array }): Promise<boolean> {
  const [ours, theirs] = await Promise.all([made.png, given.bytes].map(decodeRgb));
  const isSameSize = ours!.width === theirs!.width && ours!.height === theirs!.height;
  return isSameSize && ours!.data.every((level, i) => level === theirs!.data[i]);
}

function parseRecipe(text: string, from: string): { request: Record<string, unknown>; isInt8: boolean } {
  try {
    const { request, precision } = JSON.parse(text) as { request?: unknown; precision?: unknown };
    if (request !== null && typeof request === 'object')
      return { request: { ...request }, isInt8: precision === 'int8' };
  } catch {
    // Said below: a text that is no JSON is no recipe either.
  }
  throw new DarkroomError('bad_request', `The recipe in ${from} cannot be read; it was changed or cut.`);
}
