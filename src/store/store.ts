/** What outlives the process: jobs, the web chat's messages, pictures, and the key that signs its cookies. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorCode } from '../errors.ts';
import type { JobState, Share } from '../job.ts';
import type { GenerationRequest } from '../request.ts';
import type { Change, SettingsStore } from '../settings/store.ts';
import { type Journal, openJournal } from './journal.ts';
import { openPictures, type PictureStore } from './pictures.ts';
import { createSettings } from './settings.ts';

/** A job as it is kept: enough to run it again after a restart, and for its buttons to work ever after. */
export interface JobRecord {
  readonly id: string;
  /** Milliseconds since 1970 when it was accepted. */
  readonly at: number;
  readonly owner: { readonly id: string; readonly name: string };
  readonly platform: string;
  readonly place: string;
  readonly request: GenerationRequest;
  /** Ids in the picture store by the reference that stands in the request. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly state: JobState;
  readonly notes: readonly string[];
  /** Finished pictures, picture i of seed + i. */
  readonly pictures: readonly { readonly id: string; readonly width: number; readonly height: number }[];
  /** Whose share of the GPU it takes; it goes with the job through a restart. */
  readonly share?: Share;
  /** From acceptance to picture. */
  readonly seconds?: number;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** The message that shows a job, on a platform that keeps its own messages. */
export interface DeliveryRecord {
  /** The job's id. */
  readonly id: string;
  readonly platform: string;
  readonly channel: string;
  readonly message: string;
}

export interface Store<Message extends { readonly id: string }> {
  readonly jobs: Journal<JobRecord>;
  readonly messages: Journal<Message>;
  readonly pictures: PictureStore;
  readonly settings: SettingsStore;
  /** Where jobs' messages stand on their platforms, by job. */
  readonly deliveries: Journal<DeliveryRecord>;
  /** 32 random bytes, the same at every start. */
  readonly secret: Uint8Array;
  close(): Promise<void>;
}

/** @param folder DARKROOM_DATA; made where it is not there yet */
export async function openStore<Message extends { readonly id: string }>(
  folder: string,
): Promise<Store<Message>> {
  await mkdir(folder, { recursive: true });
  const [jobs, messages, changes, deliveries, pictures, secret] = await Promise.all([
    openJournal<JobRecord>(join(folder, 'jobs.jsonl')),
    openJournal<Message>(join(folder, 'conversation.jsonl')),
    openJournal<Change>(join(folder, 'settings.jsonl')),
    openJournal<DeliveryRecord>(join(folder, 'deliveries.jsonl')),
    openPictures(join(folder, 'pictures')),
    openSecret(join(folder, 'secret')),
  ]);
  return {
    jobs,
    messages,
    pictures,
    settings: createSettings(changes),
    deliveries,
    secret,
    async close() {
      await Promise.all([jobs, messages, changes, deliveries].map((journal) => journal.close()));
    },
  };
}

async function openSecret(file: string): Promise<Uint8Array> {
  const kept = await readFile(file).catch(() => undefined);
  if (kept?.length === 32) return kept;
  const secret = randomBytes(32);
  await writeFile(file, secret, { mode: 0o600, flush: true });
  return secret;
}
