/**
 * Every pipeline, family and sampler against diffusers' (make_pipelines.py): the same folder, seed and request give
 * the same latents and pixels.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import {
  CONTROLNETS,
  compareLatents,
  comparePixels,
  FIXTURES,
  GOLDEN_RUNS,
  jobOf,
  MODELS,
  readNpy,
  readPixels,
} from './goldens.ts';

/** Beyond it the reference does not agree with itself in float64: a case says nothing then. */
const CHAOTIC = 5e-4;

const engine = await createEngine({ models: [MODELS, CONTROLNETS], device: cpuDevice({ threads: 1 }) });
after(() => engine.close());

for (const { name, request, files, drift = 0 } of GOLDEN_RUNS) {
  const skip = drift > CHAOTIC && `chaotic: the reference's own float64 run ends ${drift} away`;
  test(`diffusers agrees: ${name}`, { skip }, async () => {
    const run = await engine.open(await jobOf(request));
    try {
      assert.equal((await run.advance(run.steps, () => {})).done, true);
      const { pictures } = await run.decode();
      const latents = run.latents().flatMap(({ data }) => [...data]);
      compareLatents(Float32Array.from(latents), readNpy(`${FIXTURES}${files.latents}`));
      for (const [i, file] of files.pictures.entries()) {
        comparePixels(await readPixels(pictures[i]!.png), await readPixels(`${FIXTURES}${file}`));
      }
    } finally {
      await run.close();
    }
  });
}
