/** The upscalers that are installed, by name. */
import { DarkroomError, offer } from '../../errors.ts';
import type { KnownUpscalers } from '../../request.ts';
import { sentence } from '../../sentences.ts';
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
  inventory.requireUsable('upscaler', name);
  const names = inventory
    .entries('upscaler')
    .filter(({ form, refusal }) => form === 'file' && refusal === undefined)
    .map((entry) => entry.name);
  const offered =
    names.length === 0 ? sentence('lora.no_upscaler_installed') : offer(name, ['lanczos', ...names]);
  throw new DarkroomError(
    'not_found',
    sentence('lora.no_upscaler_called', { name: name.slice(0, 100), offer: offered }),
  );
}

/** First 10 hex digits of the file's SHA-256; computed once for a file that stays as it is. */
export async function hashOfUpscaler({ path, name }: Entry, inventory: Inventory): Promise<string> {
  const sha256 = await inventory.hash(path);
  if (sha256 !== undefined) return sha256.slice(0, 10);
  throw new DarkroomError('bad_model', sentence('lora.upscaler_unreadable', { name }));
}
