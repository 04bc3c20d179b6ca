/** What outlives the process: one database, embedded or a server, and a place for pictures. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DarkroomError } from '../errors.ts';
import type { SettingsStore } from '../settings/store.ts';
import { createDeliveries, type DeliveryStore } from './deliveries.ts';
import { openEmbedded } from './embedded.ts';
import { createJobs, type JobStore } from './jobs.ts';
import { createMessages, type KeptMessage, type MessageStore } from './messages.ts';
import { migrate } from './migrate.ts';
import { createNotices, type MessageNotices } from './notices.ts';
import {
  createPictureRows,
  createPictures,
  openPictureFiles,
  type PictureBytes,
  type PictureStore,
} from './pictures.ts';
import { openServer } from './postgres.ts';
import { createSettings } from './settings.ts';
import type { Database } from './sql.ts';

export type { DeliveryRecord } from './deliveries.ts';
export type { JobRecord } from './jobs.ts';

export interface Store<Message extends KeptMessage> {
  readonly database: Database;
  readonly jobs: JobStore;
  readonly messages: MessageStore<Message>;
  /** Of messages that other processes change; absent where this one is alone with its database. */
  readonly notices?: MessageNotices;
  readonly pictures: PictureStore;
  readonly settings: SettingsStore;
  /** Where jobs' messages stand on their platforms, by job. */
  readonly deliveries: DeliveryStore;
  /** 32 random bytes, the same at every start and for every process on this database. */
  readonly secret: Uint8Array;
  /** Why nothing can be kept any more until the program starts anew; a server's trouble passes by itself. */
  readonly lost?: Promise<DarkroomError>;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** DARKROOM_DATA; made where it is not there yet. */
  readonly folder: string;
  /** DATABASE_URL; the embedded database in the folder where absent. */
  readonly url?: string | undefined;
  /** `files` of the folder, `rows` of the database (the default where it is a server), or `s3://bucket/prefix`. */
  readonly pictures?: string | undefined;
  /** Hears of connections that were lost while nobody used them. */
  readonly onError?: (error: unknown) => void;
}

/** @throws DarkroomError('misconfigured') that says what is in the way, and the way out */
export async function openStore<Message extends KeptMessage>({
  folder,
  url,
  pictures = url === undefined ? 'files' : 'rows',
  onError,
}: StoreOptions): Promise<Store<Message>> {
  const embedded = url === undefined ? await openEmbedded(folder) : undefined;
  const database = embedded ?? (await openServer({ url: url!, ...(onError && { onError }) }));
  try {
    await migrate(database);
    return {
      database,
      jobs: createJobs(database),
      messages: createMessages(database),
      ...(database.kind === 'server' && { notices: createNotices(database) }),
      pictures: createPictures(await openPlace(pictures, folder, database)),
      settings: createSettings(database),
      deliveries: createDeliveries(database),
      secret: await readSecret(database),
      ...(embedded && { lost: embedded.lost }),
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openPlace(place: string, folder: string, database: Database): Promise<PictureBytes> {
  if (place === 'rows') return createPictureRows(database);
  if (place.startsWith('s3:')) {
    // Loaded where it is used: it is large.
    const { openS3 } = await import('./s3.ts');
    return openS3(place);
  }
  await mkdir(folder, { recursive: true });
  return openPictureFiles(join(folder, 'pictures'));
}

async function readSecret(database: Database): Promise<Uint8Array> {
  // Several processes may start at once: the first one's is everybody's.
  await database.query(
    "insert into darkroom.secret (name, value) values ('cookies', $1) on conflict do nothing",
    [randomBytes(32)],
  );
  const [row] = await database.query<{ value: Uint8Array }>(
    "select value from darkroom.secret where name = 'cookies'",
  );
  return row!.value;
}
