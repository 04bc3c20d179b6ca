/**
 * One run of bench/gpu-flow.ts: node flow-picture.ts FILE.gguf DEVICE STEPS SIDE... draws a picture of each size twice, each with
 * words of its own. A line of JSON on stdout for each call of a network in the first picture of a size ({watched}), and for each
 * second picture ({side, seconds, stages, call}); what fails in between is {failed}, and the next size is tried.
 */
import { dirname, parse } from 'node:path';
import { parseDevice } from '../src/engine/device.ts';
import { createEngine } from '../src/engine/pipeline.ts';
import { openLibraries } from '../src/gpu/libraries.ts';
import { Catalogue } from '../src/models/catalogue.ts';
import { freezeRequest } from '../src/request.ts';
import { median } from './figure.ts';
import { type Watched, watchSessions } from './watch-sessions.ts';

const [file, where, steps, ...sides] = process.argv.slice(2) as [string, string, string, ...string[]];
const device = parseDevice(where);
const models = [dirname(file)];
const model = parse(file).name;
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

let isTold = true;
let calls: number[] = [];
// Before onnxruntime is loaded, as src/engine/session.ts does.
if (device.provider === 'cuda') openLibraries();
await watchSessions((watched: Watched) => {
  if (isTold || watched.begins !== undefined) say({ watched });
  if (watched.part === 'transformer') calls.push(watched.seconds);
});
const engine = await createEngine({ models, device });
const { defaults } = await new Catalogue(models).open(model);
const started = performance.now();
await engine.warm(model);
say({ opened: (performance.now() - started) / 1000 });

for (const side of sides.map(Number)) {
  try {
    for (const number of [1, 2]) {
      isTold = number === 1;
      calls = [];
      const { seconds, stages } = await draw(side, `a red mug on a table, ${number} of ${side}`);
      if (!isTold) say({ side, seconds, stages, call: median(calls) });
    }
  } catch (error) {
    const { message, cause } = error as Error;
    say({ failed: `${message} ${cause instanceof Error ? cause.message : ''}`, side });
  }
}
await engine.close();
process.exit();

async function draw(side: number, prompt: string) {
  const size = { width: side, height: side, num_inference_steps: Number(steps) };
  const draft = { model, prompt, ...size, seed: 1 };
  const { request } = freezeRequest(draft, { model, defaults });
  const from = performance.now();
  const run = await engine.open({ id: 'one', user: 'bench:one', request, inputs: new Map() });
  while (!(await run.advance(1, () => {})).done);
  const { seconds: stages } = await run.decode();
  await run.close();
  return { seconds: (performance.now() - from) / 1000, stages };
}
