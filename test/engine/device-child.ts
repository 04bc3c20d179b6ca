/**
 * Parts of models on a device and on the CPU, in a process of its own: a software driver may crash at its end.
 * `device-child.ts DEVICE [NAME...]` prints the error of each output of the parts named, or of all, as JSON. Sizes are
 * fixed in the graph, so that what remains of it is arithmetic of tensors, and on WebGPU none of that may fall back to the
 * CPU.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuDevice, type Device, parseDevice, targetOf } from '../../src/engine/device.ts';
import { openSession } from '../../src/engine/session.ts';
import { textEncoderGraph } from '../../src/graph/clip.ts';
import type { Graph } from '../../src/graph/component.ts';
import { sd3TransformerGraph } from '../../src/graph/mmdit.ts';
import { t5EncoderGraph } from '../../src/graph/t5.ts';
import type { Target } from '../../src/graph/target.ts';
import { unetGraph } from '../../src/graph/unet.ts';
import { upscalerGraph } from '../../src/graph/upscaler.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../src/graph/vae.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import type { Feeds } from '../../src/tensor.ts';
import { flowCases } from '../graph/flow-cases.ts';
import { field, forgeComponent } from '../graph/forge.ts';
import { decodeGraph, encodeGraph } from '../graph/lower.ts';

interface Part {
  readonly config: Record<string, unknown>;
  readonly tensors: Record<string, number[]>;
}

interface Golden extends Part {
  readonly name: string;
  readonly kind?: string;
  readonly nets?: readonly Part[];
  readonly inputs?: Record<string, number[]>;
  readonly picture?: number[];
  readonly timesteps?: readonly number[];
  readonly ids?: readonly (readonly number[])[];
}

interface Case {
  readonly name: string;
  readonly build: (target: Target) => Graph;
  readonly feeds: Feeds;
}

const folders: string[] = [];

async function forge({ config, tensors }: Part) {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-device-'));
  folders.push(folder);
  return forgeComponent(folder, config, tensors);
}

async function casesOf(golden: Golden): Promise<Case[]> {
  const { name, kind, nets = [], timesteps = [], ids = [[]] } = golden;
  const component = await forge(golden);
  const fields = Object.fromEntries(
    Object.entries(golden.inputs ?? {}).map(([input, dims]) => [input, field(input, dims)]),
  );
  const timestep = { data: Float32Array.from(timesteps), dims: [timesteps.length] };
  const input_ids = {
    data: BigInt64Array.from(ids.flat(), BigInt),
    dims: [ids.length, ids[0]!.length],
  };
  switch (kind) {
    case 'unet': {
      const controlNets = await Promise.all(nets.map(forge));
      const build = (target: Target) => unetGraph(component, controlNets, target);
      return [{ name, build, feeds: { ...fields, timestep } }];
    }
    case 'vae': {
      const { sample, latent_sample } = fields as Feeds;
      return [
        {
          name: `${name}, encoder`,
          build: (target) => vaeEncoderGraph(component, target),
          feeds: { sample: sample! },
        },
        {
          name: `${name}, decoder`,
          build: (target) => vaeDecoderGraph(component, target),
          feeds: { latent_sample: latent_sample! },
        },
      ];
    }
    case 'clip':
      return [{ name, build: (target) => textEncoderGraph(component, target), feeds: { input_ids } }];
    case 't5':
      return [{ name, build: (target) => t5EncoderGraph(component, target), feeds: { input_ids } }];
    case 'transformer': {
      const build = (target: Target) => sd3TransformerGraph(component, target);
      return [{ name, build, feeds: { ...fields, timestep } }];
    }
    default: {
      const picture = field('picture', golden.picture!);
      return [{ name, build: (target) => upscalerGraph(component, target), feeds: { picture } }];
    }
  }
}

/** The embedded model's UNet and VAE at 64x64 pixels. */
async function embedded(): Promise<Case[]> {
  const spec = await new Catalogue([join(import.meta.dirname, '../../models')]).open('mini');
  const { denoiser, latentChannels: channels, vaeScaleFactor } = spec;
  const side = 64 / vaeScaleFactor;
  const { cross_attention_dim: width } = denoiser.component.config as { cross_attention_dim: number };
  const feeds = {
    sample: field('sample', [2, channels, side, side]),
    timestep: { data: Float32Array.of(500), dims: [1] },
    encoder_hidden_states: field('context', [2, 16, width]),
  };
  return [
    { name: 'mini, denoiser', build: (target) => spec.graph('denoiser', target), feeds },
    {
      name: 'mini, decoder',
      build: (target) => spec.graph('vaeDecoder', target),
      feeds: { latent_sample: field('latents', [1, channels, side, side]) },
    },
  ];
}

function withFixedSizes(graph: Graph, feeds: Feeds): Graph {
  const model = decodeGraph(graph);
  const input = model.graph.input.map(({ name, type }) => {
    const dim = feeds[name]!.dims.map((dimValue) => ({ dimValue }));
    return { name, type: { tensorType: { ...type.tensorType, shape: { dim } } } };
  });
  return encodeGraph({ ...model, graph: { ...model.graph, input } }, graph);
}

async function run({ build, feeds }: Case, device: Device) {
  const graph = withFixedSizes(build(targetOf(device)), feeds);
  const session = await openSession(graph, device, { cpuFallback: device.provider !== 'webgpu' });
  const result = await session.run(feeds, session.outputNames);
  await session.close();
  return result;
}

const goldens = ['components', 'sd3', 'upscaler'].flatMap(
  (name) =>
    JSON.parse(readFileSync(join(import.meta.dirname, `../graph/${name}.golden.json`), 'utf8')) as Golden[],
);
const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
const errors: Record<string, number> = {};
const [device, ...names] = process.argv.slice(2);
for (const name of names.length > 0 ? names : [...goldens.map((one) => one.name), 'flow', 'mini']) {
  const golden = goldens.find((one) => one.name === name);
  const cases = golden !== undefined ? casesOf(golden) : name === 'flow' ? flowCases() : embedded();
  for (const one of await cases) {
    const [expected, actual] = [
      await run(one, cpuDevice({ threads: 1 })),
      await run(one, parseDevice(device!)),
    ];
    for (const [output, { data }] of Object.entries(expected)) {
      const difference = (data as Float32Array).map((v, i) => v - actual[output]!.data[i]!);
      errors[`${one.name}: ${output}`] = norm(difference) / norm(data as Float32Array);
    }
  }
}
await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
// All at once and at the very end: the driver may crash when the process ends.
process.stdout.write(JSON.stringify(errors), () => process.kill(process.pid, 'SIGKILL'));
