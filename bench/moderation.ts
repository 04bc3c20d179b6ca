/**
 * What the check of a finished picture adds: a safety checker of SD 1.5's size (ViT-L/14, 304 million parameters) with
 * random weights over pictures of 512x512, from the raster to the verdict, on two cores. Printed beside it: the same in
 * float32, and the largest difference between their cosines.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuDevice } from '../src/engine/device.ts';
import { probe } from '../src/engine/probe.ts';
import { openSession } from '../src/engine/session.ts';
import { safetyCheckerGraph } from '../src/graph/safety-checker.ts';
import { PORTABLE } from '../src/graph/target.ts';
import { clipInput, readClipInputCard } from '../src/image/clip-input.ts';
import type { Raster } from '../src/image/resample.ts';
import { ModelFiles } from '../src/models/files.ts';
import { safetyChecker } from '../src/models/safety.ts';
import { judge } from '../src/moderation/verdict.ts';
import { type Figure, median } from './figure.ts';
import { forgeSafetyChecker } from './forge.ts';

const THREADS = 2;
const ROUNDS = Number(process.env['DARKROOM_BENCH_ROUNDS'] ?? 9);
const SIDE = 512;
const OUTPUTS = ['concepts', 'special_care', 'concepts_thresholds', 'special_care_thresholds'] as const;

/** DARKROOM_BENCH_FOLDER is where the checker is kept. */
export async function moderation(): Promise<Figure[]> {
  const folder = join(process.env['DARKROOM_BENCH_FOLDER'] ?? join(tmpdir(), 'darkroom-bench'), 'safety');
  if (!existsSync(join(folder, 'feature_extractor/preprocessor_config.json')))
    await forgeSafetyChecker(folder);
  const { component, config, preprocessor, label } = await safetyChecker(await ModelFiles.at(folder)).open();
  const card = readClipInputCard(preprocessor, { label, size: config.imageSize });
  const device = cpuDevice({ threads: THREADS });
  const { works } = await probe({ ...device, precision: 'int8' });
  const figures: Figure[] = [];
  const pictures = Array.from({ length: ROUNDS }, (_, i) => noise(i + 1));
  const seen: Float32Array[][] = [];
  for (const precision of works ? (['int8', 'float32'] as const) : (['float32'] as const)) {
    const opening = performance.now();
    const session = await openSession(
      safetyCheckerGraph(component, { ...PORTABLE, int8: precision === 'int8' }),
      device,
    );
    const opened = (performance.now() - opening) / 1000;
    const milliseconds: number[] = [];
    const cosines: Float32Array[] = [];
    for (const picture of [pictures[0]!, ...pictures]) {
      const started = performance.now();
      const out = await session.run({ pixel_values: clipInput(picture, card) }, OUTPUTS);
      judge(
        { concepts: out.concepts.data, specialCare: out.special_care.data },
        { concepts: out.concepts_thresholds.data, specialCare: out.special_care_thresholds.data },
      );
      milliseconds.push(performance.now() - started);
      cosines.push(out.concepts.data);
    }
    seen.push(cosines);
    await session.close();
    figures.push(
      {
        name: `moderation: a picture, ${precision}`,
        value: median(milliseconds.slice(1)),
        unit: 'ms',
        ...(precision === 'int8' && { target: 150 }),
      },
      { name: `moderation: opening, ${precision}`, value: opened, unit: 's' },
    );
  }
  const [narrow, wide] = seen;
  if (narrow !== undefined && wide !== undefined) {
    const off = narrow.flatMap((one, i) => Array.from(one, (value, j) => Math.abs(value - wide[i]![j]!)));
    figures.push({ name: 'moderation: cosines, int8 against float32', value: Math.max(...off), unit: '' });
  }
  return figures;
}

function noise(seed: number): Raster {
  let state = seed;
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { data, width: SIDE, height: SIDE, channels: 3 };
}
