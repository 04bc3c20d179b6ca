/**
 * Our side of bench/upscale.ts, in a process of its own so that its peak of memory is its own:
 * node upscale-call.ts FILE THREADS SIDE REFERENCE [TILE] -> one JSON object.
 */
import { readFileSync } from 'node:fs';
import { openSession } from '../src/engine/session.ts';
import { enlarge } from '../src/engine/upscaler/upscalers.ts';
import { engineOptions } from '../src/engine-options.ts';
import { PORTABLE } from '../src/graph/target.ts';
import { openUpscaler } from '../src/models/upscaler/network.ts';
import { benchSettings } from './settings.ts';

const [file, threads, length, reference, tile = '512'] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
];
const side = Number(length);
/** The same numbers in upscale.py. */
const data = Uint8Array.from({ length: 3 * side ** 2 }, (_, i) => {
  const [x, y, c] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3];
  return (x * 3 + y * 5 + c * 40 + ((x * y) % 7)) % 256;
});

const [{ device }] = await engineOptions(benchSettings(), { device: 'cpu', threads: Number(threads) });
const { scale, multiple, graph } = await openUpscaler(file);
const runner = await openSession(graph(PORTABLE), device);
const from = performance.now();
const before = process.cpuUsage();
const size = { width: scale * side, height: scale * side };
const large = await enlarge(
  { runner, scale, multiple, tile: Number(tile) },
  { data, width: side, height: side, channels: 3 },
  size,
);
const { user, system } = process.cpuUsage(before);
const seconds = [(performance.now() - from) / 1000, (user + system) / 1e6];
const peakBytes = process.resourceUsage().maxRSS * 1024;

const expected = readFileSync(reference);
let squares = 0;
for (const [i, level] of large.data.entries()) squares += (level - expected[i]!) ** 2;
const psnr = 10 * Math.log10(255 ** 2 / Math.max(1e-9, squares / expected.length));
console.log(JSON.stringify({ seconds, peakBytes, psnr: Math.min(psnr, 99) }));
