/**
 * One picture in a process of its own, so that its peak of memory is its own: node plan-child.ts FOLDER DATA PICTURE, as JSON
 * -> one JSON object, what was planned and what was taken, in bytes. DATA keeps optimised graphs; with `prepare` for the
 * picture they are made, and nothing is drawn.
 */
import { basename, dirname } from 'node:path';
import { prepareModel } from '../src/engine/model/model-cache.ts';
import { createEngine } from '../src/engine/pipeline.ts';
import { engineOptions } from '../src/engine-options.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { freezeRequest } from '../src/request.ts';
import { benchSettings } from './settings.ts';

export interface Picture {
  readonly side: number;
  readonly guidance: number;
}

const [folder, data, task] = process.argv.slice(2) as [string, string, string];
const spec = await openModelFolder(folder);
const [options] = await engineOptions(benchSettings({ DARKROOM_DATA: data }), {
  device: 'cpu',
  threads: 2,
});
if (task === 'prepare') {
  for await (const made of prepareModel(spec, options.device)) console.log(JSON.stringify(made));
  process.exit();
}
const { side, guidance } = JSON.parse(task) as Picture;
const { request } = freezeRequest(
  {
    prompt: 'a red mug',
    num_inference_steps: 2,
    guidance_scale: guidance,
    width: side,
    height: side,
    seed: 1,
  },
  { model: spec.name, defaults: spec.defaults },
);
const engine = await createEngine({ ...options, models: [dirname(folder)] });
const run = await engine.open({
  id: 'bench',
  user: 'bench',
  request: { ...request, model: basename(folder) },
  inputs: new Map(),
});
while (!(await run.advance(1, () => {})).done);
await run.decode();
const measured = process.resourceUsage().maxRSS * 1024;
await run.close();
await engine.close();
console.log(JSON.stringify({ planned: run.memory!.bytes, measured, savers: run.memory!.savers }));
