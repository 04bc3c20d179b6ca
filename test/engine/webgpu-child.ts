/** The parts of tiny-sd15 through WebGPU and on the CPU, in a process of its own: a software driver may crash at its end. */
import { fileURLToPath } from 'node:url';
import { cpuDevice, parseDevice, targetOf } from '../../src/engine/device.ts';
import { openSession } from '../../src/engine/session.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import type { Feeds } from '../../src/tensor.ts';
import { field } from '../graph/forge.ts';

const models = fileURLToPath(new URL('../golden/fixtures/models', import.meta.url));
const spec = await new Catalogue([models]).open('tiny-sd15');
const { in_channels: channels, cross_attention_dim: width } = spec.denoiser.component.config as Record<
  string,
  number
>;
const ids = { data: BigInt64Array.from({ length: 16 }, (_, i) => BigInt(i + 1)), dims: [1, 16] };
const PARTS = [
  ['textEncoder', 'last_hidden_state', { input_ids: ids }],
  [
    'denoiser',
    'out_sample',
    {
      sample: field('sample', [2, channels!, 8, 8]),
      timestep: { data: Float32Array.of(500), dims: [1] },
      encoder_hidden_states: field('context', [2, 16, width!]),
    },
  ],
  ['vaeDecoder', 'sample', { latent_sample: field('latents', [1, spec.latentChannels, 8, 8]) }],
] as const satisfies readonly (readonly [string, string, Feeds])[];

const errors: Record<string, number> = {};
for (const [part, output, feeds] of PARTS) {
  const [expected, actual] = await Promise.all(
    [cpuDevice({ threads: 1 }), parseDevice('webgpu')].map(async (device) => {
      const session = await openSession(spec.graph(part, targetOf(device)), device);
      return (await session.run(feeds as Feeds, [output]))[output]!.data;
    }),
  );
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  errors[part] = norm(expected!.map((v, i) => v - actual![i]!)) / norm(expected!);
}
console.log(JSON.stringify(errors));
