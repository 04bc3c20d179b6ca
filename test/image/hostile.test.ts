/** Files that somebody made by accident or on purpose: each is read right or refused in a sentence, never worse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { checkPicture } from '../../src/image/inspect.ts';
import { readMask } from '../../src/image/mask.ts';
import { decodeRgb } from '../../src/image/pixels.ts';

const [WIDTH, HEIGHT] = [24, 16];
const FORMATS = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;

/** Left half one colour, right half another; big enough for JPEG's blocks not to mix them at their centres. */
function halves(left: readonly number[], right: readonly number[]) {
  const channels = left.length as 1 | 2 | 3 | 4;
  const data = Uint8Array.from({ length: WIDTH * HEIGHT * channels }, (_, i) => {
    const x = Math.floor(i / channels) % WIDTH;
    return (x < WIDTH / 2 ? left : right)[i % channels]!;
  });
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
}

/** The colours in the middle of each half, after the check that every upload goes through. */
async function coloursOf(bytes: Uint8Array): Promise<number[][]> {
  const { width, height } = await checkPicture(bytes);
  const picture = await decodeRgb(bytes);
  assert.deepEqual([picture.width, picture.height, picture.channels], [width, height, 3]);
  return [width / 4, (3 * width) / 4].map((x) => {
    const at = ((height / 2) * width + x) * 3;
    return [...picture.data.subarray(at, at + 3)];
  });
}

test('grey with alpha lies on white, in 8 and in 16 bits', async () => {
  const picture = () => halves([40, 255], [40, 0]);
  const expected = [
    [40, 40, 40],
    [255, 255, 255],
  ];
  assert.deepEqual(await coloursOf(await picture().png().toBuffer()), expected);
  assert.deepEqual(await coloursOf(await picture().toColourspace('grey16').png().toBuffer()), expected);
});

test('a palette with transparency, one bit a pixel and interlacing are read', async () => {
  const clear = await halves([200, 20, 20, 255], [0, 0, 0, 0]).png({ palette: true }).toBuffer();
  const [red, white] = await coloursOf(clear);
  assert.ok(red![0]! > 190 && red![1]! < 30, `${red}`);
  assert.deepEqual(white, [255, 255, 255]);
  const bit = await halves([0], [255]).png({ palette: true, colours: 2, dither: 0 }).toBuffer();
  const ink = [
    [0, 0, 0],
    [255, 255, 255],
  ];
  assert.deepEqual(await coloursOf(bit), ink);
  assert.deepEqual(await coloursOf(await halves([0], [255]).png({ progressive: true }).toBuffer()), ink);
  assert.deepEqual(await coloursOf(await halves([0], [255]).tiff({ bitdepth: 1 }).toBuffer()), ink);
});

test('every EXIF orientation turns the picture upright', async () => {
  // Where the left half's centre comes to lie, as a share of width and height.
  const places: Readonly<Record<number, readonly [number, number]>> = {
    1: [0.25, 0.5],
    2: [0.75, 0.5],
    3: [0.75, 0.5],
    4: [0.25, 0.5],
    5: [0.5, 0.25],
    6: [0.5, 0.25],
    7: [0.5, 0.75],
    8: [0.5, 0.75],
  };
  for (const [orientation, [x, y]] of Object.entries(places)) {
    const bytes = await halves([250, 10, 10], [10, 10, 250])
      .withMetadata({ orientation: Number(orientation) })
      .png()
      .toBuffer();
    const { width, height } = await checkPicture(bytes);
    const picture = await decodeRgb(bytes);
    assert.deepEqual([picture.width, picture.height], [width, height]);
    const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
    assert.ok(picture.data[at]! > 200, `orientation ${orientation}`);
  }
});

test('CMYK and wide colours become sRGB', async () => {
  const cmyk = await halves([250, 250, 250], [5, 5, 5])
    .toColourspace('cmyk')
    .jpeg({ quality: 100 })
    .toBuffer();
  const [white, black] = await coloursOf(cmyk);
  assert.ok(Math.min(...white!) > 225 && Math.max(...black!) < 70, `${white} ${black}`);
  const wide = await halves([255, 0, 0], [0, 0, 0]).withIccProfile('p3').png().toBuffer();
  const [red] = await coloursOf(wide);
  assert.ok(red![0]! > 230 && red![1]! < 40 && red![2]! < 40, `${red}`);
});

test('a TIFF of several pages is refused like an animation', async () => {
  const page = await halves([9, 9, 9], [200, 9, 9]).png().toBuffer();
  const pages = await sharp([page, page], { join: { animated: true } })
    .tiff()
    .toBuffer();
  await assert.rejects(checkPicture(pages), /2 frames/);
});

test('a file with any byte changed or cut is read or refused, as a picture and as a mask', async () => {
  const picture = halves([250, 10, 10], [10, 200, 30]);
  const files = await Promise.all(FORMATS.map((format) => picture.clone().toFormat(format).toBuffer()));
  const damage = fc.record({
    file: fc.constantFrom(...files),
    changes: fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 6 }),
    kept: fc.nat(4000),
    isCut: fc.boolean(),
  });
  const size = { width: 8, height: 8 };
  await fc.assert(
    fc.asyncProperty(damage, async ({ file, changes, kept, isCut }) => {
      const bytes = Buffer.from(isCut ? file.subarray(0, kept % file.length) : file);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      for (const read of [coloursSize, (b: Uint8Array) => readMask(b, size)]) {
        await read(bytes).catch((error: unknown) => {
          if (!(error instanceof DarkroomError)) throw error;
          assert.match(error.message, /[.!?]$/);
        });
      }
    }),
    { numRuns: 120, seed: 7 },
  );
});

async function coloursSize(bytes: Uint8Array): Promise<void> {
  const { width, height } = await checkPicture(bytes);
  const picture = await decodeRgb(bytes);
  assert.deepEqual([picture.width, picture.height], [width, height]);
}
