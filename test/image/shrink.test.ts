import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import sharp from 'sharp';
import { shrinkPicture } from '../../src/image/shrink.ts';

test('a picture that fits is left alone, a larger one becomes a WebP that fits', async () => {
  const side = 96;
  const raw = { width: side, height: side, channels: 3 } as const;
  const png = await sharp(randomBytes(side * side * 3), { raw })
    .png()
    .toBuffer();
  assert.equal(await shrinkPicture(png, png.length), png);
  const small = await shrinkPicture(png, png.length * 0.6);
  assert.ok(small !== undefined && small.length <= png.length * 0.6);
  const { format, width } = await sharp(small).metadata();
  assert.deepEqual([format, width], ['webp', side]);
  assert.equal(await shrinkPicture(png, 10), undefined);
});
