/**
 * Flow families of full size on an NVIDIA card, random weights as Q8_0; diffusers has nothing to compare with there. Of the
 * first picture of each size it prints what went through every network, so that a number that is not finite has its place.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fluxVae, kleinVae } from './families.ts';
import type { Figure } from './figure.ts';
import { kleinShapes, qwen3Shapes, zImageShapes } from './flow-shapes.ts';
import { writeWeights } from './forge.ts';
import { forgeGguf } from './forge-gguf.ts';
import { taken } from './gpu.ts';
import type { Seen, Watched } from './watch-sessions.ts';

const PICTURE = fileURLToPath(new URL('flow-picture.ts', import.meta.url));
const LOOK_MS = 200;
const SIDES = [512, 1024];
/** By the names of their files; the steps are those of the distilled models. */
const FAMILIES = {
  klein: { title: 'klein', steps: 4 },
  'z-image': { title: 'Z-Image', steps: 8 },
} as const;
type FlowName = keyof typeof FAMILIES;
export const FLOW_NAMES = Object.keys(FAMILIES) as FlowName[];

type Line =
  | { readonly opened: number }
  | { readonly watched: Watched }
  | { readonly side: number; readonly seconds: number; readonly stages: object; readonly call: number }
  | { readonly side: number; readonly failed: string };

/** Pictures from words to pixels, each through the family's Qwen3 and VAE. */
export async function flow(folder: string, name: FlowName): Promise<Figure[]> {
  await forgeFlow(folder, name);
  return drawn(name, join(folder, `${name}.gguf`));
}

/** 4.1 GB of klein, 6.5 GB of Z-Image, 4.3 GB of their text encoder. */
async function forgeFlow(folder: string, name: FlowName): Promise<void> {
  const missing = async (part: string, write: (file: string) => Promise<void>) => {
    if (!existsSync(join(folder, part))) await write(join(folder, part));
  };
  await missing('qwen3-4b.gguf', (file) => forgeGguf(file, 'qwen3', qwen3Shapes()));
  if (name === 'klein') {
    await missing('klein.gguf', (file) => forgeGguf(file, 'flux', kleinShapes()));
    await missing('flux2-vae.safetensors', (file) => writeWeights(file, kleinVae(), 'F16'));
  }
  if (name === 'z-image') {
    await missing('z-image.gguf', (file) => forgeGguf(file, 'lumina2', zImageShapes()));
    await missing('ae.safetensors', (file) => writeWeights(file, fluxVae(), 'F16'));
  }
}

async function drawn(name: FlowName, file: string): Promise<Figure[]> {
  const { title, steps } = FAMILIES[name];
  const before = taken();
  const child = spawn(process.execPath, [PICTURE, file, 'cuda:0', String(steps), ...SIDES.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, taken());
  }, LOOK_MS);
  const closed = once(child, 'close');
  const figures: Figure[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as Line;
    if ('watched' in told) print(title, told.watched);
    else if ('opened' in told) figures.push({ name: `${title}: opened in`, value: told.opened, unit: 's' });
    else if ('failed' in told)
      console.log(`gpu: ${title}: ${told.side}x${told.side}: failed: ${told.failed}`);
    else {
      const { side, seconds, stages, call } = told;
      console.log(`gpu: ${title}: ${side}x${side}, stages: ${JSON.stringify(stages)}`);
      const picture = `${title}: ${side}x${side}, 8 bits`;
      figures.push({ name: `${picture}: a picture in ${steps} steps`, value: seconds, unit: 's' });
      figures.push({ name: `${picture}: one call of the transformer`, value: 1000 * call, unit: 'ms' });
    }
  }
  const [code] = await closed;
  clearInterval(timer);
  if (code !== 0) console.log(`gpu: ${title}: flow-picture.ts ended with ${code}`);
  return [...figures, { name: `${title}: most memory`, value: (most - before) / 1024, unit: 'GiB' }];
}

function print(title: string, { part, seconds, inputs, outputs, begins }: Watched): void {
  const say = (how: string, { what, dims, least, most, size, notFinite }: Seen) => {
    const range = `${least.toPrecision(4)} to ${most.toPrecision(4)}, size ${size.toPrecision(4)}`;
    const share = notFinite > 0 ? `, NOT FINITE ${(100 * notFinite).toPrecision(3)} %` : '';
    console.log(`gpu: ${title}: ${part} ${how} ${what} [${dims}]: ${range}${share}`);
  };
  if (begins !== undefined) {
    for (const one of begins) say('where it begins:', one);
    return;
  }
  // Tables of sines say nothing.
  for (const one of inputs) if (!one.what.startsWith('rotary')) say('<-', one);
  for (const one of outputs) say('->', one);
  console.log(`gpu: ${title}: ${part} took ${seconds.toFixed(3)} s`);
}
