/** Pictures with LoRAs, beside the weights and folded into them: diffusers' numbers (make_loras.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { AdaptedModels, readLoras } from '../../src/engine/lora/loras.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { compareLatents, FIXTURES, jobOf, MODELS, readNpy } from './goldens.ts';

interface Case {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>> & { readonly model: string };
}
const cases: readonly Case[] = JSON.parse(readFileSync(`${FIXTURES}loras.json`, 'utf8'));

const engine = await createEngine({
  models: [MODELS, `${FIXTURES}loras`],
  device: cpuDevice({ threads: 1 }),
});
after(() => engine.close());

async function latentsOf(request: Case['request']): Promise<Float32Array> {
  const run = await engine.open(await jobOf(request));
  try {
    while (!(await run.advance(run.steps, () => {})).done);
    return run.latents()[0]!.data;
  } finally {
    await run.close();
  }
}

for (const { name, request } of cases) {
  test(`diffusers agrees: ${name}`, async () => {
    compareLatents(await latentsOf(request), readNpy(`${FIXTURES}loras/${name}.npy`));
  });
}

test('LoRAs that alternate share one model with places for both, and each has its own factors', async (t) => {
  const spec = await openModelFolder(`${MODELS}/tiny-sd15`);
  const models = new AdaptedModels(cpuDevice({ threads: 1 }));
  t.after(() => models.close());
  const adapt = async (file: string, weight = 1) => {
    const { request } = await jobOf({ model: 'tiny-sd15', prompt: 'a mug', loras: [{ file, weight }] });
    return models.adapt(spec, await readLoras(request, spec, new Inventory([`${FIXTURES}loras`])));
  };
  await adapt('sd15-kohya');
  const conv = await adapt('sd15-conv');
  const kohya = await adapt('sd15-kohya');
  assert.equal(kohya.spec, conv.spec);
  assert.notEqual(kohya.feeds, conv.feeds);
  assert.equal((await adapt('sd15-kohya')).feeds, kohya.feeds);
  const dora = await adapt('sd15-dora');
  assert.notEqual(dora.spec, conv.spec);
  assert.equal((await adapt('sd15-dora')).spec, dora.spec);
  assert.equal((await adapt('sd15-kohya', 0)).spec, spec);
});

test('a name in the prompt, in the option and in JSON draw the same picture', async () => {
  const base = { ...cases[0]!.request, prompt_syntax: 'a1111', num_inference_steps: 2 };
  const tagged = { ...base, loras: undefined, prompt: 'a red mug <lora:SD15-kohya:0.5:0.8> on a table' };
  const given = { ...base, loras: [{ file: 'sd15-kohya', weight: 0.8, text_encoder_weight: 0.5 }] };
  assert.deepEqual(await latentsOf(tagged), await latentsOf(given));
});

test('a file that was replaced after the request, and one that is gone, are refused by name', async () => {
  const refused = async (lora: object, pattern: RegExp) =>
    assert.rejects(latentsOf({ ...cases[0]!.request, loras: [lora] }), (error) =>
      pattern.test(String(error)),
    );
  await refused(
    { file: 'sd15-kohya', weight: 1, hash: '0123456789' },
    /replaced by another file after this was requested/,
  );
  await refused({ file: 'sd15-kohia', weight: 1 }, /There is no LoRA sd15-kohia. Did you mean sd15-kohya/);
  await refused({ file: 'sdxl-sgm', weight: 1 }, /sdxl-sgm is a LoRA for Stable Diffusion XL/);
});
