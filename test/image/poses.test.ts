import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawBodies } from '../../src/image/openpose.ts';
import { POSE_NAMES, parsePose, poseBody } from '../../src/image/poses.ts';

const SIZES = [
  { width: 512, height: 512 },
  { width: 64, height: 256 },
  { width: 1024, height: 320 },
];

for (const name of POSE_NAMES) {
  test(`${name} lies whole within any picture, in its middle and in proportion`, () => {
    const lengths = SIZES.map((size) => {
      const seen = poseBody(name, size).filter((point) => point !== undefined);
      assert.ok(seen.length >= 17);
      for (const { x, y } of seen) {
        assert.ok(
          x > 0 && y > 0 && x < size.width && y < size.height,
          `${x}, ${y} in ${size.width}x${size.height}`,
        );
      }
      const xs = seen.map(({ x }) => x);
      assert.ok(Math.abs((Math.min(...xs) + Math.max(...xs)) / 2 - size.width / 2) < 1e-6);
      const spans = [Math.max(...xs) - Math.min(...xs), Math.max(...seen.map(({ y }) => y)) - seen[0]!.y];
      assert.ok(Math.max(spans[0]! / size.width, spans[1]! / size.height) > 0.5, 'fills the picture');
      return spans[0]! / spans[1]!;
    });
    for (const ratio of lengths) assert.ok(Math.abs(ratio - lengths[0]!) < 1e-9);
  });

  test(`in ${name}, limbs that come in pairs are about as long as each other`, () => {
    const body = poseBody(name, SIZES[0]!);
    const length = (a: number, b: number) => Math.hypot(body[a]!.x - body[b]!.x, body[a]!.y - body[b]!.y);
    const pairs = [
      [2, 3, 5, 6],
      [3, 4, 6, 7],
      [8, 9, 11, 12],
      [9, 10, 12, 13],
    ] as const;
    for (const [a, b, c, d] of pairs) {
      const ratio = length(a, b) / length(c, d);
      assert.ok(ratio > 0.75 && ratio < 1.34, `${name} ${a}-${b}: ${ratio}`);
    }
  });
}

test('poses differ from one another', () => {
  const drawn = POSE_NAMES.map((name) =>
    Buffer.from(drawBodies([poseBody(name, SIZES[0]!)], SIZES[0]!).data),
  );
  for (const [i, a] of drawn.entries()) {
    for (const b of drawn.slice(i + 1)) assert.notEqual(Buffer.compare(a, b), 0);
  }
});

test('words name a pose', () => {
  assert.equal(parsePose('Dancing'), 'dancing');
  assert.equal(parsePose('a dancer in the rain'), 'dancing');
  assert.equal(parsePose('someone who sits'), 'sitting');
  assert.equal(parsePose('toString'), undefined);
  assert.equal(parsePose('pose.json'), undefined);
});
