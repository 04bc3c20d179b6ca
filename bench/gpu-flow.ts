/** Flow families of full size on an NVIDIA card, random weights as Q8_0; diffusers has nothing to compare with there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { kleinVae } from './families.ts';
import type { Figure } from './figure.ts';
import { kleinShapes, qwen3Shapes, zImageShapes } from './flow-shapes.ts';
import { writeWeights } from './forge.ts';
import { forgeGguf } from './forge-gguf.ts';
import { taken } from './gpu.ts';

const CALL = fileURLToPath(new URL('families-call.ts', import.meta.url));
const LOOK_MS = 200;
/** The first one opens the model and lets cuDNN choose its algorithms. */
const RUNS = 4;

/** FLUX.2-klein-4B's picture in four steps with its Qwen3, and a call of Z-Image's transformer. */
export async function flow(folder: string): Promise<Figure[]> {
  await forgeFlow(folder);
  return [
    ...(await measured('klein: a picture in 4 steps', ['picture', join(folder, 'klein.gguf')], 512)),
    ...(await measured('klein: a picture in 4 steps', ['picture', join(folder, 'klein.gguf')], 1024)),
    ...(await measured('Z-Image: one call', ['denoiser', join(folder, 'z-image.gguf')], 1024)),
  ];
}

async function forgeFlow(folder: string): Promise<void> {
  const missing = async (name: string, write: (file: string) => Promise<void>) => {
    if (!existsSync(join(folder, name))) await write(join(folder, name));
  };
  await missing('klein.gguf', (file) => forgeGguf(file, 'flux', kleinShapes()));
  await missing('qwen3-4b.gguf', (file) => forgeGguf(file, 'qwen3', qwen3Shapes()));
  await missing('flux2-vae.safetensors', (file) => writeWeights(file, kleinVae(), 'F16'));
  await missing('z-image.gguf', (file) => forgeGguf(file, 'lumina2', zImageShapes()));
}

async function measured(name: string, args: readonly string[], side: number): Promise<Figure[]> {
  const before = taken();
  const child = spawn(process.execPath, [CALL, ...args, String(side), 'cuda:0', String(RUNS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, taken());
  }, LOOK_MS);
  const [answer, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  clearInterval(timer);
  if (code !== 0) throw new Error(`families-call.ts ended with ${code}`);
  const { seconds } = JSON.parse(answer) as { seconds: number };
  return [
    { name: `${name} at ${side}x${side}, 8 bits`, value: seconds, unit: 's' },
    { name: `${name} at ${side}x${side}: most memory`, value: (most - before) / 1024, unit: 'GiB' },
  ];
}
