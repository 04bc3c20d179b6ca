import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { parseKeypoints, placeBodies } from '../../src/image/keypoints.ts';
import { drawBodies } from '../../src/image/openpose.ts';
import { decodeRgb } from '../../src/image/pixels.ts';
import { keypointsOf } from '../../src/image/pose-file.ts';
import { readUpload } from '../../src/image/upload.ts';
import { inEnglish } from '../english.ts';
import { casesOf, differing, readRaster } from './conditioning-goldens.ts';

const SIZE = { width: 64, height: 96 };

/** The bodies of a file in a picture of that size, with all notes. */
function read(text: string, size: { width: number; height: number }) {
  const keypoints = parseKeypoints(text);
  const { bodies, notes } = placeBodies(keypoints, size);
  return { bodies, notes: [...keypoints.notes, ...notes] };
}

/** 18 keypoints, all seen. */
const COCO = Array.from({ length: 18 }, (_, i) => [4 + i * 3, 90 - i * 4, 0.8]).flat();
const pose = (keypoints: unknown, more: object = {}) =>
  JSON.stringify({ people: [{ pose_keypoints_2d: keypoints }], ...more });

function refused(text: string, words: RegExp) {
  assert.throws(
    () => read(text, SIZE),
    (error: unknown) => {
      assert.ok(error instanceof DarkroomError, String(error));
      assert.equal(error.code, 'bad_picture');
      assert.match(error.message, words);
      return true;
    },
  );
}

test('bodies are drawn as OpenCV draws their limbs and joints', async () => {
  interface Case {
    readonly pose: object;
    readonly width: number;
    readonly height: number;
    readonly result: string;
  }
  for (const { pose: file, result, ...size } of casesOf<Case>('openpose')) {
    const { bodies, notes } = read(JSON.stringify(file), size);
    assert.deepEqual(notes, []);
    const wrong = differing(drawBodies(bodies, size), await readRaster(result));
    assert.ok(wrong <= (size.width * size.height) / 10_000, `${result}: ${wrong} pixels`);
  }
});

test('BODY_25 gives the same figure as BODY_18', () => {
  const point = (i: number) => COCO.slice(i * 3, i * 3 + 3);
  // Its ninth is the middle of the hips; the last six are feet.
  const body25 = [
    ...COCO.slice(0, 24),
    32,
    50,
    0.9,
    ...COCO.slice(24),
    ...Array.from({ length: 18 }, () => 7),
  ];
  assert.equal(body25.length, 75);
  const [a, b] = [read(pose(COCO), SIZE), read(pose(body25), SIZE)];
  assert.deepEqual(b.bodies, a.bodies);
  assert.deepEqual(a.bodies[0]![8], { x: point(8)[0], y: point(8)[1] });
});

test('shares of the picture, pixels of a canvas and pixels of the picture mean the same place', () => {
  const shares = COCO.map((v, i) => (i % 3 === 0 ? v / 64 : i % 3 === 1 ? v / 96 : v));
  const doubled = COCO.map((v, i) => (i % 3 === 2 ? v : v * 2));
  const plain = read(pose(COCO), SIZE).bodies;
  const near = (text: string) => {
    const { bodies } = read(text, SIZE);
    for (const [i, { x, y }] of bodies[0]!.map((p) => p!).entries()) {
      assert.ok(Math.abs(x - plain[0]![i]!.x) + Math.abs(y - plain[0]![i]!.y) < 1e-9);
    }
  };
  near(pose(shares));
  near(pose(shares, { canvas_width: 640, canvas_height: 960 }));
  near(pose(doubled, { canvas_width: 128, canvas_height: 192 }));
  near(`[${pose(COCO)}]`);
});

test('a canvas of another proportion is fitted whole, in the middle, and said so', () => {
  const { bodies, notes } = read(pose(COCO, { canvas_width: 96, canvas_height: 96 }), SIZE);
  assert.match(inEnglish(notes).join(' '), /96x96.*64x96/);
  const [x = 0, y = 0] = COCO;
  assert.deepEqual(bodies[0]![0], { x: (x * 64) / 96, y: 16 + (y * 64) / 96 });
});

test('a part without confidence is left out with its limbs', () => {
  const hidden = COCO.map((v, i) => (i === 2 ? 0 : v));
  const { bodies } = read(pose(hidden), SIZE);
  assert.equal(bodies[0]![0], undefined);
  const some = drawBodies(bodies, SIZE).data.filter((v) => v > 0).length;
  const all = drawBodies(read(pose(COCO), SIZE).bodies, SIZE).data.filter((v) => v > 0).length;
  assert.ok(some > 0 && some < all);
});

test('hands and faces are left out with a note', () => {
  const person = { pose_keypoints_2d: COCO, hand_left_keypoints_2d: [1, 2, 1], face_keypoints_2d: [] };
  assert.match(
    inEnglish(read(JSON.stringify({ people: [person] }), SIZE).notes).join(' '),
    /hands and faces/,
  );
});

test('what is no pose is refused in a sentence', () => {
  refused('', /is not JSON/);
  refused('{"people": [', /is not JSON/);
  refused('null', /not an object/);
  refused('7', /not an object/);
  refused('{}', /no list `people`/);
  refused('{"people": []}', /shows nobody/);
  refused('{"people": [null]}', /no pose_keypoints_2d for person 1/);
  refused(pose(COCO.map(String)), /other than numbers/);
  refused(pose(COCO.slice(3)), /51 numbers.*54.*75/);
  refused(pose(COCO.map(() => 0)), /shows nobody/);
  refused(pose(COCO.map((v, i) => (i % 3 === 2 ? v : v + 5000))), /outside the picture of 64x96/);
  refused(pose(COCO, { canvas_width: 'wide', canvas_height: 96 }), /canvas_width/);
  refused(pose(COCO, { canvas_width: 0, canvas_height: 96 }), /canvas_width/);
  refused(JSON.stringify([{ people: [] }, { people: [] }]), /2 frames/);
  refused(
    JSON.stringify({ people: Array.from({ length: 200 }, () => ({ pose_keypoints_2d: COCO })) }),
    /200 people/,
  );
  refused(' '.repeat(3_000_000), /3000000 characters/);
});

test('points far outside are left out, so that they take no time', () => {
  for (const far of [1e4, 1e12, -1e300]) {
    const keypoints = COCO.map((v, i) => (i % 3 === 0 && i > 6 ? far : v));
    const started = performance.now();
    const { bodies } = read(pose(keypoints), SIZE);
    drawBodies(bodies, SIZE);
    assert.ok(performance.now() - started < 500);
    assert.ok(bodies[0]![0] !== undefined && bodies[0]![9] === undefined);
  }
});

test('points without numbers are parts that were not found', () => {
  const whole = read(pose(COCO), SIZE).bodies[0]!;
  const withNull = [...COCO.slice(0, 9), null, null, null, ...COCO.slice(12)];
  assert.deepEqual(read(pose(withNull), SIZE).bodies[0], whole.with(3, undefined));
});

test('a person with hands or a face only is left out with a note', () => {
  const others = [
    { pose_keypoints_2d: null, face_keypoints_2d: [10, 10, 1] },
    { hand_left_keypoints_2d: [10, 10, 1] },
    null,
    { pose_keypoints_2d: COCO.map(() => 0) },
  ];
  const { bodies, notes } = read(JSON.stringify({ people: [{ pose_keypoints_2d: COCO }, ...others] }), SIZE);
  assert.equal(bodies.length, 1);
  for (const number of [2, 3, 4, 5])
    assert.match(inEnglish(notes).join(' '), new RegExp(`Person ${number} .* left out`));
});

test('a limb over the edge does not turn shares into pixels', () => {
  const shares = COCO.map((v, i) => (i % 3 === 0 ? v / 64 : i % 3 === 1 ? v / 96 : v));
  const whole = read(pose(shares, { canvas_width: 64, canvas_height: 96 }), SIZE).bodies[0]!;
  for (const [at, value] of [
    [30, 1.02],
    [12, -0.004],
  ] as const) {
    const over = read(pose(shares.with(at, value), { canvas_width: 64, canvas_height: 96 }), SIZE).bodies[0]!;
    assert.deepEqual(over[1], whole[1]);
    assert.ok(Math.abs(over[at / 3]!.x - value * 64) < 1e-9);
  }
  const unit = read(pose(shares, { canvas_width: 1, canvas_height: 1 }), SIZE).bodies[0]!;
  assert.ok(unit.every((point, i) => Math.abs(point!.y - whole[i]!.y) < 1e-9));
});

test('what older editors and the first OpenPose wrote is read', () => {
  const expected = read(pose(COCO, { canvas_width: 64, canvas_height: 96 }), SIZE).bodies;
  const points = Array.from({ length: 18 }, (_, i) => COCO.slice(i * 3, i * 3 + 2));
  const forms = [
    { width: 64, height: 96, keypoints: [points] },
    { width: 64, height: 96, keypoints: points },
    { people: [{ pose_keypoints: COCO }], canvas_width: 64, canvas_height: 96 },
    { people: [{ pose_keypoints_2d: points.flat() }], canvas_width: '64', canvas_height: '96' },
  ];
  for (const form of forms) assert.deepEqual(read(JSON.stringify(form), SIZE).bodies, expected);
  const older = { width: 64, height: 96, keypoints: [points.with(3, null as never)] };
  assert.deepEqual(read(JSON.stringify(older), SIZE).bodies[0], expected[0]!.with(3, undefined));
});

test('a file of keypoints becomes a picture that carries them, whatever its encoding', async () => {
  const text = pose(COCO, { canvas_width: 64, canvas_height: 96 });
  const encodings = [
    Buffer.from(text),
    Buffer.from(`\uFEFF${text}`),
    Buffer.from(`\uFEFF${text}`, 'utf16le'),
    Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
    Buffer.from(text, 'utf16le'),
  ];
  for (const file of encodings) {
    const { bytes, width, height } = await readUpload(file, 'control');
    assert.deepEqual({ width, height }, { width: 64, height: 96 });
    const figure = drawBodies(read(text, SIZE).bodies, SIZE);
    assert.equal(differing(await decodeRgb(bytes), figure), 0);
    assert.deepEqual(placeBodies(keypointsOf(bytes)!, SIZE).bodies, read(text, SIZE).bodies);
  }
  await assert.rejects(readUpload(encodings[0]!, 'picture'), /--control openpose/);
});
