/** The LoRAs that a draft asks for, found among those that are installed. */
import { DarkroomError, offer } from '../../errors.ts';
import { plainName } from '../../model-names.ts';
import type { KnownLoras, LoraDraft } from '../../request.ts';
import { sentence } from '../../sentences.ts';
import type { Entry, Inventory } from '../inventory/inventory.ts';

/** @throws DarkroomError('not_found') for one that is not there */
export async function findLoras(asked: readonly LoraDraft[], inventory: Inventory): Promise<KnownLoras> {
  const found = asked.map(async ({ file }) => {
    const entry = await loraNamed(file, inventory);
    return [file, { name: entry.name, hash: await hashOfLora(entry, inventory) }] as const;
  });
  return new Map(await Promise.all(found));
}

/**
 * @param name a file that is in the inventory, or, as A1111 takes it, its name in any case, with or without its ending
 * @throws DarkroomError('not_found') that offers the nearest names
 */
export async function loraNamed(name: string, inventory: Inventory): Promise<Entry> {
  const isPath = /[/\\]/.test(name);
  const exact = isPath ? await inventory.at('lora', name) : await inventory.find('lora', name);
  // A1111 takes a name with the folders in front.
  const short = name.replaceAll('\\', '/').split('/').at(-1)!;
  const named = exact ?? (await inventory.find('lora', short));
  const entry = exact ?? (isPath ? inFolder(name, inventory) : undefined) ?? named;
  if (entry !== undefined) return entry;
  await inventory.nearlySettled();
  inventory.requireUsable('lora', short);
  const known = inventory.entries('lora').map((one) => one.name);
  const offered = known.length === 0 ? sentence('lora.none_installed') : offer(short, known);
  throw new DarkroomError(
    'not_found',
    sentence('lora.none_called', { name: name.slice(0, 100), offer: offered }),
  );
}

/** Of several files of one name, the one whose folders are named. */
function inFolder(name: string, inventory: Inventory): Entry | undefined {
  const plain = (path: string) => plainName(path.replaceAll('\\', '/'));
  return inventory.entries('lora').find(({ path }) => plain(path).endsWith(`/${plain(name)}`));
}

/** First 10 hex digits of the file's SHA-256, as Civitai and A1111 show it; computed once for a file that stays as it is. */
export async function hashOfLora({ path, name }: Entry, inventory: Inventory): Promise<string> {
  const sha256 = await inventory.hash(path);
  if (sha256 !== undefined) return sha256.slice(0, 10);
  throw new DarkroomError('bad_model', sentence('lora.unreadable', { name }));
}
