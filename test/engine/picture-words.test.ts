/** Several pictures whose seeds drew different words: each is the picture that its own recipe makes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { jobOf, MODELS } from './goldens.ts';

test('each picture of a request has its own words', async (t) => {
  const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
  t.after(() => engine.close());
  const draft = {
    model: 'tiny-sd15',
    prompt: 'a red mug',
    width: 64,
    height: 64,
    num_inference_steps: 2,
    seed: 4,
  };
  const make = async (more: object) => {
    const run = await engine.open(await jobOf({ ...draft, ...more }));
    while (!(await run.advance(100, () => {})).done);
    const { pictures } = await run.decode();
    await run.close();
    return pictures;
  };
  const words = [{ prompt: 'a red mug' }, { prompt: 'a blue cat', negative_prompt: 'rain' }];
  const both = await make({ num_images: 2, picture_words: words });
  for (const [i, own] of words.entries()) {
    const [single] = await make({ ...own, seed: 4 + i });
    assert.deepEqual(both[i]!.png, single!.png);
    const text = JSON.parse(readPngText(both[i]!.png).get('darkroom')!) as { request: { prompt: string } };
    assert.equal(text.request.prompt, own.prompt);
  }
  const [, alike] = await make({ num_images: 2 });
  assert.notDeepEqual(both[1]!.png, alike!.png);
});
