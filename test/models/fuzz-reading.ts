/** Reads a file as far as it is read before anything is loaded: recognised, and held against a model. */
import { join } from 'node:path';
import { PORTABLE } from '../../src/graph/target.ts';
import { openControlnet } from '../../src/models/controlnet.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { openInversion } from '../../src/models/inversion/inversion.ts';
import { readerOf } from '../../src/models/known-controlnets.ts';
import { openLora } from '../../src/models/lora/file.ts';
import { describeIdle, planLora } from '../../src/models/lora/plan.ts';
import { withVae } from '../../src/models/other-vae.ts';
import { recognise } from '../../src/models/recognise.ts';
import { openUpscaler } from '../../src/models/upscaler/network.ts';
import { FIXTURES } from './forge.ts';

export async function reading(): Promise<(file: string) => Promise<void>> {
  const spec = await openModelFolder(join(FIXTURES, 'tiny-sd15'));
  const nets = readerOf(spec);
  return async (file) => {
    const { kind, refusal } = await recognise(file);
    if (refusal !== undefined) return;
    if (kind === 'lora') await describeIdle(planLora(await openLora(file), spec), 'x');
    if (kind === 'embedding') await openInversion({ name: 'x', file }, spec.textEncoders);
    if (kind === 'upscaler') (await openUpscaler(file)).graph(PORTABLE);
    if (kind === 'vae') await withVae(spec, { name: 'x', path: file });
    if (kind === 'controlnet') nets.read(nets.complete((await openControlnet(file)).component));
  };
}
