/** Files of every kind, cut off in twenty places: each time one sentence that names the file, never an error of ours. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { temporaryFolder } from './forge.ts';
import { SPOILT } from './fuzz-files.ts';
import { reading } from './fuzz-reading.ts';

const PLACES = 20;

test('files of every kind that are cut off are refused with a sentence', async (t) => {
  const read = await reading();
  const file = join(await temporaryFolder(t), 'x.safetensors');
  const kinds = await SPOILT();
  assert.equal(kinds.length, 12);
  for (const [kind, bytes] of kinds) {
    await writeFile(file, bytes);
    await read(file);
    // Half of them within the first kilobytes, where most headers are; the last one lacks a single byte.
    const near = Math.min(bytes.length, 4096);
    const places = Array.from({ length: PLACES }, (_, i) =>
      i % 2 === 0
        ? Math.floor((near * i) / PLACES)
        : bytes.length - 1 - Math.floor(((bytes.length - 1) * (PLACES - 1 - i)) / PLACES),
    );
    for (const length of places) {
      await writeFile(file, bytes.subarray(0, length));
      await assert.rejects(
        read(file),
        (error) => {
          assert.ok(error instanceof DarkroomError && error.code !== 'internal', String(error));
          assert.match(error.message, /^x\.safetensors /);
          return true;
        },
        `${kind}, ${length} of ${bytes.length} bytes`,
      );
    }
  }
});
