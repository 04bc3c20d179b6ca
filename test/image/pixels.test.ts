import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { decodeFitted, encodePng } from '../../src/image/pixels.ts';
import { encodePreview } from '../../src/image/preview.ts';

const plain = (width: number, height: number, background: object, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background } });

/** RGB of one pixel, 0 to 255. */
function pixelAt(nchw: Float32Array, width: number, height: number, x: number, y: number): number[] {
  return [0, 1, 2].map((c) => Math.round((nchw[c * width * height + y * width + x]! + 1) * 127.5));
}

test('a picture of the right size comes back exactly', async () => {
  const rgb = Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => (i * 37) % 256);
  const nchw = await decodeFitted(await encodePng(rgb, 24, 16), 24, 16);
  assert.equal(nchw.length, 3 * 24 * 16);
  assert.deepEqual(pixelAt(nchw, 24, 16, 5, 7), [...rgb.subarray((7 * 24 + 5) * 3, (7 * 24 + 5) * 3 + 3)]);
  const back = Uint8Array.from(rgb, (_, i) =>
    Math.round((nchw[(i % 3) * 384 + Math.floor(i / 3)]! + 1) * 127.5),
  );
  assert.deepEqual(back, rgb);
});

test('covers the size and cuts evenly', async () => {
  const red = await plain(40, 40, { r: 255, g: 0, b: 0 }).png().toBuffer();
  const wide = await plain(120, 40, { r: 0, g: 0, b: 255 })
    .composite([{ input: red, left: 40, top: 0 }])
    .png()
    .toBuffer();
  const nchw = await decodeFitted(wide, 16, 16);
  for (const [x, y] of [
    [4, 4],
    [8, 8],
    [11, 11],
  ] as const) {
    assert.deepEqual(pixelAt(nchw, 16, 16, x, y), [255, 0, 0]);
  }
});

test('turns the picture as EXIF asks', async () => {
  const top = await plain(16, 8, { r: 0, g: 255, b: 0 }).png().toBuffer();
  const upright = plain(16, 16, { r: 0, g: 0, b: 0 }).composite([{ input: top, left: 0, top: 0 }]);
  // Orientation 6: the file's top row is the picture's right side.
  const turned = await sharp(await upright.png().toBuffer())
    .withMetadata({ orientation: 6 })
    .png()
    .toBuffer();
  const nchw = await decodeFitted(turned, 16, 16);
  assert.deepEqual(pixelAt(nchw, 16, 16, 14, 8), [0, 255, 0]);
  assert.deepEqual(pixelAt(nchw, 16, 16, 2, 8), [0, 0, 0]);
});

test('alpha lies on white; grey, 16 bit and CMYK become sRGB', async () => {
  const clear = await plain(8, 8, { r: 0, g: 0, b: 0, alpha: 0 }, 4).png().toBuffer();
  assert.deepEqual(pixelAt(await decodeFitted(clear, 8, 8), 8, 8, 4, 4), [255, 255, 255]);
  const grey = await plain(8, 8, { r: 90, g: 90, b: 90 }).toColourspace('b-w').png().toBuffer();
  assert.deepEqual(pixelAt(await decodeFitted(grey, 8, 8), 8, 8, 4, 4), [90, 90, 90]);
  const deep = await plain(8, 8, { r: 200, g: 100, b: 50 }).toColourspace('rgb16').png().toBuffer();
  assert.equal((await sharp(deep).metadata()).depth, 'ushort');
  assert.deepEqual(pixelAt(await decodeFitted(deep, 8, 8), 8, 8, 4, 4), [200, 100, 50]);
  const cmyk = await plain(8, 8, { r: 250, g: 10, b: 10 }).toColourspace('cmyk').jpeg().toBuffer();
  assert.equal((await sharp(cmyk).metadata()).space, 'cmyk');
  const [r, g, b] = pixelAt(await decodeFitted(cmyk, 8, 8), 8, 8, 4, 4);
  assert.ok(r! > 180 && g! < 90 && b! < 90, `${r} ${g} ${b}`);
});

test('bytes that are no picture are refused', async () => {
  await assert.rejects(decodeFitted(Buffer.from('rubbish'), 8, 8), DarkroomError);
});

test('a preview is a small PNG with the same pixels', async () => {
  const rgb = Uint8Array.from({ length: 8 * 4 * 3 }, (_, i) => i);
  const { data, info } = await sharp(await encodePreview(rgb, 8, 4))
    .raw()
    .toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [8, 4]);
  assert.deepEqual(new Uint8Array(data), rgb);
});
