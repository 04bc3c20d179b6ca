import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineart, scribble } from '../../src/image/lines.ts';
import { casesOf, differing, readRaster } from './conditioning-goldens.ts';

const DRAW = { scribble, lineart };

test('lines are the ones that OpenCV draws by the same differences of Gaussians', async () => {
  for (const { image, kind, result } of casesOf<{ image: string; kind: keyof typeof DRAW; result: string }>(
    'lines',
  )) {
    const drawn = DRAW[kind](await readRaster(image));
    const golden = await readRaster(result);
    // Sums in another order may round a level, or a stroke's threshold, to the other side.
    assert.equal(differing(drawn, golden, kind === 'lineart' ? 1 : 0), 0, kind);
  }
});

test('a plain picture has no lines, whatever its size', () => {
  for (const [width, height] of [
    [1, 1],
    [2, 30],
    [64, 64],
  ] as const) {
    const data = new Uint8Array(width * height * 3).fill(200);
    for (const draw of Object.values(DRAW)) {
      assert.ok(draw({ data, width, height, channels: 3 }).data.every((level) => level === 0));
    }
  }
});

test('a dark pen stroke on paper is white on black', () => {
  const [width, height] = [64, 64];
  const data = new Uint8Array(width * height).fill(240);
  for (let y = 0; y < height; y++) data.fill(20, y * width + 31, y * width + 34);
  for (const draw of Object.values(DRAW)) {
    const drawn = draw({ data, width, height, channels: 1 }).data;
    assert.ok(drawn[32 * width + 32]! >= 100);
    assert.equal(drawn[32 * width + 4], 0);
  }
});
