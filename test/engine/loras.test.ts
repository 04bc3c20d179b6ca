/** LoRAs of every spelling and kind: against diffusers where it reads them (make_loras.py), else against a dense fold. */
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
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
