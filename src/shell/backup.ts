/** `darkroom backup`: all that the store holds, in one file. */
import { resolve } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { writeBackup } from '../store/backup/backup.ts';
import { type Operate, operate } from './operator.ts';
import { counted, readOptions, UsageError, type Verb } from './verb.ts';

export const backup: Verb = {
  summary: 'conversation, jobs, settings, people and pictures in one file',
  help: `darkroom backup FILE.tar [--config FILE]

Writes everything that Darkroom stores into FILE.tar: the database as it is at this moment, and the pictures, wherever
DARKROOM_PICTURES has them. FILE.tar must not exist; it is readable only for you, and holds people's words and pictures.
Not in it: models, and your settings (environment, darkroom.config.json).
A running darkroom serve need not be stopped: where it holds the data folder, it writes the file.
darkroom restore FILE.tar brings everything back, also into another kind of database.`,

  async run(args) {
    const { file, config } = readOrder(args);
    // The process that writes it may run in another folder.
    return operate('backup', [resolve(file)], config, operateBackup);
  },
};

export const operateBackup: Operate = async ({ args, store, say, signal }) => {
  const { file } = readOrder(args);
  const { database, pictures } = store;
  const made = await writeBackup(file, { database, pictures, release: packageJson.version, signal });
  const gone =
    made.missing === 0 ? '' : `; ${made.missing} were deleted while it was written, and are not in it`;
  say(
    `${file}: ${counted(made.rows, 'row')} and ${counted(made.pictures, 'picture')}${gone}, ${(made.bytes / 1e6).toFixed(1)} MB. Models are not part of it.`,
  );
  return 0;
};

function readOrder(args: readonly string[]) {
  const { values, positionals } = readOptions(args, {}, { positionals: 1 });
  const [file] = positionals;
  if (file === undefined) throw new UsageError('The file is missing: darkroom backup FILE.tar.');
  return { file, config: values.config };
}
