/**
 * Our side of bench/opening.ts: node opening-ours.ts FOLDER|FILE WEIGHTS THREADS [prepare] -> one JSON object. With `prepare` it makes
 * what is kept, as an idle engine does.
 */
import { cpuDevice, targetOf } from '../src/engine/device.ts';
import { openSession, prepareSession } from '../src/engine/session.ts';
import { openCheckpoint } from '../src/models/checkpoint/open.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { sideFilesSettled } from '../src/models/side-files.ts';

const [path, weights, threads, task] = process.argv.slice(2) as [string, string, string, string?];
const device = { ...cpuDevice({ threads: Number(threads) }), sideFiles: { folder: weights, limit: 1e12 } };

const at = () => {
  const { user, system } = process.cpuUsage();
  return [performance.now() / 1000, (user + system) / 1e6] as const;
};
const since = (from: readonly [number, number]) => at().map((value, i) => value - from[i]!);

const started = at();
const spec = await (path.endsWith('.safetensors') ? openCheckpoint(path) : openModelFolder(path));
if (task === 'prepare') {
  const names = [...spec.textEncoders.map(({ name }) => name), 'denoiser'] as const;
  for (const name of names) await prepareSession(spec.graph(name, targetOf(device)), device);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ opened: since(started), called: [0, 0], peakBytes }));
  process.exit();
}
const open = (name: Parameters<typeof spec.graph>[0]) =>
  openSession(spec.graph(name, targetOf(device)), device);
for (const { name } of spec.textEncoders) await open(name);
const denoiser = await open('denoiser');
await open('vaeDecoder');
const opened = since(started);

const { config } = spec.denoiser.component;
const side = config['sample_size'] as number;
const zeros = (...dims: number[]) => ({ data: new Float32Array(dims.reduce((a, b) => a * b)), dims });
const feeds = {
  sample: zeros(1, 4, side, side),
  timestep: { data: Float32Array.of(500), dims: [1] },
  encoder_hidden_states: zeros(1, 77, config['cross_attention_dim'] as number),
  ...(config['addition_embed_type'] === 'text_time'
    ? { text_embeds: zeros(1, 1280), time_ids: zeros(1, 6) }
    : {}),
};
const before = at();
await denoiser.run(feeds, ['out_sample']);
const called = since(before);
const peakBytes = process.resourceUsage().maxRSS * 1024;
await sideFilesSettled();
console.log(JSON.stringify({ opened, called, peakBytes }));
