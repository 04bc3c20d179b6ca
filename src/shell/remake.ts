/** `imagine --from`: the request that a PNG carries, and whether a new picture has its pixels. */
import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../errors.ts';
import { decodeFitted } from '../image/pixels.ts';
import { readPngText } from '../image/png-text.ts';
import { EMBEDDED_MODEL } from '../installed-models.ts';
import type { Developed } from '../job.ts';
import type { Task } from './imagine-options.ts';
import { UsageError } from './verb.ts';

/**
 * @param image the picture it was made from, where it was made from one: a PNG carries no other picture
 * @throws DarkroomError('not_found') where the file or its recipe is missing
 */
export async function readRecipe(from: string, image: string | undefined): Promise<Task> {
  const bytes = await readFile(from).catch((cause: unknown) => {
    throw new DarkroomError('not_found', `The picture ${from} cannot be read. Check its path.`, { cause });
  });
  const text = readPngText(bytes).get('darkroom');
  if (text === undefined) {
    throw new DarkroomError(
      'not_found',
      `${from} carries no recipe of Darkroom. Programs that save it anew often lose it.`,
    );
  }
  const { model, ...draft } = parseRecipe(text, from);
  if ('image' in draft && image === undefined) {
    throw new UsageError(`${from} was made from another picture. Give that one with --image.`);
  }
  return {
    line: 1,
    model: typeof model === 'string' ? model : EMBEDDED_MODEL,
    draft: image === undefined ? draft : { ...draft, image },
    from,
    ...(image !== undefined && { image }),
  };
}

export async function samePixels(made: Developed, from: string): Promise<boolean> {
  const [ours, given] = await Promise.all(
    [made.png, await readFile(from)].map((png) => decodeFitted(png, made.width, made.height)),
  );
  return ours!.every((value, i) => value === given![i]);
}

function parseRecipe(text: string, from: string): Record<string, unknown> {
  try {
    const { request } = JSON.parse(text) as { request?: unknown };
    if (request !== null && typeof request === 'object') return { ...request };
  } catch {
    // Said below: a text that is no JSON is no recipe either.
  }
  throw new DarkroomError('bad_request', `The recipe in ${from} cannot be read; it was changed or cut.`);
}
