/** What `queue`, `config`, `people` and `backup` are carried out on: the store here, or through the door of the serve that holds it. */
import { userInfo } from 'node:os';
import type { ModelsPort } from '../../commands/ports.ts';
import { loadSettings } from '../../config/settings.ts';
import { createModels, foldersOf, indexFile } from '../installed-models.ts';
import { Dispatcher } from '../queue/dispatcher.ts';
import { Tickets } from '../queue/tickets.ts';
import { openStore, type Store } from '../store/store.ts';
import { askAtDoor, type Question, type Voice } from './door.ts';

export interface Operation extends Voice {
  readonly args: readonly string[];
  readonly store: Store<{ readonly id: string }>;
  readonly models: () => ModelsPort | Promise<ModelsPort>;
  /** Name of the one who asks, for the audit. */
  readonly asker: string;
  /** Whether nobody but this shell has the database open. */
  readonly isAlone: boolean;
  /** @returns whether there was such a job to cancel */
  cancel(job: string): Promise<boolean>;
  /** Aborted when the one who asked is gone. */
  readonly signal: AbortSignal;
}

/** @returns the exit code */
export type Operate = (operation: Operation) => Promise<number>;

const VOICE: Voice = {
  say: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`darkroom: ${text}\n`),
};

/** A container may run as a user whom the system has no name for. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * @param file settings file instead of darkroom.config.json
 * @throws DarkroomError('misconfigured') where another process holds the folder and does not answer
 */
export async function operate(
  verb: Question['verb'],
  args: readonly string[],
  file: string | undefined,
  work: Operate,
): Promise<number> {
  const { settings } = loadSettings(process.env, file);
  const { DARKROOM_DATA: folder, DATABASE_URL: url, DARKROOM_PICTURES: pictures } = settings;
  const asker = userName();
  if (url === undefined) {
    const code = await askAtDoor(folder, { verb, args, asker }, VOICE);
    if (code !== undefined) return code;
  }
  process.umask(0o077);
  // A store elsewhere is not asked for what nobody wants from it.
  const store = await openStore({ folder, url, ...(verb === 'backup' && { pictures }) });
  try {
    return await work({
      ...VOICE,
      ...{ args, store, asker },
      models: () =>
        createModels(foldersOf(settings), {
          ...{ index: indexFile(settings), detectors: settings.DARKROOM_DETECTORS, stays: false },
        }),
      isAlone: url === undefined,
      async cancel(job) {
        const onError = (error: unknown) => {
          throw error;
        };
        const tickets = await Tickets.open(store.database, { url, onError });
        return new Dispatcher(store.database, tickets).cancel(job).finally(() => tickets.close());
      },
      signal: new AbortController().signal,
    });
  } finally {
    await store.close();
  }
}
