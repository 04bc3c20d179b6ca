/** The LoRA files of this machine by name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { DarkroomError, offerNames } from '../../errors.ts';

export interface LoraEntry {
  /** The file's name without its ending. */
  readonly name: string;
  /** As it was found; a link is followed when the file is opened. */
  readonly file: string;
}

/** Folders of LoRAs in A1111's, Forge's and ComfyUI's layouts. */
const FOLDERS = /^(?:loras?|lycoris)$/i;
const ENDINGS = ['.safetensors'];
/** Far more files and folders than anybody has. */
const MOST = 20_000;
const DEEPEST = 6;

/**
 * All LoRAs in the folders `loras` and `Lora` of these folders, or in those folders themselves; the first of a name has it.
 * @param places folders, or single files that somebody named
 */
export async function listLoras(places: readonly string[]): Promise<LoraEntry[]> {
  const found = new Map<string, LoraEntry>();
  const add = (file: string) => {
    if (!ENDINGS.includes(extname(file).toLowerCase())) return;
    const name = basename(file, extname(file));
    if (!found.has(name)) found.set(name, { name, file });
  };
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.size >= MOST) return;
      const path = join(folder, entry.name);
      const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await isDirectory(path)));
      if (!isFolder) add(path);
      else if (depth < DEEPEST) await walk(path, depth + 1);
    }
  };
  for (const place of places) {
    if (!(await isDirectory(place))) {
      add(place);
      continue;
    }
    const inside = await readdir(place).catch(() => []);
    const folders = FOLDERS.test(basename(place))
      ? [place]
      : inside.filter((name) => FOLDERS.test(name)).map((name) => join(place, name));
    for (const folder of folders) await walk(folder, 0);
  }
  return [...found.values()];
}

/**
 * @param name a file that is one of the places, or, as A1111 takes it, of a file, in any case
 * @throws DarkroomError('not_found') that offers the nearest names
 */
export function loraNamed(name: string, entries: readonly LoraEntry[]): LoraEntry {
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

const isDirectory = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
