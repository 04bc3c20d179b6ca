import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { binarize, cropRegion, inward, overlay, readMask } from '../../src/image/mask.ts';
import { drawRegion, REGIONS, regionMask } from '../../src/image/region.ts';
import type { Raster } from '../../src/image/resample.ts';
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
  assert.equal(differing(mask, await readRaster('mask-97x61.png')), 0);
  assert.deepEqual(notes, []);
});

test('a mask of another size is stretched, and said so', async () => {
  const { mask, notes } = await readMask(await png(box(20, 20, [0, 0, 10, 20])), { width: 80, height: 40 });
  assert.deepEqual([mask.width, mask.height, mask.data.length], [80, 40, 3200]);
  assert.match(notes.join(' '), /20x20.*80x40/);
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

test('the transparent part is the mask, and said so', async () => {
  const rgba = new Uint8Array(SIZE.width * SIZE.height * 4).fill(255);
  for (let i = 0; i < 500; i++) rgba[i * 4 + 3] = 0;
  const { mask, notes } = await readMask(await png({ ...SIZE, data: rgba, channels: 4 }, 4), SIZE);
  assert.deepEqual([mask.data[499], mask.data[500]], [255, 0]);
  assert.match(notes.join(' '), /transparent part/);
  const greyAlpha = new Uint8Array(SIZE.width * SIZE.height * 2).fill(255);
  for (let i = 0; i < 500; i++) greyAlpha[i * 2 + 1] = 0;
  const deep = await sharp(greyAlpha, { raw: { ...SIZE, channels: 2 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  assert.deepEqual((await readMask(deep, SIZE)).mask.data, mask.data);
});

test('an opaque alpha channel is no mask; the brightness is', async () => {
  const opaque = await sharp(conditioningFile('mask-97x61.png'))
    .toColourspace('srgb')
    .ensureAlpha()
    .png()
    .toBuffer();
  const { mask, notes } = await readMask(opaque, SIZE);
  assert.equal(differing(mask, await readRaster('mask-97x61.png')), 0);
  assert.deepEqual(notes, []);
});

test('all black is refused, all white is noted', async () => {
  await refused(await png(box(97, 61, [0, 0, 0, 0])), 'bad_request', /all black.*white/);
  await refused(await png(box(97, 61, [0, 0, 97, 61], 127)), 'bad_request', /all black/);
  const { notes } = await readMask(await png(box(97, 61, [0, 0, 97, 61])), SIZE);
  assert.match(notes.join(' '), /all white/);
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
