import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { drawGrid } from '../../src/image/grid.ts';
import { decodeRgb, encodePng } from '../../src/image/pixels.ts';

const plain = (level: number, width = 24, height = 16) =>
  encodePng(new Uint8Array(width * height * 3).fill(level), width, height);

test('four pictures lie two by two with a gap between them', async () => {
  const { png, width, height } = await drawGrid(
    await Promise.all([40, 80, 120, 160].map((level) => plain(level))),
  );
  assert.deepEqual([width, height], [56, 40]);
  const grid = await decodeRgb(png);
  assert.deepEqual([grid.width, grid.height], [56, 40]);
  const at = (x: number, y: number) => grid.data[(y * 56 + x) * 3];
  assert.deepEqual(
    [at(0, 0), at(23, 15), at(24, 0), at(31, 0), at(32, 0), at(55, 15)],
    [40, 40, 0, 0, 80, 80],
  );
  assert.deepEqual([at(0, 16), at(0, 24), at(23, 39), at(32, 24), at(55, 39)], [0, 120, 120, 160, 160]);
});

test('each number of pictures is laid out nearly square', async () => {
  const shapes = [
    [1, 24, 16],
    [2, 56, 16],
    [3, 56, 40],
    [5, 88, 40],
    [8, 88, 64],
  ] as const;
  for (const [count, width, height] of shapes) {
    const grid = await drawGrid(await Promise.all(Array.from({ length: count }, () => plain(90))));
    assert.deepEqual([grid.width, grid.height], [width, height], `${count} pictures`);
  }
});

test('pictures of two sizes, and none at all, are the caller’s mistake', async () => {
  await assert.rejects(drawGrid([await plain(1), await plain(2, 8, 8)]), DarkroomError);
  await assert.rejects(drawGrid([]), DarkroomError);
});
