import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import sharp from 'sharp';
import { writePngText } from '../../src/image/png-text.ts';
import { provenanceXmp, XMP } from '../../src/image/provenance.ts';
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

test('what a picture says of its origin is XMP that other readers find, in the PNG and in the WebP of it', async () => {
  const side = 96;
  const raw = { width: side, height: side, channels: 3 } as const;
  const plain = await sharp(randomBytes(side * side * 3), { raw })
    .png()
    .toBuffer();
  for (const [isEdit, type] of [
    [false, 'trainedAlgorithmicMedia'],
    [true, 'compositeWithTrainedAlgorithmicMedia'],
  ] as const) {
    const png = writePngText(plain, { parameters: 'a secret', [XMP]: provenanceXmp(isEdit) });
    const webp = await shrinkPicture(png, plain.length * 0.6);
    for (const file of [png, webp!]) {
      const { xmpAsString } = await sharp(file).metadata();
      assert.match(
        xmpAsString ?? '',
        new RegExp(`DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/${type}"`),
      );
      assert.equal(Buffer.from(file).includes('a secret'), file === png);
    }
  }
});
