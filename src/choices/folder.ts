/** Lists in text files of the operator: a line each, `#` for comments; a file's path without `.txt` is its name. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { decodeText } from '../decode-text.ts';
import { DarkroomError } from '../errors.ts';
import { type ListSource, linesOf } from './lists.ts';

const ENDING = '.txt';
/** Files in the folder, and bytes of one. */
const MOST_FILES = 10_000;
const MOST_BYTES = 2 ** 20;

/** @param folder undefined where the operator has none */
export function wildcardFolder(folder: string | undefined): ListSource {
  const names = async (): Promise<string[]> => {
    if (folder === undefined) return [];
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
      (cause: unknown) => {
        throw new DarkroomError(
          'misconfigured',
          'The folder of wildcards (DARKROOM_WILDCARDS) cannot be read.',
          {
            cause,
          },
        );
      },
    );
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(ENDING))
      .slice(0, MOST_FILES)
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1, -ENDING.length))
      .map((name) => name.replaceAll(sep, '/'));
  };
  return {
    names,
    async read(name) {
      // Only what was listed: a name of a prompt is never a path.
      if (folder === undefined || !(await names()).includes(name)) return undefined;
      const file = join(folder, `${name}${ENDING}`);
      const { size } = await stat(file);
      if (size > MOST_BYTES) {
        throw new DarkroomError(
          'too_large',
          `The wildcard ${name} is a file of ${size} bytes; the limit is ${MOST_BYTES}. Ask the operator to shorten it.`,
        );
      }
      return linesOf(decodeText(await readFile(file)));
    },
  };
}
