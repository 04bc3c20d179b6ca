/** Pictures in S3, with Amazon's own client against a server that speaks like S3. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import S3rver from 's3rver';
import { openEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createPictures } from '../../src/store/pictures.ts';
import { openS3 } from '../../src/store/s3.ts';

test('pictures go to S3 and come back; a bucket that is not there is named', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'darkroom-s3-'));
  const options = { port: 0, address: '127.0.0.1', silent: true, directory };
  const server = new S3rver({ ...options, configureBuckets: [{ name: 'prints', configs: [] }] });
  const { port } = await server.run();
  const database = await openEmbedded(join(directory, 'data'));
  await migrate(database);
  t.after(async () => {
    await database.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
  });
  for (const address of ['s3://prints', 's3://prints/dark/room/']) {
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
