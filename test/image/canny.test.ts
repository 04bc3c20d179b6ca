import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canny } from '../../src/image/canny.ts';
import { casesOf, differing, readRaster } from './conditioning-goldens.ts';

interface Case {
  readonly image: string;
  readonly low: number;
  readonly high: number;
  readonly result: string;
}

for (const { image, low, high, result } of casesOf<Case>('canny')) {
  test(`edges of ${image} between ${low} and ${high} are OpenCV's, pixel for pixel`, async () => {
    assert.equal(differing(canny(await readRaster(image), { low, high }), await readRaster(result)), 0);
  });
}

test('a plain picture and a single pixel have no edges', () => {
  for (const size of [1, 2, 17]) {
    const data = new Uint8Array(size * size * 3).fill(90);
    assert.ok(canny({ data, width: size, height: size, channels: 3 }).data.every((level) => level === 0));
  }
});

test('1024x1024 takes under 100 ms of one core', () => {
  const side = 1024;
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => ((i >> 4) * 2654435761) >>> 24);
  const times = Array.from({ length: 8 }, () => {
    const started = process.cpuUsage();
    canny({ data, width: side, height: side, channels: 3 });
    // Time on a core, so that a busy machine does not count.
    return process.cpuUsage(started).user / 1000;
  });
  assert.ok(Math.min(...times) < 100, `${times}`);
});
