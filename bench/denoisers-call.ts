/**
 * Our side of bench/denoisers.ts, in a process of its own so that its peak of memory is its own:
 * node denoisers-call.ts FOLDER THREADS CALLS INPUTS REFERENCE.npy -> one JSON object.
 */

import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { openSession } from '../src/engine/session.ts';
import { engineOptions } from '../src/engine-options.ts';
import { sd3TransformerGraph } from '../src/graph/mmdit.ts';
import { unetGraph } from '../src/graph/unet.ts';
import { ModelFiles } from '../src/models/files.ts';
import { inputOf } from './inputs.ts';
import { benchSettings } from './settings.ts';

const [folder, threads, calls, inputs, npy] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

const isTransformer = basename(folder) === 'transformer';
const started = performance.now();
const files = await ModelFiles.at(dirname(folder));
const component = await files.component(basename(folder), 'diffusion_pytorch_model');
const graph = isTransformer ? sd3TransformerGraph(component) : unetGraph(component);
const [{ device }] = await engineOptions(benchSettings(), { device: 'cpu', threads: Number(threads) });
const session = await openSession(graph, device);
const opened = (performance.now() - started) / 1000;

const feeds = Object.fromEntries(
  Object.entries(JSON.parse(inputs) as Record<string, number[]>).map(([name, dims]) => [
    name,
    inputOf(name, dims),
  ]),
);
const output = isTransformer ? 'out_hidden_states' : 'out_sample';
const seconds: [number, number][] = [];
let out = new Float32Array();
for (let i = 0; i < Number(calls); i++) {
  const from = performance.now();
  const before = process.cpuUsage();
  out = Float32Array.from((await session.run(feeds, [output]))[output]!.data);
  const { user, system } = process.cpuUsage(before);
  seconds.push([(performance.now() - from) / 1000, (user + system) / 1e6]);
}

const bytes = readFileSync(npy);
const reference = new Float32Array(Uint8Array.from(bytes.subarray(10 + bytes.readUInt16LE(8))).buffer);
const scale = reference.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const error = reference.reduce((most, v, i) => Math.max(most, Math.abs(v - out[i]!)), 0) / scale;
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ opened, seconds, peakBytes, error }));
