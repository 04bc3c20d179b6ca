/** Files that people call by their names: LoRAs and embeddings, in the folders that other programs keep them in. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

export interface NamedFile {
  /** The file's name without its ending. */
  readonly name: string;
  /** As it was found; a link is followed when the file is opened. */
  readonly file: string;
}

export interface NamedFolders {
  /** Names of folders that hold them. */
  readonly folders: RegExp;
  /** In lower case, with the dot. */
  readonly endings: readonly string[];
  /** Such a folder may also lie beside a place: A1111 keeps `embeddings` beside `models`. */
  readonly beside?: boolean;
}

/** Far more files and folders than anybody has. */
const MOST = 20_000;
const DEEPEST = 6;

/** @param places folders that hold such folders or are one, or single files; the first of a name has it */
export async function listNamedFiles(
  places: readonly string[],
  { folders, endings, beside = false }: NamedFolders,
): Promise<NamedFile[]> {
  const found = new Map<string, NamedFile>();
  const add = (file: string) => {
    if (!endings.includes(extname(file).toLowerCase())) return;
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
    if (folders.test(basename(place))) await walk(place, 0);
    for (const around of beside ? [place, dirname(place)] : [place]) {
      const inside = await readdir(around).catch(() => []);
      for (const name of inside) if (folders.test(name)) await walk(join(around, name), 0);
    }
  }
  return [...found.values()];
}

const isDirectory = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
