/** Pictures in S3, with Amazon's own client against a server that speaks like S3. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createPictures } from '../../src/store/pictures.ts';
import { openS3 } from '../../src/store/s3.ts';
import { startS3 } from './s3-server.ts';

test('pictures go to S3 and come back; a bucket that does not exist is named', async (t) => {
  const s3 = await startS3();
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-s3-'));
  const database = await openEmbedded(folder);
  await migrate(database);
  t.after(async () => {
    await database.close();
    await s3.close();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const address of [s3.address, `${s3.address}/dark/room/`]) {
    const pictures = createPictures(await openS3(address), database);
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
    const id = await pictures.put(bytes, { job: 'j', kind: 'result' });
    assert.deepEqual(await pictures.get(id), bytes);
    await pictures.remove(id);
    assert.equal(await pictures.get(id), undefined);
  }
  await assert.rejects(openS3('s3://nosuch/prints'), { code: 'misconfigured', message: /bucket nosuch/ });
  await assert.rejects(openS3('s3:/prints'), { code: 'misconfigured', message: /s3:\/\/bucket\/prefix/ });
});
