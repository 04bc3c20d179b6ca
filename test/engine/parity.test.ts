/** Whole pictures against diffusers': the same folder, seed and request must give the same latents and pixels. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import {
  compareLatents,
  comparePixels,
  FIXTURES,
  GOLDEN_PICTURES,
  jobOf,
  MODELS,
  readNpy,
  readPixels,
} from './goldens.ts';

const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
after(() => engine.close());

for (const { name, request, files } of GOLDEN_PICTURES) {
  test(`diffusers agrees: ${name}`, async () => {
    const run = await engine.open(await jobOf({ ...request, prompt_syntax: 'plain' }));
    assert.equal((await run.advance(run.steps, () => {})).done, true);
    const { pictures } = await run.decode();
    const [latents] = run.latents();
    await run.close();

    compareLatents(latents!.data, readNpy(`${FIXTURES}${files.latents}`));
    comparePixels(await readPixels(pictures[0]!.png), await readPixels(`${FIXTURES}${files.picture}`));
  });
}
