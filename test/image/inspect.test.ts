import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { checkPicture } from '../../src/image/inspect.ts';

/** A picture with something in every corner, so that a cut file cannot pass for a plain one. */
function noisy(width: number, height: number, channels: 1 | 3 | 4 = 3) {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 2654435761) >>> 24);
  return sharp(data, { raw: { width, height, channels } });
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  const crc = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

/** A PNG whose header claims any size, with next to no pixels behind it. */
function claimedPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const pixels = deflateSync(Buffer.alloc(1000));
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', pixels),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

async function refused(bytes: Uint8Array, code: string, words: RegExp) {
  await assert.rejects(checkPicture(bytes), (error: unknown) => {
    assert.ok(error instanceof DarkroomError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  });
}

test('takes each raster format and names it', async () => {
  const picture = noisy(40, 24);
  for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const) {
    const bytes = await picture.clone().toFormat(format).toBuffer();
    assert.deepEqual(await checkPicture(bytes), { width: 40, height: 24, format });
  }
});

test('takes CMYK, 16 bit, greyscale and alpha', async () => {
  const pictures = [
    await noisy(30, 20).toColourspace('cmyk').jpeg().toBuffer(),
    await noisy(30, 20).toColourspace('rgb16').png().toBuffer(),
    await noisy(30, 20).greyscale().png().toBuffer(),
    await noisy(30, 20, 4).png().toBuffer(),
  ];
  for (const bytes of pictures) assert.equal((await checkPicture(bytes)).width, 30);
});

test('gives the size after EXIF rotation', async () => {
  const bytes = await noisy(40, 24).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  assert.deepEqual(await checkPicture(bytes), { width: 24, height: 40, format: 'jpeg' });
});

test('refuses what is no picture and says what it is', async () => {
  const text = (s: string) => Buffer.from(s);
  await refused(text(''), 'bad_picture', /empty/);
  await refused(text('hello there'), 'bad_picture', /not a picture/);
  await refused(text('\n<!DOCTYPE html><html><body>404</body></html>'), 'bad_picture', /web page/);
  await refused(text('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'bad_picture', /SVG/);
  await refused(text('<?xml version="1.0"?>\n<svg width="9"/>'), 'bad_picture', /SVG/);
  await refused(text('%PDF-1.7'), 'bad_picture', /PDF/);
  await refused(text('\0\0\0\x18ftypheic\0\0\0\0mif1heic'), 'bad_picture', /^HEIC photos.*Send a PNG/);
  await refused(Buffer.from('\x89PNG\r\n\x1a\nrubbish after it', 'latin1'), 'bad_picture', /damaged/);
});

test('refuses a file cut short in each format', async () => {
  for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const) {
    const bytes = await noisy(200, 160).toFormat(format).toBuffer();
    for (const part of [0.97, 0.5, 0.1]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      await refused(cut, 'bad_picture', /damaged/).catch((error: unknown) => {
        throw new Error(`${format} cut to ${part}`, { cause: error });
      });
    }
  }
});

test('refuses 50,000 x 50,000 from its header', async () => {
  const started = performance.now();
  await refused(claimedPng(50_000, 50_000), 'too_large', /50000x50000.*64 megapixels/);
  assert.ok(performance.now() - started < 500);
  await refused(claimedPng(7000, 7000), 'bad_picture', /cut short/);
});

test('refuses animations', async () => {
  const frames = await Promise.all(
    [10, 200].map((v) =>
      sharp({ create: { width: 16, height: 16, channels: 3, background: { r: v, g: v, b: 0 } } })
        .png()
        .toBuffer(),
    ),
  );
  for (const format of ['gif', 'webp'] as const) {
    const bytes = await sharp(frames, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
    await refused(bytes, 'bad_picture', /2 frames/);
  }
  const still = frames[0]!;
  const headerEnd = 8 + 25;
  const moving = Buffer.concat([
    still.subarray(0, headerEnd),
    pngChunk('acTL', Buffer.alloc(8)),
    still.subarray(headerEnd),
  ]);
  await refused(moving, 'bad_picture', /several frames/);
});
