/** Model folders with oddities in their files draw what diffusers draws of them (make_folders.py). */
import { readFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { temporaryFolder } from '../models/forge.ts';
import { comparePixels, FIXTURES, jobOf, MODELS, readPixels } from './goldens.ts';

interface Case {
  readonly name: string;
  /** Of fixtures/models. */
  readonly base: string;
  /** Values laid over its JSON files. */
  readonly files: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly request: Readonly<Record<string, unknown>>;
}
const cases: readonly Case[] = JSON.parse(readFileSync(`${FIXTURES}folders.json`, 'utf8'));

for (const { name, base, files, request } of cases) {
  test(`diffusers draws the same: ${name}`, async (t) => {
    const models = await temporaryFolder(t);
    await cp(join(MODELS, base), join(models, base), { recursive: true });
    for (const [file, values] of Object.entries(files)) {
      const path = join(models, base, file);
      const now = JSON.parse(await readFile(path, 'utf8').catch(() => '{}'));
      await writeFile(path, JSON.stringify({ ...now, ...values }));
    }
    const engine = await createEngine({ models: [models], device: cpuDevice({ threads: 1 }) });
    t.after(() => engine.close());
    const run = await engine.open(await jobOf({ ...request, model: base }, { models }));
    while (!(await run.advance(100, () => {})).done);
    const { pictures } = await run.decode();
    comparePixels(await readPixels(pictures[0]!.png), await readPixels(`${FIXTURES}folders/${name}.png`));
    await run.close();
  });
}
