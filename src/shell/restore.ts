/** `darkroom restore`: what `darkroom backup` wrote, in the place of what is stored. */
import { loadSettings } from '../../config/settings.ts';
import { Tickets } from '../queue/tickets.ts';
import { restoreBackup } from '../store/backup/restore.ts';
import { openEmbedded } from '../store/embedded.ts';
import { openServer } from '../store/postgres.ts';
import { defaultPlace, openPictureBytes } from '../store/store.ts';
import { counted, readOptions, UsageError, type Verb } from './verb.ts';

export const restore: Verb = {
  summary: 'what darkroom backup wrote, into this data folder or database',
  help: `darkroom restore FILE.tar [--replace] [--config FILE]

Reads the whole file and compares it with its SHA-256 sums, then restores it: all of it or nothing. Stop Darkroom first.
It is restored into the database and the place for pictures that the settings name now, whatever they were when it was
written. Jobs that had not ended are drawn at the next start.
  --replace      deletes the data that is there; without it, a database with data is refused`,

  async run(args) {
    const { values, positionals } = readOptions(args, { replace: { type: 'boolean' } }, { positionals: 1 });
    const [file] = positionals;
    if (file === undefined) throw new UsageError('The file is missing: darkroom restore FILE.tar.');
    const { settings } = loadSettings(process.env, values.config);
    const { DARKROOM_DATA: folder, DATABASE_URL: url } = settings;
    const place = settings.DARKROOM_PICTURES ?? defaultPlace(url);
    process.umask(0o077);
    const database = url === undefined ? await openEmbedded(folder) : await openServer({ url });
    try {
      const onError = (error: unknown) => {
        throw error;
      };
      const tickets = await Tickets.open(database, { url, onError });
      const restored = await restoreBackup(file, {
        ...{ database, replace: values.replace === true },
        bytesIn: (sql) => openPictureBytes(place, folder, sql),
        issue: (tx, count) => tickets.reissue(tx, count),
      }).finally(() => tickets.close());
      const waiting =
        restored.waiting === 0
          ? ''
          : ` Waiting: ${counted(restored.waiting, 'job')}, to be drawn at the next start.`;
      process.stdout.write(
        `Restored ${counted(restored.rows, 'row')} and ${counted(restored.pictures, 'picture')} of ${restored.at}, written by Darkroom ${restored.release}.${waiting}\n`,
      );
      return 0;
    } finally {
      await database.close();
    }
  },
};
