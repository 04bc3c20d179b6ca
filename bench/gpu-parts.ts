/** The parts of bench/gpu.ts that only our side takes part in. */
import { existsSync } from 'node:fs';
import { CUDA, PORTABLE, type Target } from '../src/graph/target.ts';
import { type Figure, median } from './figure.ts';
import { MODELS, type ModelName, ours, type Timed, taken } from './gpu.ts';

/** One more operator in each row, from ONNX's own to all that CUDA has. */
const PLAIN: Target = { ...PORTABLE, type: CUDA.type, attention: false };
const ABLATION: readonly (readonly [title: string, target: Target, env?: Record<string, string>])[] = [
  ['plain', PLAIN],
  ['+ attention', { ...PLAIN, attention: true }],
  ['+ channels last', { ...PLAIN, attention: true, channelsLast: true }],
  ['+ GroupNorm', { ...PLAIN, attention: true, channelsLast: true, groupNorm: true }],
  ['+ BiasSplitGelu', { ...CUDA, skipNorm: false }],
  ['+ SkipLayerNorm', CUDA],
  // onnxruntime takes cuDNN's attention on Hopper by itself.
  ['with memory-efficient attention', CUDA, { ORT_ENABLE_CUDNN_FLASH_ATTENTION: '0' }],
];
const CALLS = 8;
const USERS = [2, 4, 8];
/** Rows of one picture with guidance. */
const ROWS = 2;

/** A UNet call of one picture with guidance, operator by operator. */
export async function ablation(name: ModelName, folder: string, exact: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [title, change, env] of ABLATION) {
    // A process each: the arena of one session must not count as the next one's memory.
    const side = ours('cuda:0', env);
    try {
      const before = taken();
      const opened = await side.ask<{ seconds: number }>({ open: 'unet', folder, change });
      const run = { run: MODELS[name].inputs(ROWS), output: 'out_sample', calls: CALLS };
      const { seconds, error } = await side.ask<Timed>({ ...run, ...(existsSync(exact) && { exact }) });
      const memory = (taken() - before) / 1024;
      console.log(`gpu: ${name} ${title}: session opened in ${opened.seconds.toFixed(1)} s`);
      figures.push(
        { name: `${name} ${title}: UNet call`, value: 1000 * median(seconds.slice(2)), unit: 'ms' },
        { name: `${name} ${title}: memory`, value: memory, unit: 'GiB' },
      );
      if (error !== undefined)
        figures.push({ name: `${name} ${title}: error`, value: 1000 * error, unit: '‰' });
    } catch (error) {
      console.log(`gpu: ${name} ${title}: ${error instanceof Error ? error.message : error}`);
    } finally {
      await side.stop();
    }
  }
  return figures;
}

/** One call for several users, each with guidance, against as many calls in turn. */
export async function batches(name: ModelName, folder: string): Promise<Figure[]> {
  const side = ours();
  try {
    await side.ask({ open: 'unet', folder });
    const timed = async (users: number) => {
      const run = { run: MODELS[name].inputs(ROWS * users), output: 'out_sample', calls: CALLS };
      return median((await side.ask<Timed>(run)).seconds.slice(2));
    };
    const alone = await timed(1);
    const figures: Figure[] = [];
    for (const users of USERS) {
      figures.push({
        name: `${name}: ${users} users' calls as one batch, against in turn`,
        value: (await timed(users)) / (users * alone),
        unit: 'x',
      });
    }
    return figures;
  } finally {
    await side.stop();
  }
}

/** The same call through WebGPU in float16, where a Vulkan driver is found. */
export async function webgpu(name: ModelName, folder: string, exact: string): Promise<Figure[]> {
  const side = ours('webgpu');
  try {
    await side.ask({ open: 'unet', folder, change: { type: 'float16' } }, 40);
    const run = { run: MODELS[name].inputs(ROWS), output: 'out_sample', calls: 4 };
    const { seconds, error } = await side.ask<Timed>({ ...run, ...(existsSync(exact) && { exact }) }, 60);
    const figures = [
      { name: `${name}: UNet call, WebGPU`, value: 1000 * median(seconds.slice(1)), unit: 'ms' },
    ];
    if (error !== undefined)
      figures.push({ name: `${name}: error of WebGPU's call`, value: 1000 * error, unit: '‰' });
    return figures;
  } finally {
    await side.stop();
  }
}
