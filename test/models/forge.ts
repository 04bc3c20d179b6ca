/** Makes model folders and weight files to order, good and bad, in a temporary folder. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

export const FIXTURES = join(import.meta.dirname, '../golden/fixtures/models');

export interface ForgedTensor {
  dtype: string;
  shape: readonly unknown[];
  data_offsets: readonly unknown[];
}

/** A temporary folder that goes when the test ends. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of one of the tiny models, to be spoilt. */
export async function copyModel(t: TestContext, name: string): Promise<string> {
  const folder = join(await temporaryFolder(t), name);
  await cp(join(FIXTURES, name), folder, { recursive: true });
  return folder;
}

/** The bytes of a safetensors file; `header` as text may say anything. */
export function safetensors(
  header: string | Record<string, unknown>,
  dataBytes: number,
  claimed?: bigint,
): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

export async function write(file: string, content: string | Buffer): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}
