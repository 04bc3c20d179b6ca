/** The engine against diffusers on the same folder, float32, the same threads, in one run: speed and pixels. */
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createEngine } from '../src/engine/pipeline.ts';
import { engineOptions } from '../src/engine-options.ts';
import { decodeFitted } from '../src/image/pixels.ts';
import { modelFolders } from '../src/installed-models.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { freezeRequest, requestToJson, SAMPLER_NAMES, samplerNamed } from '../src/request.ts';
import { type Figure, median } from './figure.ts';
import { benchSettings } from './settings.ts';
import { openUnetCall } from './unet-call.ts';

const THREADS = 2;
const ROUNDS = 7;
const CALLS = 5;
const [MODEL] = modelFolders([]) as [string];

export async function engine(): Promise<Figure[]> {
  const python = process.env['DARKROOM_BENCH_PYTHON'];
  if (python === undefined) {
    console.log('engine: skipped; DARKROOM_BENCH_PYTHON names no Python that has torch and diffusers');
    return [];
  }
  const reference = startReference(python);
  try {
    await reference.ask({ open: MODEL, threads: THREADS });
    return [...(await speed(reference)), ...(await agreement(reference))];
  } finally {
    reference.stop();
  }
}

type Reference = ReturnType<typeof startReference>;

function startReference(python: string) {
  const script = fileURLToPath(new URL('reference.py', import.meta.url));
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(message: object): Promise<Record<string, unknown>> {
      child.stdin.write(`${JSON.stringify(message)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the reference ended; run bench/reference.py by hand to see why');
      const answer = JSON.parse(value) as Record<string, unknown>;
      if (answer['error'] !== undefined)
        throw new Error(`the reference failed: ${answer['error']}; asked ${JSON.stringify(message)}`);
      return answer;
    },
    stop: () => child.kill(),
  };
}

/** Rounds alternate, so that a machine that slows down slows both. */
async function speed(reference: Reference): Promise<Figure[]> {
  const spec = await openModelFolder(MODEL);
  const unet = await openUnetCall(spec, THREADS);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const [mine, other]: [number[], number[]] = [[], []];
    for (let i = 0; i < CALLS; i++) {
      const started = performance.now();
      await unet.call(1);
      mine.push((performance.now() - started) / 1000);
    }
    for (let i = 0; i < CALLS; i++) other.push((await reference.ask({ call: true }))['seconds'] as number);
    // The first round warms both up.
    if (round < 0) continue;
    ours.push(median(mine));
    theirs.push(median(other));
  }
  await unet.close();
  const ratios = ours.map((seconds, i) => seconds / theirs[i]!);
  return [
    { name: `UNet call, ${THREADS} threads, batch of 2`, value: median(ours) * 1000, unit: 'ms' },
    { name: 'the same in torch, float32', value: median(theirs) * 1000, unit: 'ms' },
    { name: 'UNet call against torch', value: median(ratios), unit: 'x', target: 1.1 },
  ];
}

/** Without those for rectified flows, which this model is not, and the one whose noise diffusers draws from any seed. */
const COMPARED = SAMPLER_NAMES.filter(
  (name) => samplerNamed(name).kind === 'diffusion' && name !== 'dpmpp_sde',
);

async function agreement(reference: Reference): Promise<Figure[]> {
  const spec = await openModelFolder(MODEL, 'mini');
  const [options] = await engineOptions(benchSettings(), { device: 'cpu', threads: THREADS });
  const studio = await createEngine({ ...options, models: [MODEL] });
  const figures: Figure[] = [];
  let start: Uint8Array | undefined;
  for (const from of ['txt2img', 'img2img'] as const) {
    for (const sampler of COMPARED) {
      const image = from === 'img2img' ? { image: 'start', strength: 0.75 } : {};
      const draft = { prompt: 'a red mug on a table, watercolor', seed: 1, sampler, ...image };
      const { request } = freezeRequest(draft, {
        model: 'mini',
        defaults: spec.defaults,
        imageSize: { width: spec.defaults.width, height: spec.defaults.height },
      });
      const inputs = new Map(start === undefined || from === 'txt2img' ? [] : [['start', start]]);
      const run = await studio.open({ id: 'bench', user: 'bench', request, inputs });
      while (!(await run.advance(8, () => {})).done);
      const [picture] = (await run.decode()).pictures;
      await run.close();
      start ??= picture!.png;
      const file = join(mkdtempSync(join(tmpdir(), 'darkroom-bench-')), 'start.png');
      writeFileSync(file, start);
      const { diffusers } = samplerNamed(sampler);
      const scheduler = [diffusers?.name, diffusers?.variant?.options ?? {}];
      const asked = { draw: requestToJson(request), scheduler, image: from === 'img2img' ? file : null };
      const { rgb: drawn } = (await reference.ask(asked)) as { rgb: string | null };
      if (drawn === null) {
        console.log(`${from} ${sampler}: not compared; diffusers has no add_noise for ${diffusers?.name}`);
        continue;
      }
      const rgb = Buffer.from(drawn, 'hex');
      const pixels = await decodeFitted(picture!.png, picture!.width, picture!.height);
      figures.push(...compare(`${from} ${sampler}`, pixels, rgb));
    }
  }
  await studio.close();
  return figures;
}

/** @param planes [1,3,H,W] in -1..1. @param rgb [H,W,3] bytes */
function compare(name: string, planes: Float32Array, rgb: Uint8Array): Figure[] {
  const size = rgb.length / 3;
  let near = 0;
  let squares = 0;
  for (let i = 0; i < rgb.length; i++) {
    const ours = Math.round((planes[(i % 3) * size + Math.floor(i / 3)]! / 2 + 0.5) * 255);
    const difference = Math.abs(ours - rgb[i]!);
    if (difference <= 2) near++;
    squares += difference ** 2;
  }
  const psnr = 10 * Math.log10(255 ** 2 / Math.max(squares / rgb.length, 1e-6));
  return [
    {
      name: `${name}: values within 2 levels`,
      value: (100 * near) / rgb.length,
      unit: '%',
      target: 99.9,
      least: true,
    },
    { name: `${name}: PSNR`, value: psnr, unit: 'dB', target: 45, least: true },
  ];
}
