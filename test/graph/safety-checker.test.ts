/** The safety checker computes what diffusers computes, from the picture's levels to the verdict. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cpuDevice } from '../../src/engine/device.ts';
import { openSession } from '../../src/engine/session.ts';
import { safetyCheckerGraph } from '../../src/graph/safety-checker.ts';
import { PORTABLE } from '../../src/graph/target.ts';
import { clipInput, clipSquare, readClipInputCard } from '../../src/image/clip-input.ts';
import type { Raster } from '../../src/image/resample.ts';
import { ModelFiles } from '../../src/models/files.ts';
import { judge } from '../../src/moderation/verdict.ts';
import { skipWithoutInt8 } from '../engine/int8.ts';

const FOLDER = fileURLToPath(new URL('../golden/fixtures/safety', import.meta.url));
interface Golden {
  readonly size: readonly [width: number, height: number];
  readonly levels: string;
  readonly pillow: string;
  readonly concepts: readonly number[];
  readonly special: readonly number[];
  readonly flagged: boolean;
}
const GOLDENS: readonly Golden[] = JSON.parse(readFileSync(`${FOLDER}/safety.json`, 'utf8'));

/** The picture that make_safety.py makes. */
function picture(width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    data[i] = (x * 7 + y * 13 + c * 50 + ((x * y) % 31) * 5) % 256;
  }
  return { data, width, height, channels: 3 };
}

const files = await ModelFiles.at(FOLDER);
const card = readClipInputCard(await files.json('feature_extractor/preprocessor_config.json'), {
  label: 'preprocessor_config.json',
  size: 28,
});

test('pictures are scaled and cropped as the feature extractor does it, to the level', () => {
  for (const { size, levels, pillow } of GOLDENS) {
    const { data } = clipSquare(picture(...size), card);
    assert.deepEqual(Buffer.from(data), Buffer.from(pillow, 'base64'), `${size}`);
    // diffusers runs torchvision's version, whose rounding differs by a level here and there.
    const theirs = Buffer.from(levels, 'base64');
    assert.ok(data.every((level, i) => Math.abs(level - theirs[i]!) <= 1));
  }
});

test('cosines and verdicts are those of diffusers', async () => {
  const component = await files.component('safety_checker', 'model');
  const session = await openSession(safetyCheckerGraph(component), cpuDevice({ threads: 1 }));
  for (const { levels, concepts, special, flagged } of GOLDENS) {
    // From diffusers' own levels, so that only the network is compared.
    const square = { data: Buffer.from(levels, 'base64'), width: 28, height: 28, channels: 3 };
    const out = await session.run({ pixel_values: clipInput(square, card) }, [
      ...(['concepts', 'special_care', 'concepts_thresholds', 'special_care_thresholds'] as const),
    ]);
    const near = (ours: Float32Array, theirs: readonly number[]) =>
      assert.ok(
        ours.every((value, i) => Math.abs(value - theirs[i]!) < 1e-5),
        `${[...ours]} is not ${theirs}`,
      );
    near(out.concepts.data, concepts);
    near(out.special_care.data, special);
    const thresholds = {
      concepts: out.concepts_thresholds.data,
      specialCare: out.special_care_thresholds.data,
    };
    const verdict = judge({ concepts: out.concepts.data, specialCare: out.special_care.data }, thresholds);
    assert.equal(verdict.isFlagged, flagged);
    // From diffusers' own cosines the verdict is the same to the last digit.
    const exact = { concepts: Float32Array.from(concepts), specialCare: Float32Array.from(special) };
    assert.equal(judge(exact, thresholds).isFlagged, flagged);
  }
  await session.close();
});

test('in 8 bits cosines stay where they are', async (t) => {
  if (await skipWithoutInt8(t)) return;
  const component = await files.component('safety_checker', 'model');
  const session = await openSession(
    safetyCheckerGraph(component, { ...PORTABLE, int8: true }),
    cpuDevice({ threads: 1 }),
  );
  let largest = 0;
  for (const { levels, concepts } of GOLDENS) {
    const square = { data: Buffer.from(levels, 'base64'), width: 28, height: 28, channels: 3 };
    const { concepts: ours } = await session.run({ pixel_values: clipInput(square, card) }, ['concepts']);
    for (const [i, value] of ours.data.entries()) largest = Math.max(largest, Math.abs(value - concepts[i]!));
  }
  await session.close();
  assert.ok(largest > 0 && largest < 0.01, `${largest} off`);
});
