/** Pictures as files, each under a random id that says nothing and cannot be guessed. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface PictureStore {
  /** @param bytes an encoded picture, kept as it stands @returns its id, 32 hexadecimal digits */
  put(bytes: Uint8Array): Promise<string>;
  /** @returns undefined for an id that is not one, or whose picture is gone */
  get(id: string): Promise<Uint8Array | undefined>;
  remove(id: string): Promise<void>;
}

const ID = /^[0-9a-f]{32}$/;

/** @param folder made where it is not there yet */
export async function openPictures(folder: string): Promise<PictureStore> {
  await mkdir(folder, { recursive: true });
  const fileOf = (id: string) => join(folder, `${id}.png`);
  return {
    async put(bytes) {
      const id = randomBytes(16).toString('hex');
      // A job that is accepted must find its pictures after a power cut.
      await writeFile(fileOf(id), bytes, { flag: 'wx', flush: true });
      return id;
    },
    async get(id) {
      if (!ID.test(id)) return undefined;
      return readFile(fileOf(id)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
    },
    async remove(id) {
      if (ID.test(id)) await rm(fileOf(id), { force: true });
    },
  };
}
