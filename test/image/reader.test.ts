/** Uploads as they are kept: the same pixels for everybody, without what their file told, and never at any price. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { decodeRgb } from '../../src/image/pixels.ts';
import { plainSize } from '../../src/image/plain-size.ts';
import { PictureReader } from '../../src/image/reader.ts';
import { inEnglish } from '../english.ts';

const reader = new PictureReader();
after(() => reader.stop());

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

interface Claim {
  readonly depth?: number;
  readonly colour?: number;
  readonly interlace?: number;
  readonly extra?: readonly Uint8Array[];
}

/** A PNG of zeros: a few hundred bytes of any size. */
function png(
  width: number,
  height: number,
  { depth = 8, colour = 2, interlace = 0, extra = [] }: Claim = {},
) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlace], 8);
  const channels = { 0: 1, 2: 3, 6: 4 }[colour]!;
  const pixels = Buffer.alloc(Math.min((1 + (width * channels * depth) / 8) * height, 60_000_000));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...extra,
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

async function refusalOf(bytes: Uint8Array, by = reader): Promise<DarkroomError> {
  const error = await by.read(bytes, 'picture').then(
    () => assert.fail('nothing was refused'),
    (e: unknown) => e,
  );
  assert.ok(error instanceof DarkroomError, String(error));
  return error;
}

/** A photo with a red upper left corner, as its file has it. */
const corner = () =>
  sharp({ create: { width: 60, height: 40, channels: 3, background: '#2060a0' } }).composite([
    { input: { create: { width: 20, height: 10, channels: 3, background: '#f01010' } }, left: 0, top: 0 },
  ]);
const redAt = async (bytes: Uint8Array, x: number, y: number) => {
  const { data, width } = await decodeRgb(bytes);
  return data[(y * width + x) * 3]! > 180;
};

test('a picture that is too wide or too costly is refused by its header', async () => {
  assert.match((await refusalOf(png(1, 60_000))).message, /1x60000; one side .* 16 times/);
  assert.match((await refusalOf(png(150_000, 1))).message, /150000x1/);
  const deep = png(6300, 6300, { depth: 16, colour: 6, interlace: 1 });
  assert.match((await refusalOf(deep)).message, /6300x6300 has \d+ MB; the limit is 256 MB/);
  assert.match((await refusalOf(png(9000, 9000))).message, /64 megapixels/);
});

test('texts are not unpacked, and thousands of them not kept', async () => {
  const bomb = chunk('zTXt', Buffer.concat([Buffer.from('k\0\0'), deflateSync(Buffer.alloc(40_000_000))]));
  const profile = chunk('iCCP', Buffer.concat([Buffer.from('p\0\0'), deflateSync(Buffer.alloc(40_000_000))]));
  const many = Array.from({ length: 60_000 }, () => chunk('tEXt', Buffer.from('a\0b')));
  for (const extra of [Array.from({ length: 20 }, () => bomb), [profile], many]) {
    const { bytes } = await reader.read(png(16, 16, { extra }), 'picture');
    assert.ok(bytes.length < 400);
  }
  const flood = png(16, 16, { extra: [...many, ...many] });
  assert.match((await refusalOf(flood)).message, /more than 65536 chunks/);
});

test('a file that takes too much memory or time ends its process, not ours; the next one is read', async () => {
  const greedy = new PictureReader({ memory: 150 << 20 });
  const large = await sharp({ create: { width: 4000, height: 4000, channels: 3, background: '#808080' } })
    .webp()
    .toBuffer();
  const error = await refusalOf(large, greedy);
  assert.equal(error.code, 'too_large');
  assert.match(error.message, /150 MB of memory/);
  assert.equal((await greedy.read(png(8, 8), 'picture')).width, 8);
  await greedy.stop();
  const hasty = new PictureReader({ time: 1 });
  assert.match((await refusalOf(png(8, 8), hasty)).message, /0\.001 s/);
  await hasty.stop();
});

test('files are read one at a time, and only so many wait', async () => {
  const small = new PictureReader({ waiting: 3 });
  const answers = await Promise.allSettled(
    Array.from({ length: 5 }, (_, i) => small.read(png(8 + i, 8), 'picture')),
  );
  assert.deepEqual(
    answers.map((one) => (one.status === 'fulfilled' ? one.value.width : one.reason.code)),
    [8, 9, 10, 'too_many', 'too_many'],
  );
  await small.stop();
});

test('the reading process ends when nothing comes, and sees no secret', async () => {
  process.env['DISCORD_TOKEN'] = 'a-secret-of-this-process';
  const brief = new PictureReader({ idle: 20 });
  await brief.read(png(8, 8), 'picture');
  if (process.platform === 'linux') {
    const { readFileSync } = await import('node:fs');
    assert.ok(!readFileSync(`/proc/${brief.pid}/environ`, 'latin1').includes('a-secret'));
  }
  // Also at the very moment when it ends.
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await brief.read(png(9 + i, 8), 'picture')).width, 9 + i);
  }
  await brief.stop();
});

test('what a photo tells is gone, in every format; what it shows is there', async () => {
  const exif = {
    IFD0: { Make: 'TestPhone', ImageDescription: 'garden' },
    IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '12/1 34/1 56/1' },
  };
  for (const format of ['png', 'jpeg', 'webp', 'tiff', 'avif'] as const) {
    const file = await corner()
      .withExif(exif)
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
      .toFormat(format)
      .toBuffer();
    const { bytes, width, height } = await reader.read(file, 'picture');
    assert.deepEqual(plainSize(bytes), { width, height });
    const { exif: left, xmp, icc, comments, orientation } = await sharp(bytes).metadata();
    assert.deepEqual([left, xmp, icc, comments, orientation], Array(5).fill(undefined), format);
    for (const word of ['TestPhone', 'garden', 'xmpmeta'])
      assert.ok(!Buffer.from(bytes).includes(word), format);
    assert.ok(await redAt(bytes, 2, 2), format);
  }
});

test('a picture is turned once, whatever its format', async () => {
  for (const format of ['png', 'jpeg', 'webp', 'tiff'] as const) {
    const file = await corner().withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
    const { bytes, width, height } = await reader.read(file, 'picture');
    assert.deepEqual([width, height], [40, 60], format);
    // Without EXIF no reader turns it again; orientation 6 has the file's left edge at the top.
    assert.ok(await redAt(bytes, 38, 2), format);
  }
});

test('what is plain already stays as it is, pixel for pixel', async () => {
  for (const file of [await corner().png().toBuffer(), await corner().jpeg().toBuffer()]) {
    const once = await reader.read(file, 'picture');
    const twice = await reader.read(once.bytes, 'picture');
    assert.deepEqual((await decodeRgb(twice.bytes)).data, (await decodeRgb(once.bytes)).data);
    assert.deepEqual((await reader.read(twice.bytes, 'picture')).bytes, twice.bytes);
  }
  const large = await sharp({ create: { width: 5000, height: 2500, channels: 3, background: '#d04020' } })
    .webp()
    .toBuffer();
  const { bytes, notes } = await reader.read(large, 'picture');
  assert.match(inEnglish(notes).join(), /5000x2500 was reduced to 4096x2048/);
  assert.deepEqual((await reader.read(bytes, 'picture')).bytes, Buffer.from(bytes));
});

test('a JPEG without its end mark is whole, one without its last pixels is not', async () => {
  const noise = Uint8Array.from({ length: 200 * 160 * 3 }, (_, i) => (i * 2654435761) >>> 24);
  for (const progressive of [false, true]) {
    const file = await sharp(noise, { raw: { width: 200, height: 160, channels: 3 } })
      .jpeg({ progressive })
      .toBuffer();
    const { bytes } = await reader.read(file.subarray(0, -2), 'picture');
    assert.deepEqual((await decodeRgb(bytes)).data, (await decodeRgb(file)).data);
    for (const part of [0.9, 0.5]) {
      const cut = file.subarray(0, Math.floor(file.length * part));
      assert.match((await refusalOf(cut)).message, /cut short/);
    }
  }
  const still = await corner().png().toBuffer();
  assert.equal((await reader.read(still.subarray(0, -12), 'picture')).width, 60);
});

test('colours that a file states in numbers are shown as browsers show them', async () => {
  const grey = (levels: number[], ...extra: Uint8Array[]) => {
    const plain = png(levels.length / 3, 1, { extra });
    const pixels = chunk('IDAT', deflateSync(Buffer.from([0, ...levels])));
    const at = plain.indexOf('IDAT') - 4;
    return Buffer.concat([plain.subarray(0, at), pixels, chunk('IEND', Buffer.alloc(0))]);
  };
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(Math.round(value * 100_000));
    return bytes;
  };
  const shown = async (file: Uint8Array) => [
    ...(await decodeRgb((await reader.read(file, 'picture')).bytes)).data,
  ];
  const levels = [0, 0, 0, 55, 55, 55, 128, 128, 128, 255, 255, 255];
  assert.deepEqual(await shown(grey(levels, chunk('gAMA', number(0.45455)))), levels);
  assert.deepEqual(await shown(grey(levels, chunk('gAMA', number(1)), chunk('sRGB', Buffer.of(0)))), levels);
  // Linear light: 128 of 255 is 188 in sRGB, 55 is 128.
  const linear = await shown(grey(levels, chunk('gAMA', number(1))));
  assert.deepEqual([linear[0], linear[3], linear[6], linear[9]], [0, 128, 188, 255]);
  const p3 = chunk('cICP', Buffer.of(12, 13, 0, 1));
  const [red, green, blue] = await shown(grey([200, 60, 60], p3));
  assert.ok(red! > 215 && green! < 50 && blue! < 60, `${red} ${green} ${blue}`);
  assert.deepEqual(await shown(grey([200, 60, 60], chunk('cICP', Buffer.of(1, 13, 0, 1)))), [200, 60, 60]);
  const hdr = await refusalOf(grey([200, 60, 60], chunk('cICP', Buffer.of(9, 16, 0, 1))));
  assert.match(hdr.message, /HDR/);
});

/** A TIFF of 2x2 pixels of one 32-bit float each. */
function floatTiff(): Uint8Array {
  const entries = [
    [256, 3, 1, 2],
    [257, 3, 1, 2],
    [258, 3, 1, 32],
    [259, 3, 1, 1],
    [262, 3, 1, 1],
    [273, 4, 1, 134],
    [277, 3, 1, 1],
    [278, 3, 1, 2],
    [279, 4, 1, 16],
    [339, 3, 1, 3],
  ];
  const file = Buffer.alloc(150);
  file.write('II*\0', 0, 'latin1');
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(entries.length, 8);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    const at = 10 + i * 12;
    file.writeUInt16LE(tag!, at);
    file.writeUInt16LE(type!, at + 2);
    file.writeUInt32LE(count!, at + 4);
    file.writeUInt32LE(value!, at + 8);
  }
  for (let i = 0; i < 4; i++) file.writeFloatLE(i / 4, 134 + 4 * i);
  return file;
}

test('floating-point pictures are refused by name', async () => {
  assert.match((await refusalOf(floatTiff())).message, /samples of this TIFF are of the kind float/);
});

test('a recipe is read from the file before it is stripped', async () => {
  const text = chunk('tEXt', Buffer.from('parameters\0a mug\nSteps: 20', 'latin1'));
  const secret = chunk('tEXt', Buffer.from('Author\0Ada', 'latin1'));
  const { texts, bytes } = await reader.read(png(8, 8, { extra: [text, secret] }), 'picture');
  assert.deepEqual([...texts], [['parameters', 'a mug\nSteps: 20']]);
  assert.ok(!Buffer.from(bytes).includes('mug'));
  const comment = Buffer.concat([Buffer.from('UNICODE\0'), Buffer.from('a cup\nSteps: 4', 'utf16le')]);
  const exif = Buffer.alloc(44 + comment.length);
  exif.write('II*\0', 0, 'latin1');
  exif.writeUInt32LE(8, 4);
  exif.writeUInt16LE(1, 8);
  exif.set([0x69, 0x87, 4, 0, 1, 0, 0, 0, 26, 0, 0, 0], 10);
  exif.writeUInt16LE(1, 26);
  exif.set([0x86, 0x92, 7, 0], 28);
  exif.writeUInt32LE(comment.length, 32);
  exif.writeUInt32LE(44, 36);
  exif.set(comment, 44);
  const jpeg = await corner().jpeg().toBuffer();
  const segment = Buffer.concat([Buffer.from('\xff\xe1\0\0Exif\0\0', 'latin1'), exif]);
  segment.writeUInt16BE(segment.length - 2, 2);
  const told = Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
  assert.deepEqual([...(await reader.read(told, 'picture')).texts], [['parameters', 'a cup\nSteps: 4']]);
});

test('a mask that was painted on the picture as it lies in its file is turned with it', async () => {
  for (const orientation of [1, 5, 6, 7, 8]) {
    const file = await corner().withMetadata({ orientation }).webp({ lossless: true }).toBuffer();
    const source = await reader.read(file, 'picture');
    const mask = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#fff' } })
      .composite([
        { input: { create: { width: 20, height: 10, channels: 3, background: '#000' } }, left: 0, top: 0 },
      ])
      .png()
      .toBuffer();
    const turned = await reader.read(mask, 'mask', source.unturned);
    assert.deepEqual([turned.width, turned.height], [source.width, source.height]);
    // The corner is red in the picture and black in the mask.
    const [picture, painted] = await Promise.all([source.bytes, turned.bytes].map(decodeRgb));
    for (let i = 0; i < painted!.data.length; i += 3)
      assert.equal(picture!.data[i]! > 180, painted!.data[i]! < 128, `orientation ${orientation}`);
    const upright = await sharp(mask).resize(source.width, source.height, { fit: 'fill' }).png().toBuffer();
    assert.equal((await reader.read(upright, 'mask', source.unturned)).width, source.width);
  }
});
