/** What the shell says of a model that takes a while to open. Its file is large, and nearly all of it is a hole. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MODELS } from '../engine/goldens.ts';
import { temporaryFolder } from '../models/forge.ts';
import { outcome } from './outcome.ts';

const bin = fileURLToPath(new URL('../../bin/darkroom.js', import.meta.url));
const EMBEDDING = 'text_model.embeddings.token_embedding.weight';

/** tiny-sd15 with so many bytes of embeddings of tokens. */
async function modelWith(t: TestContext, bytes: number): Promise<{ folder: string; model: string }> {
  const folder = await temporaryFolder(t);
  const model = join(folder, 'large');
  await cp(join(MODELS, 'tiny-sd15'), model, { recursive: true });
  const configFile = join(model, 'text_encoder/config.json');
  const config = JSON.parse(await readFile(configFile, 'utf8'));
  const rows = Math.ceil(bytes / (4 * config.hidden_size));
  await writeFile(configFile, JSON.stringify({ ...config, vocab_size: rows }));
  const file = join(model, 'text_encoder/model.safetensors');
  const stored = await readFile(file);
  const start = 8 + Number(stored.readBigUInt64LE());
  const header = JSON.parse(stored.subarray(8, start).toString());
  const end = stored.length - start;
  const size = 4 * rows * config.hidden_size;
  const [[, old]] = [Object.entries(header).find(([name]) => name === EMBEDDING)!] as [
    [string, { data_offsets: [number, number] }],
  ];
  // What was there stays as a tensor that nobody reads.
  header.unused = old;
  header[EMBEDDING] = { dtype: 'F32', shape: [rows, config.hidden_size], data_offsets: [end, end + size] };
  const written = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(written.length));
  await writeFile(file, Buffer.concat([length, written, stored.subarray(start)]));
  const handle = await open(file, 'r+');
  await handle.truncate(8 + written.length + end + size);
  await handle.close();
  return { folder, model };
}

async function darkroom(args: readonly string[], folder: string, env: object = {}) {
  const data = { DARKROOM_DATA: join(folder, 'data'), DARKROOM_CACHE_GB: '0' };
  const child = spawn(process.execPath, [bin, ...args], { env: { ...process.env, ...data, ...env } });
  return outcome(child);
}

test('imagine says what of a large model is loaded', async (t) => {
  const { folder, model } = await modelWith(t, 1e9);
  const given = ['--model', model, '--steps', '1', '--size', '64x64', '--progress', 'plain', '--out', folder];
  const { code, err } = await darkroom(['imagine', 'a mug', ...given], folder);
  assert.equal(code, 0, err);
  assert.match(err, /^Loading large, 0\.0 of 1\.0 GB$/m);
});

test('models prepare makes what a large part is opened with, in a data folder that is not there yet', async (t) => {
  const { folder, model } = await modelWith(t, 1.1e8);
  const prepared = await darkroom(['models', 'prepare', model], folder, { DARKROOM_CACHE_GB: '1' });
  assert.equal(prepared.code, 0, prepared.err + prepared.out);
  assert.deepEqual(prepared.out.trim().split('\n'), [
    `${model} textEncoder: kept`,
    ...['denoiser', 'vaeDecoder', 'vaeEncoder'].map((part) => `${model} ${part}: opens as fast without`),
  ]);
  const off = await darkroom(['models', 'prepare', model], folder, { DARKROOM_DATA: join(folder, 'other') });
  assert.equal(off.code, 1);
  assert.match(
    off.out,
    /textEncoder: not made: weights\/ in DARKROOM_DATA may not grow so far\. See DARKROOM_CACHE_GB/,
  );
});
