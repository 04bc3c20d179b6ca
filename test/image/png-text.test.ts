import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { encodePng } from '../../src/image/pixels.ts';
import { readPngText, writePngText } from '../../src/image/png-text.ts';

const png = await encodePng(new Uint8Array(4 * 4 * 3).fill(77), 4, 4);

/** The file with one more chunk behind the header; `claimed` lies about its length. */
function withChunk(type: string, data: Uint8Array, claimed = data.length): Uint8Array {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(claimed, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
}
const bad = (error: unknown) => error instanceof DarkroomError && error.code === 'bad_picture';

test('any text comes back, and the pixels stay', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const parameters = a.replaceAll('\0', '');
      const darkroom = JSON.stringify({ prompt: b });
      const texts = readPngText(writePngText(png, { parameters, darkroom }));
      assert.equal(
        texts.get('parameters'),
        parameters.isWellFormed() ? parameters : parameters.toWellFormed(),
      );
      assert.equal(texts.get('darkroom'), darkroom);
    }),
  );
});

test('other readers see the same texts; a second writing replaces', async () => {
  const once = writePngText(png, { parameters: 'a mug\nSteps: 20', darkroom: '{"prompt":"찻잔"}' });
  const twice = writePngText(once, { parameters: 'a cup' });
  const { comments } = await sharp(twice).metadata();
  assert.deepEqual(comments?.map(({ keyword, text }) => [keyword, text]).sort(), [
    ['darkroom', '{"prompt":"찻잔"}'],
    ['parameters', 'a cup'],
  ]);
  assert.deepEqual(await sharp(twice).raw().toBuffer(), await sharp(png).raw().toBuffer());
});

test('compressed texts are read within a limit', () => {
  const zipped = (text: string) => Buffer.concat([Buffer.from('parameters\0\0'), deflateSync(text)]);
  assert.equal(readPngText(withChunk('zTXt', zipped('a mug'))).get('parameters'), 'a mug');
  assert.throws(() => readPngText(withChunk('zTXt', zipped('x'.repeat(8 << 20)))), bad);
  const international = Buffer.concat([Buffer.from('darkroom\0\x01\0ko\0\0'), deflateSync('찻잔')]);
  assert.equal(readPngText(withChunk('iTXt', international)).get('darkroom'), '찻잔');
});

test('hostile chunks are refused', () => {
  assert.throws(() => readPngText(withChunk('tEXt', Buffer.from('a\0b'), 0xffffffff)), bad);
  assert.throws(() => readPngText(withChunk('tEXt', Buffer.from('a\0b'), 5_000_000)), bad);
  assert.throws(() => readPngText(withChunk('tEXt', Buffer.from('no zero byte'))), bad);
  assert.throws(() => readPngText(withChunk('iTXt', Buffer.from('darkroom\0\0\0'))), bad);
  assert.throws(() => readPngText(png.subarray(0, 40)), bad);
  const flipped = Uint8Array.from(withChunk('tEXt', Buffer.from('a\0b')));
  flipped[33 + 8] = 0x7a;
  assert.throws(() => readPngText(flipped), bad);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readPngText(Buffer.concat([png.subarray(0, 33), bytes]));
      } catch (error) {
        assert.ok(bad(error), String(error));
      }
    }),
  );
});

test('a file that is no PNG has no texts', () => {
  assert.equal(readPngText(Buffer.from('GIF89a')).size, 0);
});
