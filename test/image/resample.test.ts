import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gaussianBlur } from '../../src/image/blur.ts';
import { toGrey } from '../../src/image/luma.ts';
import { type Fit, fit, resample } from '../../src/image/resample.ts';
import { casesOf, differing, readRaster } from './conditioning-goldens.ts';

interface Case {
  readonly image: string;
  readonly result: string;
}
interface Sized extends Case {
  readonly width: number;
  readonly height: number;
}

test('scaling gives the levels that Pillow gives', async () => {
  for (const { image, result, filter, ...size } of casesOf<Sized & { filter: 'lanczos' | 'bicubic' }>(
    'resample',
  )) {
    const scaled = resample(await readRaster(image), size, filter);
    assert.equal(differing(scaled, await readRaster(result)), 0, result);
  }
});

test('fitting gives the levels that diffusers gives in each of its modes', async () => {
  for (const { image, result, how, ...size } of casesOf<Sized & { how: Fit }>('fit')) {
    assert.equal(differing(fit(await readRaster(image), size, how), await readRaster(result)), 0, result);
  }
});

test('a blur gives the levels that Pillow gives', async () => {
  for (const { image, result, sigma } of casesOf<Case & { sigma: number }>('blur')) {
    const blurred = gaussianBlur(await readRaster(image), sigma);
    assert.equal(differing(blurred, await readRaster(result)), 0, result);
  }
});

test('a blur of 0 changes nothing, and one wider than the picture is no trouble', async () => {
  const mask = await readRaster('mask-97x61.png');
  assert.deepEqual(gaussianBlur(mask, 0).data, mask.data);
  assert.equal(gaussianBlur(mask, 64).data.length, mask.data.length);
});

test('brightness is weighed as Pillow weighs it', async () => {
  for (const { image, result } of casesOf<Case>('luma')) {
    assert.equal(differing(toGrey(await readRaster(image)), await readRaster(result)), 0);
  }
});
