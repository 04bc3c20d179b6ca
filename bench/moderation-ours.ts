/**
 * The process of bench/moderation.ts: node moderation-ours.ts FOLDER THREADS PRECISION. Each line of standard input, `{"seed": 1}`,
 * is a picture: the answer has the milliseconds of the check by itself (raster to verdict), and of the file without and with it.
 */
import { createInterface } from 'node:readline';
import { cpuDevice } from '../src/engine/device.ts';
import { finishedPicture, type Look } from '../src/engine/finished.ts';
import { openSession } from '../src/engine/session.ts';
import { safetyCheckerGraph } from '../src/graph/safety-checker.ts';
import { PORTABLE } from '../src/graph/target.ts';
import { clipInput, readClipInputCard } from '../src/image/clip-input.ts';
import type { Raster } from '../src/image/resample.ts';
import { ModelFiles } from '../src/models/files.ts';
import { safetyChecker } from '../src/models/safety.ts';
import { judge } from '../src/moderation/verdict.ts';

const [folder, threads, precision] = process.argv.slice(2) as [string, string, string];
const SIDE = 512;
const OUTPUTS = ['concepts', 'special_care', 'concepts_thresholds', 'special_care_thresholds'] as const;

const { component, config, preprocessor, label } = await safetyChecker(await ModelFiles.at(folder)).open();
const card = readClipInputCard(preprocessor, { label, size: config.imageSize });
const opening = performance.now();
const graph = safetyCheckerGraph(component, { ...PORTABLE, int8: precision === 'int8' });
const session = await openSession(graph, cpuDevice({ threads: Number(threads) }), { keepsMemory: true });
const opened = (performance.now() - opening) / 1000;
let cosines: number[] = [];
// As openSafetyChecker looks, which gives only the verdict.
const look: Look = async (picture) => {
  const out = await session.run({ pixel_values: clipInput(picture, card) }, OUTPUTS);
  cosines = [...out.concepts.data];
  return judge(
    { concepts: out.concepts.data, specialCare: out.special_care.data },
    { concepts: out.concepts_thresholds.data, specialCare: out.special_care_thresholds.data },
  );
};
const timed = async (work: () => Promise<unknown>) => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};
const texts = { parameters: 'waves' };
for await (const line of createInterface({ input: process.stdin })) {
  const picture = drawn((JSON.parse(line) as { seed: number }).seed);
  const check = await timed(() => look(picture));
  const without = await timed(() => finishedPicture(picture, texts, undefined));
  const together = await timed(() => finishedPicture(picture, texts, look));
  console.log(JSON.stringify({ check, without, together, cosines, opened }));
}

/** Waves with some noise: a file of 0.7 MB, as pictures of that size have. */
function drawn(seed: number): Raster {
  let state = seed;
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const [c, x, y] = [i % 3, Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    const wave = 60 * Math.sin((x * seed) / 80 + c) + 50 * Math.cos(y / (40 + seed));
    return Math.round(128 + wave + 8 * (state / 2 ** 32 - 0.5));
  });
  return { data, width: SIDE, height: SIDE, channels: 3 };
}
