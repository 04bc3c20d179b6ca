/** The LoRAs that a draft asks for, found among those that are installed. */
import type { KnownLoras, LoraDraft } from '../../request.ts';
import { hashOfFile, listLoras, loraNamed } from './catalogue.ts';

/**
 * @param places as listLoras takes them
 * @throws DarkroomError('not_found') for one that is not there
 */
export async function findLoras(asked: readonly LoraDraft[], places: readonly string[]): Promise<KnownLoras> {
  if (asked.length === 0) return new Map();
  const entries = await listLoras(places);
  const found = asked.map(async ({ file }) => {
    const entry = loraNamed(file, entries);
    return [file, { name: entry.name, hash: await hashOfFile(entry.file) }] as const;
  });
  return new Map(await Promise.all(found));
}
