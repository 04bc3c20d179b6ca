/** The model that ships inside: its folder gives in Darkroom the picture that it gives in diffusers (make_embedded.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { comparePixels, FIXTURES, type GoldenRun, jobOf, readPixels } from './goldens.ts';

const models = new URL('../../models', import.meta.url).pathname;
const cases: readonly (Pick<GoldenRun, 'name' | 'request'> & { readonly picture: string })[] = JSON.parse(
  readFileSync(`${FIXTURES}embedded.json`, 'utf8'),
);
const engine = await createEngine({
  models: [models, `${models}/mini/controlnets`],
  device: cpuDevice({ threads: 2 }),
});
after(() => engine.close());

for (const { name, request, picture } of cases) {
  test(`diffusers draws the same: ${name}`, async () => {
    // diffusers has no upscaler of that kind.
    const run = await engine.open(await jobOf({ ...request, enlarge: false }, { models }));
    try {
      assert.equal((await run.advance(run.steps, () => {})).done, true);
      const { pictures } = await run.decode();
      comparePixels(await readPixels(pictures[0]!.png), await readPixels(`${FIXTURES}${picture}`));
    } finally {
      await run.close();
    }
  });
}

test('two Korean things are joined by the particle that the noun takes, as by the one that training used', async () => {
  const draw = async (prompt: string) => {
    const request = { ...cases[0]!.request, prompt, num_inference_steps: 1, enlarge: false };
    const run = await engine.open(await jobOf(request, { models }));
    await run.advance(run.steps, () => {});
    const { pictures } = await run.decode();
    await run.close();
    return readPixels(pictures[0]!.png);
  };
  assert.deepEqual(await draw('빨간 머그잔과 파란 별'), await draw('빨간 머그잔와 파란 별'));
});
