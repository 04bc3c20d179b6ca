/** What outlives the process: one database, embedded or a server, and the pictures. */
import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DarkroomError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { SettingsStore } from '../settings/store.ts';
import { createRetentionClock, type RetentionClock } from './clock.ts';
import { createDeliveries, type DeliveryStore } from './deliveries.ts';
import { openEmbedded } from './embedded.ts';
import { createGallery, type GalleryStore } from './gallery.ts';
import { createJobs, type JobStore } from './jobs.ts';
import { createMessages, type MessageStore, type StoredMessage } from './messages.ts';
import { migrate } from './migrate.ts';
import { createNotices, type MessageNotices } from './notices.ts';
import { createPeople, type PeopleStore } from './people.ts';
import {
  createPictureRows,
  createPictures,
  openPictureFiles,
  type PictureBytes,
  type PictureStore,
} from './pictures.ts';
import { openServer } from './postgres.ts';
import { createReviews, type ReviewStore } from './reviews.ts';
import { createSettings } from './settings.ts';
import type { Database, Sql } from './sql.ts';
import { createUsage, type UsageStore } from './usage.ts';

export interface Store<Message extends StoredMessage> {
  readonly database: Database;
  readonly jobs: JobStore;
  readonly messages: MessageStore<Message>;
  /** Notices of messages that other processes change; absent where no other process has the database open. */
  readonly notices?: MessageNotices;
  readonly pictures: PictureStore;
  /** Names and roles of the web chat. */
  readonly people: PeopleStore;
  readonly settings: SettingsStore;
  /** Finished pictures as they are searched, and stars. */
  readonly gallery: GalleryStore;
  /** Sums of what was used. */
  readonly usage: UsageStore;
  /** Pictures that wait for a reviewer. */
  readonly reviews: ReviewStore;
  /** When retention may delete what is old. */
  readonly clock: RetentionClock;
  /** Where jobs' messages are on their platforms, by job. */
  readonly deliveries: DeliveryStore;
  /** 32 random bytes, the same at every start and for every process on this database. */
  readonly secret: Uint8Array;
  /** Resolves where nothing can be stored until the program is restarted. A server recovers by itself. */
  readonly lost?: Promise<DarkroomError>;
  /** Whether jobs and pictures can be stored now. Asked often, it looks once a second. */
  isWritable(): Promise<boolean>;
  close(): Promise<void>;
}

interface StoreOptions {
  /** DARKROOM_DATA; made where it is missing. */
  readonly folder: string;
  /** DATABASE_URL; the embedded database in the folder where absent. */
  readonly url?: string | undefined;
  /** `files` of the folder, `rows` of the database (the default where it is a server), or `s3://bucket/prefix`. */
  readonly pictures?: string | undefined;
  /** Called for connections that were lost while idle. */
  readonly onError?: (error: unknown) => void;
}

/** @throws DarkroomError('misconfigured') that says what is wrong, and what to do */
export async function openStore<Message extends StoredMessage>({
  folder,
  url,
  pictures = defaultPlace(url),
  onError,
}: StoreOptions): Promise<Store<Message>> {
  const embedded = url === undefined ? await openEmbedded(folder) : undefined;
  const database = embedded ?? (await openServer({ url: url!, ...(onError && { onError }) }));
  try {
    await migrate(database);
    const stored = createPictures(await openPictureBytes(pictures, folder, database), database);
    return {
      database,
      jobs: createJobs(database, stored),
      messages: createMessages(database),
      ...(database.kind === 'server' && { notices: createNotices(database) }),
      pictures: stored,
      people: createPeople(database),
      clock: createRetentionClock(database),
      settings: createSettings(database),
      gallery: createGallery(database),
      usage: createUsage(database),
      reviews: createReviews(database, stored),
      deliveries: createDeliveries(database),
      secret: await readSecret(database),
      ...(embedded && { lost: embedded.lost }),
      isWritable: createWriteCheck(database, folder),
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Where pictures lie, where no setting says so. */
export const defaultPlace = (url: string | undefined) => (url === undefined ? 'files' : 'rows');

/** @param database where pictures are rows of it */
export async function openPictureBytes(place: string, folder: string, database: Sql): Promise<PictureBytes> {
  if (place === 'rows') return createPictureRows(database);
  if (place.startsWith('s3:')) {
    // Large: loaded only where it is used.
    const { openS3 } = await import('./s3.ts');
    return openS3(place);
  }
  await makeFolder(folder, 0o700);
  return openPictureFiles(join(folder, 'pictures'));
}

async function readSecret(database: Database): Promise<Uint8Array> {
  // Several processes may start at once: all use the first one's.
  await database.query(
    "insert into darkroom.secret (name, value) values ('cookies', $1) on conflict do nothing",
    [randomBytes(32)],
  );
  const [row] = await database.query<{ value: Uint8Array }>(
    "select value from darkroom.secret where name = 'cookies'",
  );
  return row!.value;
}

/** Bytes without which the next picture may find no room. */
const LEAST_SPACE = 8 * 2 ** 20;
/** Milliseconds for which an answer is good. */
const FRESH = 1000;

function createWriteCheck(database: Database, folder: string): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    try {
      await database.query("update darkroom.counter set count = count where name = 'retries'");
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize >= LEAST_SPACE;
    } catch (error) {
      // Where all is stored elsewhere there may be no folder.
      return database.kind === 'server' && (error as NodeJS.ErrnoException).code === 'ENOENT';
    }
  };
  return () => {
    if (answer === undefined || performance.now() - askedAt > FRESH) {
      askedAt = performance.now();
      answer = look();
    }
    return answer;
  };
}
