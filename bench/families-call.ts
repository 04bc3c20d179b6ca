/**
 * One run of bench/families.ts: node families-call.ts denoiser|picture FILE.gguf SIDE THREADS|DEVICE [RUNS] -> one JSON object with
 * the seconds of the last of RUNS. The text encoder and the VAE of a picture lie beside the file.
 */
import { dirname, parse } from 'node:path';
import { cpuDevice, parseDevice, targetOf } from '../src/engine/device.ts';
import { createEngine } from '../src/engine/pipeline.ts';
import { openSession } from '../src/engine/session.ts';
import type { Component } from '../src/graph/component.ts';
import { fluxTransformerGraph } from '../src/graph/flux.ts';
import { flux2Graph } from '../src/graph/flux2.ts';
import { zImageGraph } from '../src/graph/z-image.ts';
import { Catalogue } from '../src/models/catalogue.ts';
import { FAMILIES } from '../src/models/families/index.ts';
import { readWeights } from '../src/models/weights.ts';
import { freezeRequest } from '../src/request.ts';
import { inputOf } from './inputs.ts';

const [what, file, sideText, where, runs = '1'] = process.argv.slice(2) as [string, string, string, string];
const side = Number(sideText);
const device = /^\d+$/.test(where) ? cpuDevice({ threads: Number(where) }) : parseDevice(where);
const started = performance.now();
const since = (from: number) => (performance.now() - from) / 1000;

/** Inputs of each transformer for a square picture and 512 words (32 of Z-Image), by the name of its file. */
const DENOISERS: Readonly<
  Record<
    string,
    {
      graph(component: Component, target: ReturnType<typeof targetOf>): Parameters<typeof openSession>[0];
      inputs(side: number): Record<string, readonly number[]>;
    }
  >
> = {
  flux: {
    graph: (component, target) => fluxTransformerGraph(component, target),
    inputs: (latents) => ({
      hidden_states: [1, 16, latents, latents],
      encoder_hidden_states: [1, 512, 4096],
      pooled_projections: [1, 768],
      timestep: [1],
      guidance: [1],
      ...rotary((latents / 2) ** 2 + 512),
    }),
  },
  klein: {
    graph: (component, target) => flux2Graph(component, target),
    inputs: (latents) => ({
      hidden_states: [1, 128, latents / 2, latents / 2],
      reference_states: [1, 0, 128],
      encoder_hidden_states: [1, 512, 7680],
      timestep: [1],
      ...rotary((latents / 2) ** 2 + 512),
    }),
  },
  'z-image': {
    graph: (component, target) => zImageGraph(component, target),
    inputs: (latents) => ({
      hidden_states: [1, 16, latents, latents],
      encoder_hidden_states: [1, 32, 2560],
      timestep: [1],
      ...rotary((latents / 2) ** 2 + 32),
    }),
  },
};
const rotary = (positions: number) => ({ rotary_cos: [positions, 64], rotary_sin: [positions, 64] });

async function denoiser(): Promise<number> {
  const weights = await readWeights(file);
  const layout = FAMILIES.find(({ checkpoint }) => checkpoint?.recognise(weights) !== undefined)!.checkpoint!;
  const component = (await layout.read(weights, {})).components.get('transformer')!;
  const { graph, inputs } = DENOISERS[parse(file).name]!;
  const session = await openSession(graph(component, targetOf(device)), device);
  const feeds = Object.fromEntries(
    Object.entries(inputs(side / 8)).map(([name, dims]) => [name, inputOf(name, dims)]),
  );
  return lastOf(async () => {
    const { out_hidden_states: out } = await session.run(feeds, ['out_hidden_states']);
    if (!out.data.every((value) => Number.isFinite(value))) throw new Error('the result is not finite');
  });
}

async function picture(): Promise<number> {
  const models = [dirname(file)];
  const engine = await createEngine({ models, device });
  const model = parse(file).name;
  const { defaults } = await new Catalogue(models).open(model);
  const last = await lastOf(async (number) => {
    const draft = {
      model,
      prompt: `a red mug on a table, number ${number}`,
      width: side,
      height: side,
      num_inference_steps: 4,
      seed: 1,
    };
    const { request } = freezeRequest(draft, { model, defaults });
    const run = await engine.open({ id: 'one', user: 'bench:one', request, inputs: new Map() });
    while (!(await run.advance(1, () => {})).done);
    await run.decode();
    await run.close();
  });
  await engine.close();
  return last;
}

async function lastOf(run: (number: number) => Promise<void>): Promise<number> {
  let last = 0;
  for (let number = 1; number <= Number(runs); number++) {
    const from = performance.now();
    await run(number);
    last = since(from);
  }
  return last;
}

const seconds = await (what === 'picture' ? picture() : denoiser());
const peakBytes = 1024 * process.resourceUsage().maxRSS;
console.log(JSON.stringify({ opened: since(started) - seconds, seconds, peakBytes }));
process.exit();
