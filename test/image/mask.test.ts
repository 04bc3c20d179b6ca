import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { binarize, cropRegion, inward, overlay, readMask } from '../../src/image/mask.ts';
import { drawRegion, regionMask } from '../../src/image/region.ts';
import type { Raster } from '../../src/image/resample.ts';
import { readUpload } from '../../src/image/upload.ts';
import { REGIONS } from '../../src/request.ts';
import { inEnglish } from '../english.ts';
import { casesOf, conditioningFile, differing, readRaster } from './conditioning-goldens.ts';

const SIZE = { width: 97, height: 61 };

function box(
  width: number,
  height: number,
  [left, top, right, bottom]: readonly number[],
  level = 255,
): Raster {
  const data = new Uint8Array(width * height);
  for (let y = top!; y < bottom!; y++) data.fill(level, y * width + left!, y * width + right!);
  return { data, width, height, channels: 1 };
}

const png = (raster: Raster, channels: 1 | 2 | 3 | 4 = 1) =>
  sharp(raster.data, { raw: { width: raster.width, height: raster.height, channels } })
    .png()
    .toBuffer();

async function refused(bytes: Uint8Array, code: string, words: RegExp) {
  await assert.rejects(readMask(bytes, SIZE), (error: unknown) => {
    assert.ok(error instanceof DarkroomError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  });
}

test('a mask of the same size comes as it stands, without a note', async () => {
  const { mask, notes } = await readMask(conditioningFile('mask-97x61.png'), SIZE);
  assert.deepEqual(binarize(mask), binarize(await readRaster('mask-97x61.png')));
  assert.ok(mask.data.every((level) => level === 0 || level === 255));
  assert.deepEqual(notes, []);
});

test('a mask of another size is stretched, and said so', async () => {
  const { mask, notes } = await readMask(await png(box(20, 20, [0, 0, 10, 20])), { width: 80, height: 40 });
  assert.deepEqual([mask.width, mask.height, mask.data.length], [80, 40, 3200]);
  assert.match(inEnglish(notes).join(' '), /20x20.*80x40/);
  const area = binarize(mask);
  assert.deepEqual([area[5], area[75]], [1, 0]);
});

test('colour, palette, 16-bit and JPEG masks are read by their brightness', async () => {
  const area = binarize(await readRaster('mask-97x61.png'));
  const reader = () => sharp(conditioningFile('mask-97x61.png'));
  const files = [
    await reader().toColourspace('srgb').png().toBuffer(),
    await reader().png({ palette: true, colours: 8, dither: 0 }).toBuffer(),
    await reader().toColourspace('grey16').png().toBuffer(),
    await reader().jpeg({ quality: 100 }).toBuffer(),
    await reader().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(),
  ];
  for (const [i, file] of files.entries()) {
    const { mask } = await readMask(file, SIZE);
    const wrong = binarize(mask).filter((value, at) => value !== area[at]).length;
    assert.ok(wrong <= 12, `file ${i}: ${wrong} pixels`);
  }
});

/** A mask as it is after its upload. */
async function uploaded(file: Uint8Array) {
  const { bytes, notes } = await readUpload(file, 'mask');
  const { mask } = await readMask(bytes, await sharp(bytes).metadata());
  return { mask, notes: inEnglish(notes).join(' ') };
}

/** RGBA of the size with a level and an alpha for each pixel. */
const layer = (levels: (i: number) => readonly [level: number, alpha: number]) =>
  png(
    {
      ...SIZE,
      data: Uint8Array.from({ length: SIZE.width * SIZE.height * 4 }, (_, at) => {
        const [level, alpha] = levels(at >> 2);
        return at % 4 === 3 ? alpha : level;
      }),
      channels: 4,
    },
    4,
  );

test('a hole is the mask, and said so', async () => {
  for (const level of [255, 0, 90]) {
    const { mask, notes } = await uploaded(await layer((i) => [level, i < 500 ? 0 : 255]));
    assert.deepEqual([mask.data[499], mask.data[500]], [255, 0], `level ${level}`);
    assert.match(notes, /transparent part/);
  }
  const greyAlpha = Uint8Array.from({ length: SIZE.width * SIZE.height * 2 }, (_, at) =>
    at % 2 === 1 && at < 1000 ? 0 : 255,
  );
  const deep = await sharp(greyAlpha, { raw: { ...SIZE, channels: 2 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  const { mask } = await uploaded(deep);
  assert.deepEqual([mask.data[499], mask.data[500]], [255, 0]);
});

test('white strokes on a clear layer are the mask', async () => {
  const { mask, notes } = await uploaded(await layer((i) => (i < 500 ? [255, 255] : [0, 0])));
  assert.deepEqual([mask.data[499], mask.data[500]], [255, 0]);
  assert.match(notes, /white part/);
});

test('an alpha channel that hardly varies is no mask; the brightness is', async () => {
  for (const alpha of [(_: number) => 255, (_: number) => 0, (i: number) => (i === 0 ? 254 : 255)]) {
    const { mask, notes } = await uploaded(await layer((i) => [i < 500 ? 250 : 3, alpha(i)]));
    assert.deepEqual([mask.data[499], mask.data[500]], [255, 0]);
    assert.equal(notes, '');
  }
});

test('near-black and near-white are black and white', async () => {
  const { mask } = await readMask(await png(box(97, 61, [10, 10, 20, 20], 250)), SIZE);
  assert.deepEqual(new Set(mask.data), new Set([0, 255]));
  const noisy = box(97, 61, [10, 10, 20, 20]);
  const jpeg = await readMask(await png({ ...noisy, data: noisy.data.map((v) => v || 1) }), SIZE);
  assert.deepEqual(cropRegion(jpeg.mask, { width: 64, height: 64 }, 0), {
    left: 10,
    top: 10,
    right: 20,
    bottom: 20,
  });
});

test('what is thin does not vanish when the mask is shrunk', async () => {
  const line = box(970, 610, [100, 300, 800, 302]);
  const { mask } = await readMask(await png(line), SIZE);
  for (let x = 10; x < 80; x++) assert.equal(mask.data[30 * 97 + x], 255);
  const dot = box(970, 610, [500, 300, 501, 301]);
  assert.equal((await readMask(await png(dot), SIZE)).mask.data.filter((v) => v === 255).length, 1);
});

test('all black is refused, all white is noted', async () => {
  await refused(await png(box(97, 61, [0, 0, 0, 0])), 'bad_request', /all black.*white/);
  await refused(await png(box(97, 61, [0, 0, 97, 61], 127)), 'bad_request', /all black/);
  const { notes } = await readMask(await png(box(97, 61, [0, 0, 97, 61])), SIZE);
  assert.match(inEnglish(notes).join(' '), /all white/);
});

test('an animated, damaged or foreign file is refused as a mask', async () => {
  const frames = await Promise.all([0, 255].map((level) => png(box(16, 16, [0, 0, 16, 16], level))));
  await refused(
    await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer(),
    'bad_picture',
    /^The mask cannot be used\. .*2 frames/,
  );
  const whole = conditioningFile('mask-97x61.png');
  await refused(whole.subarray(0, whole.length / 2), 'bad_picture', /mask.*damaged/);
  await refused(Buffer.from('left'), 'bad_picture', /mask/);
});

test('the region around a mask is the one that diffusers cuts out', () => {
  interface Case {
    readonly mask: readonly [number, number, number, number, number, number];
    readonly size: readonly [number, number];
    readonly pad: number;
    readonly region: readonly number[];
  }
  for (const { mask, size, pad, region } of casesOf<Case>('crop_region')) {
    const [width, height, ...edges] = mask;
    const drawing = { width: size[0], height: size[1] };
    const { left, top, right, bottom } = cropRegion(box(width, height, edges), drawing, pad);
    assert.deepEqual([left, top, right, bottom], region);
  }
  assert.throws(() => cropRegion(box(8, 8, [0, 0, 0, 0]), SIZE, 4), /all black/);
});

test('laid over its start, a drawing keeps what is black bit for bit and takes what is white', async () => {
  const kept = await readRaster('scene-97x61.png');
  const drawn = { ...kept, data: new Uint8Array(kept.data.length) };
  const pixels = kept.width * kept.height;
  for (let i = 0; i < pixels; i++) drawn.data.set(kept.data.subarray(i * 3, i * 3 + 3), (pixels - 1 - i) * 3);
  const alpha = await readRaster('mask-97x61-blur-4.png');
  const laid = overlay(kept, drawn, alpha);
  for (let i = 0; i < laid.data.length; i++) {
    const level = alpha.data[Math.floor(i / 3)]!;
    if (level === 0) assert.equal(laid.data[i], kept.data[i]);
    if (level === 255) assert.equal(laid.data[i], drawn.data[i]);
  }
  // diffusers goes through premultiplied 8-bit alpha and loses a level there.
  assert.equal(differing(laid, await readRaster('scene-overlay.png'), 1), 0);
});

test('a softened mask need not reach over its own edge', async () => {
  const mask = await readRaster('mask-97x61.png');
  const soft = inward(mask, await readRaster('mask-97x61-blur-4.png'));
  assert.ok(soft.data.every((level, i) => mask.data[i]! >= 128 || level === 0));
  assert.ok(soft.data.some((level) => level > 0 && level < 255));
});

test('each named part is masked where it lies, and halves make a whole', () => {
  const size = { width: 40, height: 30 };
  const share = (region: (typeof REGIONS)[number]) =>
    regionMask(region, size).data.reduce((sum, level) => sum + level / 255, 0) / 1200;
  assert.equal(share('left') + share('right'), 1);
  assert.equal(share('top') + share('bottom'), 1);
  const at = (region: (typeof REGIONS)[number], x: number, y: number) =>
    regionMask(region, size).data[y * 40 + x];
  assert.deepEqual([at('sky', 20, 2), at('sky', 20, 28)], [255, 0]);
  assert.deepEqual([at('centre', 20, 15), at('centre', 1, 1)], [255, 0]);
  assert.deepEqual([at('background', 20, 15), at('background', 1, 1)], [0, 255]);
  for (const region of REGIONS) assert.ok(share(region) > 0.1 && share(region) < 0.9, region);
});

test('a named part serves as the file of a mask', async () => {
  const { mask, notes } = await readMask(await drawRegion('sky', SIZE), SIZE);
  assert.deepEqual(mask.data, regionMask('sky', SIZE).data);
  assert.deepEqual(notes, []);
});
