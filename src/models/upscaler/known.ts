/** The upscalers that are installed, by name. */
import { DarkroomError, offerNames } from '../../errors.ts';
import type { KnownUpscalers } from '../../request.ts';
import type { Entry, Inventory } from '../inventory/inventory.ts';

/**
 * @param asked names as somebody typed them
 * @throws DarkroomError('not_found') for one that is not there, ('unsupported') for one that does not run here
 */
export async function findUpscalers(asked: readonly string[], inventory: Inventory): Promise<KnownUpscalers> {
  const found = asked.map(async (name) => {
    const entry = await upscalerNamed(name, inventory);
    return [name, { name: entry.name, hash: await hashOfUpscaler(entry, inventory) }] as const;
  });
  return new Map(await Promise.all(found));
}

/**
 * @param name of a file, as A1111 takes it, in any case
 * @throws as findUpscalers
 */
export async function upscalerNamed(name: string, inventory: Inventory): Promise<Entry> {
  const found = await inventory.find('upscaler', name);
  if (found?.refusal !== undefined) throw new DarkroomError('unsupported', found.refusal);
  if (found !== undefined && found.form === 'file') return found;
  await inventory.nearlySettled();
  const names = inventory
    .entries('upscaler')
    .filter(({ form, refusal }) => form === 'file' && refusal === undefined)
    .map((entry) => entry.name);
  const offer =
    names.length === 0
      ? 'None are installed: put them into a folder of DARKROOM_MODELS, such as ESRGAN or upscale_models.'
      : offerNames(name, ['lanczos', ...names]);
  throw new DarkroomError('not_found', `There is no upscaler ${name.slice(0, 100)}. ${offer}`);
}

/** First 10 hex digits of the file's SHA-256; computed once for a file that stays as it is. */
export async function hashOfUpscaler({ path, name }: Entry, inventory: Inventory): Promise<string> {
  const sha256 = await inventory.hash(path);
  if (sha256 !== undefined) return sha256.slice(0, 10);
  throw new DarkroomError('bad_model', `The upscaler ${name} cannot be read.`);
}
