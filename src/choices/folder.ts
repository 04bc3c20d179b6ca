/** Lists in text files of the operator: a line each, `#` for comments; a file's path without `.txt` is its name. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { decodeText } from '../decode-text.ts';
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { type ListSource, linesOf } from './lists.ts';

const ENDING = '.txt';
/** Files in the folder, and bytes of one. */
const MOST_FILES = 10_000;
const MOST_BYTES = 2 ** 20;

/** @param folder undefined where the operator has none */
export const wildcardFolder =
  (folder: string | undefined): ListSource =>
  async () => {
    if (folder === undefined) return new Map();
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
      (cause: unknown) => {
        throw new DarkroomError('misconfigured', sentence('choices.no_folder'), {
          cause,
        });
      },
    );
    return new Map(
      entries
        .filter((entry) => entry.isFile() && entry.name.endsWith(ENDING))
        .slice(0, MOST_FILES)
        .map((entry) => {
          const file = join(entry.parentPath, entry.name);
          const name = file.slice(folder.length + 1, -ENDING.length).replaceAll(sep, '/');
          return [name, () => readLines(name, file)] as const;
        }),
    );
  };

async function readLines(name: string, file: string): Promise<string[]> {
  const { size } = await stat(file);
  if (size > MOST_BYTES) {
    throw new DarkroomError('too_large', sentence('choices.large_list', { name, size, limit: MOST_BYTES }));
  }
  return linesOf(decodeText(await readFile(file)));
}
