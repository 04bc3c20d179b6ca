/** A small file of each kind, to be spoilt. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FIXTURES } from './forge.ts';
import { type ForgedFile, float, forgeModel, half, writeSafetensors } from './forge-checkpoint.ts';
import { torchFile } from './forge-pickle.ts';

const LORA: ForgedFile = new Map([
  ['lora_unet_mid_block_attentions_0_proj_in.lora_down.weight', half([2, 4], new Float32Array(8))],
  ['lora_unet_mid_block_attentions_0_proj_in.lora_up.weight', half([4, 2], new Float32Array(8))],
  ['lora_unet_mid_block_attentions_0_proj_in.alpha', float([], [1])],
]);

/** Headers of whole checkpoints over one value each. */
function shrunk(layout: string): ForgedFile {
  return new Map([...forgeModel(layout).single.keys()].map((name) => [name, half([1], Float32Array.of(1))]));
}

export async function SPOILT(): Promise<[kind: string, bytes: Buffer][]> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-fuzz-'));
  try {
    const safe = async (tensors: ForgedFile) =>
      readFile(await writeSafetensors(join(folder, 'x.safetensors'), tensors, { ss_tag: 'a cat' }));
    return [
      ['LoRA', await safe(LORA)],
      ['checkpoint', await safe(shrunk('sdxl'))],
      [
        'ControlNet',
        await readFile(join(FIXTURES, '../controlnets/sd15-canny/diffusion_pytorch_model.safetensors')),
      ],
      ['embedding', await safe(new Map([['emb_params', float([1, 4], [1, 2, 3, 4])]]))],
      ['embedding of A1111', torchFile('zip', new Map([['*', float([2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]]))],
      ['VAE', await readFile(join(FIXTURES, 'tiny-sd15/vae/diffusion_pytorch_model.safetensors'))],
      ['pickle', torchFile('zip', LORA)],
      ['old pickle', torchFile('legacy', LORA)],
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}
