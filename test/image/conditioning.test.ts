import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { DarkroomError } from '../../src/errors.ts';
import { canny } from '../../src/image/canny.ts';
import { conditioningPicture } from '../../src/image/conditioning.ts';
import type { Detectors } from '../../src/image/detector.ts';
import { greyToRgb } from '../../src/image/luma.ts';
import { fit } from '../../src/image/resample.ts';
import { CONTROL_KINDS, type ControlKind } from '../../src/request.ts';
import { inEnglish } from '../english.ts';
import { conditioningFile, differing, readRaster } from './conditioning-goldens.ts';

const SCENE = conditioningFile('scene-97x61.png');
const OWN = { width: 97, height: 61 };

/** Detectors that see a flat world with one person in it. */
const detectors: Detectors = {
  depth: async ({ width, height }) => ({
    data: new Uint8Array(width * height).fill(77),
    width,
    height,
    channels: 1,
  }),
  pose: async ({ width, height }) => [[{ x: width / 2, y: height / 2 }]],
};
const make = (kind: ControlKind, source: Uint8Array | string, size = OWN) =>
  conditioningPicture(kind, source, size, detectors);

test('every kind gives RGB of the size asked for', async () => {
  for (const kind of CONTROL_KINDS) {
    for (const size of [OWN, { width: 64, height: 80 }]) {
      const { picture, notes } = await make(kind, SCENE, size);
      assert.deepEqual([picture.width, picture.height, picture.channels], [size.width, size.height, 3]);
      assert.equal(picture.data.length, size.width * size.height * 3);
      assert.ok(
        picture.data.some((level) => level > 0),
        kind,
      );
      if (size === OWN) assert.deepEqual(notes, [], kind);
      else assert.match(inEnglish(notes).join(' '), new RegExp(`${kind} picture of 97x61.*64x80`));
    }
  }
});

test('raw is the picture as it stands', async () => {
  assert.equal(differing((await make('raw', SCENE)).picture, await readRaster('scene-97x61.png')), 0);
});

test('canny is found in the fitted picture, so that its lines stay thin', async () => {
  const size = { width: 64, height: 64 };
  const { picture } = await make('canny', SCENE, size);
  const expected = greyToRgb(canny(fit(await readRaster('scene-97x61.png'), size, 'stretch')));
  assert.equal(differing(picture, expected), 0);
});

test('openpose takes keypoints, the name of a pose, or a photo by its detector', async () => {
  const named = (await make('openpose', 'a dancer')).picture;
  assert.ok(named.data.some((level) => level > 0));
  const people = [{ pose_keypoints_2d: Array.from({ length: 54 }, (_, i) => (i % 3 === 2 ? 1 : 5 + i)) }];
  const json = new TextEncoder().encode(`\uFEFF \n${JSON.stringify({ people })}`);
  assert.ok(differing((await make('openpose', json)).picture, named) > 0);
  const photo = (await make('openpose', SCENE)).picture;
  assert.deepEqual([...photo.data.subarray((30 * 97 + 48) * 3, (30 * 97 + 48) * 3 + 3)], [255, 0, 0]);
});

test('what cannot be used is refused by its kind', async () => {
  const refused = (work: Promise<unknown>, code: string, words: RegExp) =>
    assert.rejects(work, (error: unknown) => {
      assert.ok(error instanceof DarkroomError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, words);
      return true;
    });
  await refused(make('openpose', 'dancng'), 'bad_request', /Unknown pose dancng.*dancing/);
  await refused(make('canny', 'dancing'), 'bad_request', /canny control needs a picture/);
  await refused(make('canny', SCENE.subarray(0, 900)), 'bad_picture', /canny picture.*damaged/);
  await refused(make('depth', Buffer.from('{"people": []}')), 'bad_picture', /depth picture/);
  await refused(make('openpose', Buffer.from('{"people": []}')), 'bad_picture', /nobody/);
  const frames = await Promise.all(
    [10, 200].map((v) =>
      sharp({ create: { width: 16, height: 16, channels: 3, background: { r: v, g: v, b: 0 } } })
        .png()
        .toBuffer(),
    ),
  );
  const moving = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
  await refused(make('scribble', moving), 'bad_picture', /scribble picture.*2 frames/);
});

test('CMYK, 16-bit, grey with alpha and turned photos become control pictures', async () => {
  const reader = () => sharp(SCENE);
  const files = [
    await reader().toColourspace('cmyk').jpeg().toBuffer(),
    await reader().toColourspace('rgb16').png().toBuffer(),
    await reader().greyscale().ensureAlpha(0.5).toColourspace('b-w').png().toBuffer(),
  ];
  for (const file of files) assert.deepEqual((await make('canny', file)).notes, []);
  const turned = await reader().withMetadata({ orientation: 6 }).png().toBuffer();
  assert.deepEqual((await make('raw', turned, { width: 61, height: 97 })).notes, []);
});
