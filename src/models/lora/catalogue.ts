/** The LoRA files of this machine by name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { DarkroomError, offerNames } from '../../errors.ts';
import { listNamedFiles, type NamedFile } from '../named-files.ts';

/** Folders of LoRAs in A1111's, Forge's and ComfyUI's layouts. */
export const listLoras = (places: readonly string[]): Promise<NamedFile[]> =>
  listNamedFiles(places, { folders: /^(?:loras?|lycoris)$/i, endings: ['.safetensors'] });

/**
 * @param name a file that is one of the places, or, as A1111 takes it, of a file, in any case
 * @throws DarkroomError('not_found') that offers the nearest names
 */
export function loraNamed(name: string, entries: readonly NamedFile[]): NamedFile {
  const exact = entries.find(({ file }) => file === name);
  if (exact !== undefined) return exact;
  const short = basename(name.replaceAll('\\', '/')).replace(/\.safetensors$/i, '');
  const entry =
    entries.find((known) => known.name === short) ??
    entries.find((known) => known.name.toLowerCase() === short.toLowerCase());
  if (entry !== undefined) return entry;
  const offer =
    entries.length === 0
      ? 'None are installed: they belong in the folder loras or Lora of DARKROOM_MODELS.'
      : offerNames(
          short,
          entries.map((known) => known.name),
        );
  throw new DarkroomError('not_found', `There is no LoRA ${name.slice(0, 100)}. ${offer}`);
}

/** By the file's place, size and time. */
const hashes = new Map<string, Promise<string>>();
const MOST_HASHES = 1000;

/** First 10 hex digits of the file's SHA-256, as Civitai and A1111 show it; computed once for a file that stays as it is. */
export async function hashOfFile(file: string): Promise<string> {
  const path = await realpath(file);
  const { size, mtimeMs } = await stat(path);
  const key = `${path} ${size} ${mtimeMs}`;
  const known = hashes.get(key) ?? hash(path);
  if (hashes.size >= MOST_HASHES) hashes.clear();
  hashes.set(key, known);
  known.catch(() => hashes.delete(key));
  return known;
}

async function hash(path: string): Promise<string> {
  const sha256 = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    sha256.update(chunk as Buffer);
  return sha256.digest('hex').slice(0, 10);
}
