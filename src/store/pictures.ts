/** Pictures, each under a random id that says nothing and cannot be guessed: as files, as rows, or in S3. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { Sql } from './sql.ts';

export interface PictureStore {
  /** @param bytes an encoded picture, kept as it stands @returns its id, 32 hexadecimal digits */
  put(bytes: Uint8Array): Promise<string>;
  /** @returns undefined for an id that is not one, or whose picture is gone */
  get(id: string): Promise<Uint8Array | undefined>;
  remove(id: string): Promise<void>;
}

/** Where a picture's bytes lie, by an id that is one. */
export interface PictureBytes {
  /** Durable when it resolves. */
  write(id: string, bytes: Uint8Array): Promise<void>;
  read(id: string): Promise<Uint8Array | undefined>;
  delete(id: string): Promise<void>;
}

const ID = /^[0-9a-f]{32}$/;

export function createPictures(place: PictureBytes): PictureStore {
  return {
    async put(bytes) {
      const id = randomBytes(16).toString('hex');
      await place.write(id, bytes);
      return id;
    },
    async get(id) {
      return ID.test(id) ? place.read(id) : undefined;
    },
    async remove(id) {
      if (ID.test(id)) await place.delete(id);
    },
  };
}

/** @param folder made where it is not there yet */
export async function openPictureFiles(folder: string): Promise<PictureBytes> {
  await mkdir(folder, { recursive: true });
  const fileOf = (id: string) => join(folder, `${id}.png`);
  return {
    // A job that is accepted must find its pictures after a power cut.
    async write(id, bytes) {
      try {
        await writeFile(fileOf(id), bytes, { flag: 'wx', flush: true });
      } catch (cause) {
        await rm(fileOf(id), { force: true });
        const { code } = cause as NodeJS.ErrnoException;
        if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause;
        throw new DarkroomError(
          'internal',
          'The disk for pictures is full. Ask again when the operator has freed some of it.',
          { cause },
        );
      }
    },
    read: (id) =>
      readFile(fileOf(id)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
    delete: (id) => rm(fileOf(id), { force: true }),
  };
}

/** In the database, where machines share nothing else. */
export function createPictureRows(sql: Sql): PictureBytes {
  return {
    async write(id, bytes) {
      await sql.query('insert into darkroom.picture (id, png) values ($1, $2)', [id, bytes]);
    },
    async read(id) {
      const [row] = await sql.query<{ png: Uint8Array }>('select png from darkroom.picture where id = $1', [
        id,
      ]);
      return row?.png;
    },
    async delete(id) {
      await sql.query('delete from darkroom.picture where id = $1', [id]);
    },
  };
}
