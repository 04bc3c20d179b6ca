/**
 * Packs the embedded database as it is before its first use, schema and all, into src/store/empty-database.zst.
 * To be run when PGlite, pg-boss or a migration has changed: `node scripts/make-empty-database.ts`.
 */
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from '../src/queue/queue.ts';
import { openEmbedded } from '../src/store/embedded.ts';
import { PACKED, type PackedFile, packFiles } from '../src/store/empty.ts';
import { migrate } from '../src/store/migrate.ts';

const folder = mkdtempSync(join(tmpdir(), 'darkroom-empty-'));
const database = await openEmbedded(folder, { isMadeAnew: true });
await migrate(database);
const queue = await Queue.open({
  database,
  onError: (error) => {
    throw error;
  },
});
await queue.close();
await database.query('checkpoint');
await database.close();

const root = join(folder, 'database');
const files = globSync('**/*', { cwd: root })
  .sort()
  .filter((path) => path !== 'postmaster.pid')
  .map((path): PackedFile => {
    const isFolder = statSync(join(root, path)).isDirectory();
    const name = path.replaceAll('\\', '/');
    return isFolder
      ? { path: `${name}/`, bytes: new Uint8Array() }
      : { path: name, bytes: readFileSync(join(root, path)) };
  });
const packed = packFiles(files);
writeFileSync(PACKED, packed);
rmSync(folder, { recursive: true });
const total = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
console.log(`${files.length} files, ${total} bytes, packed ${packed.length}`);
