/**
 * The flow families at full size on the CPU, random weights as Q8_0: one call of each transformer at 512x512, and a whole
 * picture of FLUX.2-klein-4B in four steps, from words to pixels. Each run is a process of its own with the allocator of the
 * inference process. Its memory is the kernel's peak of what is resident, with the pages of the weights' file that are in memory:
 * the system takes them back where another process needs the room.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR } from '../src/engine/process/process.ts';
import type { Figure } from './figure.ts';
import { fluxShapes, kleinShapes, qwen3Shapes, zImageShapes } from './flow-shapes.ts';
import { writeWeights } from './forge.ts';
import { forgeGguf } from './forge-gguf.ts';
import { vaeShapes } from './forge-shapes.ts';

const THREADS = 2;
const SIDE = 512;
const FAMILIES = {
  klein: { architecture: 'flux', shapes: kleinShapes },
  'z-image': { architecture: 'lumina2', shapes: zImageShapes, most: 7 },
  flux: { architecture: 'flux', shapes: fluxShapes },
} as const;

interface Call {
  readonly opened: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

/**
 * DARKROOM_BENCH_MODELS, such as "klein,z-image", chooses, and `klein-picture` is the whole picture. DARKROOM_BENCH_FOLDER is
 * where the files are kept, up to 13 GB at once; without it they are deleted.
 */
export async function families(say: (figure: Figure) => void): Promise<Figure[]> {
  const kept = process.env['DARKROOM_BENCH_FOLDER'];
  const folder = join(kept ?? join(tmpdir(), 'darkroom-bench'), 'families');
  const asked = process.env['DARKROOM_BENCH_MODELS']?.split(',');
  const isAsked = (name: string) => asked === undefined || asked.includes(name);
  const figures: Figure[] = [];
  const tell = (figure: Figure) => {
    figures.push(figure);
    say(figure);
  };
  const forged = async (name: string, write: (file: string) => Promise<void>) => {
    const file = join(folder, name);
    if (!existsSync(file)) await write(file);
    return file;
  };
  const done = (...files: string[]) =>
    Promise.all(kept === undefined ? files.map((file) => rm(file, { force: true })) : []);
  for (const [name, { architecture, shapes, ...rest }] of Object.entries(FAMILIES)) {
    const isPicture = name === 'klein' && isAsked('klein-picture');
    if (!isAsked(name) && !isPicture) continue;
    const file = await forged(`${name}.gguf`, (path) => forgeGguf(path, architecture, shapes()));
    if (isAsked(name)) {
      const call = await run('denoiser', file);
      tell({
        name: `${name}: one call at ${SIDE}x${SIDE}, 8 bits, ${THREADS} threads`,
        value: call.seconds,
        unit: 's',
      });
      const most = 'most' in rest ? { target: rest.most } : {};
      tell({ name: `${name}: most memory`, value: call.peakBytes / 1e9, unit: 'GB', ...most });
    }
    if (isPicture) {
      const qwen = await forged('qwen3-4b.gguf', (path) => forgeGguf(path, 'qwen3', qwen3Shapes()));
      const vae = await forged('flux2-vae.safetensors', (path) => writeWeights(path, kleinVae(), 'F16'));
      const picture = await run('picture', file);
      tell({ name: `klein: a picture of ${SIDE}x${SIDE} in 4 steps`, value: picture.seconds, unit: 's' });
      tell({ name: 'klein: most memory of the picture', value: picture.peakBytes / 1e9, unit: 'GB' });
      await done(qwen, vae);
    }
    await done(file);
  }
  return figures;
}

/** FLUX.1's, which Z-Image has as well. */
export const fluxVae = () =>
  vaeShapes({
    ...{ block_out_channels: [128, 256, 512, 512], layers_per_block: 2, latent_channels: 16 },
    ...{ use_quant_conv: false, use_post_quant_conv: false },
  });

export function kleinVae() {
  const latents = 32;
  const shapes = vaeShapes({
    block_out_channels: [128, 256, 512, 512],
    layers_per_block: 2,
    latent_channels: latents,
  });
  for (const name of ['bn.running_mean', 'bn.running_var']) shapes.set(name, [4 * latents]);
  return shapes;
}

async function run(what: 'denoiser' | 'picture', file: string): Promise<Call> {
  const script = fileURLToPath(new URL('families-call.ts', import.meta.url));
  const child = spawn(process.execPath, [script, what, file, String(SIDE), String(THREADS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...ALLOCATOR, ...process.env },
  });
  let answer = '';
  child.stdout.on('data', (text: Buffer) => {
    answer += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`families-call.ts ${what} ended with ${code}`);
  return JSON.parse(answer) as Call;
}
