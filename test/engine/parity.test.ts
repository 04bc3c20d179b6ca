/** Whole pictures against diffusers': the same folder, seed and request must give the same latents and pixels. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createEngine } from '../../src/engine/pipeline.ts';
import { FIXTURES, GOLDEN_PICTURES, jobOf, MODELS, readNpy, readPixels } from './goldens.ts';

/** Of the latents' standard deviation; what is seen is about 1e-5. */
const LATENT_TOLERANCE = 1e-3;

const engine = await createEngine({ models: [MODELS], threads: 1 });
after(() => engine.close());

for (const { name, request, files } of GOLDEN_PICTURES) {
  test(`diffusers agrees: ${name}`, async () => {
    const run = await engine.open(await jobOf({ ...request, prompt_syntax: 'plain' }));
    assert.equal((await run.advance(run.steps, () => {})).done, true);
    const { pictures } = await run.develop();
    const [latents] = run.latents();
    await run.close();

    const expected = readNpy(`${FIXTURES}${files.latents}`);
    const worst = largest(latents!.data, expected) / std(expected);
    assert.ok(worst < LATENT_TOLERANCE, `latents are off by ${worst} of their standard deviation`);
    comparePixels(await readPixels(pictures[0]!.png), await readPixels(`${FIXTURES}${files.picture}`));
  });
}

/** Within 2 levels of 255 on 99.9 % of the values, and a PSNR of 45 dB or more. */
function comparePixels(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length);
  let outside = 0;
  let squares = 0;
  for (const [i, value] of expected.entries()) {
    const difference = actual[i]! - value;
    if (Math.abs(difference) > 2) outside++;
    squares += difference ** 2;
  }
  const psnr = 10 * Math.log10(255 ** 2 / (squares / expected.length));
  assert.ok(
    outside / expected.length <= 0.001,
    `${outside} of ${expected.length} values are off by more than 2`,
  );
  assert.ok(psnr >= 45, `PSNR is ${psnr} dB`);
}

function largest(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i]! - value)), 0);
}

function std(values: Float32Array): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}
