/**
 * Pictures, each under a random id that says nothing and cannot be guessed: as files, as rows, or in S3. Each belongs
 * to one job and goes with it. The table darkroom.picture knows them all: a row is written before the bytes and
 * deleted after them, so that a crash leaves nothing behind that nobody knows of.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { sentence } from '../sentences.ts';
import type { Sql } from './sql.ts';

/** The job that a picture belongs to: uploaded for it, or made by it. */
export interface PictureOwner {
  /** The job's id; it may be submitted later. */
  readonly job: string;
  readonly kind: 'input' | 'result';
}

export interface PictureStore {
  /** @param bytes an encoded picture, stored as it is @returns its id, 32 hexadecimal digits */
  put(bytes: Uint8Array, owner: PictureOwner): Promise<string>;
  /** @returns undefined for an id that is not one, or whose picture is gone */
  get(id: string): Promise<Uint8Array | undefined>;
  remove(id: string): Promise<void>;
  /** Removes all pictures of a job: of one that was refused, so that it was never submitted. */
  removeOf(job: string): Promise<void>;
  /**
   * Removes the pictures that have gone with their job: cancelled, deleted or expired.
   * @returns how many
   */
  removeCondemned(): Promise<number>;
  /**
   * Pictures that were uploaded for a job which does not exist (yet).
   * @returns their ids
   */
  listUnclaimed(): Promise<string[]>;
}

/** Where a picture's bytes are, by an id that is one. */
export interface PictureBytes {
  /** Durable when it resolves. */
  write(id: string, bytes: Uint8Array): Promise<void>;
  read(id: string): Promise<Uint8Array | undefined>;
  delete(id: string): Promise<void>;
}

const ID = /^[0-9a-f]{32}$/;
/** Pictures that are removed between two looks for more. */
const BATCH = 100;

export function createPictures(bytesOf: PictureBytes, sql: Sql): PictureStore {
  const removeAll = async (ids: readonly string[]) => {
    await Promise.all(ids.map((id) => bytesOf.delete(id)));
    await sql.query('delete from darkroom.picture where id = any($1)', [ids]);
  };
  const idsOf = async (text: string, values: readonly unknown[] = []) =>
    (await sql.query<{ id: string }>(text, values)).map(({ id }) => id);
  return {
    async put(bytes, { job, kind }) {
      const id = randomBytes(16).toString('hex');
      await sql.query('insert into darkroom.picture (id, job, kind) values ($1, $2, $3)', [id, job, kind]);
      try {
        await bytesOf.write(id, bytes);
      } catch (error) {
        await removeAll([id]).catch(() => undefined);
        throw error;
      }
      return id;
    },
    async get(id) {
      return ID.test(id) ? bytesOf.read(id) : undefined;
    },
    async remove(id) {
      if (ID.test(id)) await removeAll([id]);
    },
    async removeOf(job) {
      await removeAll(await idsOf('select id from darkroom.picture where job = $1', [job]));
    },
    async removeCondemned() {
      for (let removed = 0; ; ) {
        const ids = await idsOf(`select id from darkroom.picture where is_condemned limit ${BATCH}`);
        if (ids.length === 0) return removed;
        await removeAll(ids);
        removed += ids.length;
      }
    },
    listUnclaimed: () =>
      idsOf(
        'select id from darkroom.picture p where not exists (select from darkroom.job j where j.id = p.job)',
      ),
  };
}

/** @param folder made where it is missing */
export async function openPictureFiles(folder: string): Promise<PictureBytes> {
  await makeFolder(folder, 0o700);
  const fileOf = (id: string) => join(folder, `${id}.png`);
  return {
    // A job that was accepted must find its pictures after a power cut.
    async write(id, bytes) {
      try {
        await writeFile(fileOf(id), bytes, { flag: 'wx', flush: true, mode: 0o600 });
      } catch (cause) {
        await rm(fileOf(id), { force: true });
        const { code } = cause as NodeJS.ErrnoException;
        if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause;
        throw new DarkroomError('internal', sentence('picture.disk_full'), { cause });
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

/** In the database, for machines that share no disk. */
export function createPictureRows(sql: Sql): PictureBytes {
  return {
    async write(id, bytes) {
      await sql.query('insert into darkroom.picture_bytes (id, bytes) values ($1, $2)', [id, bytes]);
    },
    async read(id) {
      const [row] = await sql.query<{ bytes: Uint8Array }>(
        'select bytes from darkroom.picture_bytes where id = $1',
        [id],
      );
      return row?.bytes;
    },
    async delete(id) {
      await sql.query('delete from darkroom.picture_bytes where id = $1', [id]);
    },
  };
}
