/**
 * Our side of bench/precision.ts: node precision-ours.ts FOLDER THREADS INPUTS PRECISION PROFILE. Each line of standard input
 * is one call of the UNet; `{"end": true}` ends the session, which writes what its operators took to a file PROFILE_….json.
 */

import { createInterface } from 'node:readline';
import { cpuDevice, denoiserTargetOf, type Precision } from '../src/engine/device.ts';
import { openSession } from '../src/engine/session.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { inputOf } from './inputs.ts';

const [folder, threads, inputs, precision, profile] = process.argv.slice(2) as [
  string,
  string,
  string,
  Precision,
  string,
];

const started = performance.now();
const { denoiser } = await openModelFolder(folder);
const device = { ...cpuDevice({ threads: Number(threads) }), precision };
// From its kept file an engine opens a denoiser so too.
const session = await openSession(denoiser.graph([], denoiserTargetOf(device, denoiser)), device, {
  ...{ profile, keepsMemory: true },
});
const opened = (performance.now() - started) / 1000;
const feeds = Object.fromEntries(
  Object.entries(JSON.parse(inputs) as Record<string, number[]>).map(([name, dims]) => [
    name,
    inputOf(name, dims),
  ]),
);
for await (const line of createInterface({ input: process.stdin })) {
  if ('end' in (JSON.parse(line) as object)) {
    await session.close();
    console.log(JSON.stringify({ opened, peakBytes: process.resourceUsage().maxRSS * 1024 }));
    break;
  }
  const from = performance.now();
  const before = process.cpuUsage();
  await session.run(feeds, ['out_sample']);
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ seconds: [(performance.now() - from) / 1000, (user + system) / 1e6] }));
}
