import assert from 'node:assert/strict';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensorsFile } from '../../src/models/safetensors.ts';
import { readWeights } from '../../src/models/weights.ts';
import { safetensors, temporaryFolder, write } from './forge.ts';

const f32 = (shape: unknown[], begin: unknown, end: unknown) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

test('tensors are listed with their place in the file', async (t) => {
  const header = {
    __metadata__: { format: 'pt' },
    b: f32([2], 12, 20),
    a: f32([3, 1], 0, 12),
    e: f32([0], 20, 20),
  };
  const bytes = safetensors(header, 20);
  const { tensors } = await readSafetensorsFile(
    await write(join(await temporaryFolder(t), 'w.safetensors'), bytes),
  );
  assert.deepEqual([...tensors.keys()], ['b', 'a', 'e']);
  const { offset, length, shape, dtype } = tensors.get('b')!;
  assert.deepEqual(
    { offset, length, shape, dtype },
    { offset: bytes.length - 8, length: 8, shape: [2], dtype: 'F32' },
  );
});

const HOSTILE: [string, Buffer, RegExp][] = [
  ['an empty file', Buffer.alloc(0), /0 bytes, fewer than/],
  [
    'a header beyond the file',
    safetensors('{}', 0, 1_000n),
    /was cut off: it has 10 bytes and ends within its header\. Download/,
  ],
  ['a header of 2^63 bytes', safetensors('{}', 0, 2n ** 63n), /100 MB is the limit/],
  ['a header that is no JSON', safetensors('{"a":', 0), /not valid JSON/],
  ['a header that is a list', safetensors('[]', 0), /not a JSON object/],
  [
    'numbers of four bits that end within a byte',
    safetensors({ a: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } }, 2),
    /a is F4 \[3\], 1\.5 bytes, but takes up 2/,
  ],
  [
    'an unknown type',
    safetensors({ a: { dtype: 'F12', shape: [1], data_offsets: [0, 4] } }, 4),
    /a has the unknown type "F12"/,
  ],
  [
    'a type from the prototype',
    safetensors({ a: { dtype: 'constructor', shape: [1], data_offsets: [0, 4] } }, 4),
    /unknown type/,
  ],
  [
    'a shape that disagrees with the bytes',
    safetensors({ a: f32([3], 0, 8) }, 8),
    /a is F32 \[3\], 12 bytes, but takes up 8/,
  ],
  ['a shape that overflows', safetensors({ a: f32([2 ** 40, 2 ** 40], 0, 8) }, 8), /takes up 8/],
  ['a negative shape', safetensors({ a: f32([-1], 0, 8) }, 8), /no shape/],
  ['a shape with a fraction', safetensors({ a: f32([0.5], 0, 2) }, 2), /no shape/],
  [
    'offsets that leave the file',
    safetensors({ a: f32([2], 0, 8) }, 4),
    /was cut off: it has 66 of 70 bytes/,
  ],
  ['offsets that run backwards', safetensors({ a: f32([1], 8, 4) }, 8), /lies outside the file/],
  ['offsets that are words', safetensors({ a: f32([1], '0', '4') }, 4), /no pair of offsets/],
  ['tensors that overlap', safetensors({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), /b overlaps another/],
  [
    'a gap',
    safetensors({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
    /4 bytes before b belong to no tensor/,
  ],
  ['bytes at the end', safetensors({ a: f32([1], 0, 4) }, 12), /last 8 bytes belong to no tensor/],
  [
    'a name that stands twice',
    safetensors(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
    ),
    /names a twice/,
  ],
];

for (const [what, bytes, message] of HOSTILE) {
  test(`${what} is refused`, async (t) => {
    const file = await write(join(await temporaryFolder(t), 'w.safetensors'), bytes);
    await assert.rejects(readSafetensorsFile(file), { code: 'bad_model', message });
  });
}

test('a truncated file is refused before its tensors are read', async (t) => {
  const file = await write(
    join(await temporaryFolder(t), 'w.safetensors'),
    safetensors({ a: f32([25], 0, 100) }, 100),
  );
  await truncate(file, 120);
  await assert.rejects(readSafetensorsFile(file), {
    code: 'bad_model',
    message: /was cut off: it has 120 of 165 bytes/,
  });
});

test('a header whose length begins as a pickle does is no pickle', async (t) => {
  for (const length of [0x80, 0x280, 0x9280]) {
    const header = JSON.stringify({ a: f32([1], 0, 4) }).padEnd(length);
    const file = await write(join(await temporaryFolder(t), 'w.safetensors'), safetensors(header, 4));
    assert.deepEqual([...(await readWeights(file)).tensors.keys()], ['a']);
  }
});
