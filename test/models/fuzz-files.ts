/** A small file of each kind, to be spoilt. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { weight } from '../graph/forge.ts';
import { FIXTURES } from './forge.ts';
import { type ForgedFile, float, forgeModel, half, writeSafetensors } from './forge-checkpoint.ts';
import { torchFile } from './forge-pickle.ts';

const LORA: ForgedFile = new Map([
  [
    'lora_unet_mid_block_attentions_0_proj_in.lora_down.weight',
    half([2, 16], new Float32Array(32).fill(0.5)),
  ],
  ['lora_unet_mid_block_attentions_0_proj_in.lora_up.weight', half([16, 2], new Float32Array(32).fill(0.5))],
  ['lora_unet_mid_block_attentions_0_proj_in.alpha', float([], [1])],
]);

/** Headers of whole checkpoints over one value each. */
function shrunk(layout: string): ForgedFile {
  return new Map([...forgeModel(layout).single.keys()].map((name) => [name, half([1], Float32Array.of(1))]));
}

/** Of an architecture of upscalers that test/graph has golden numbers for. */
async function upscaler(named: string): Promise<ForgedFile> {
  const file = new URL('../graph/rrdb.golden.json', import.meta.url);
  const all: { name: string; tensors: Record<string, number[]> }[] = JSON.parse(await readFile(file, 'utf8'));
  const { tensors } = all.find(({ name }) => name === named)!;
  return new Map(
    Object.entries(tensors).map(([name, shape]) => [name, float(shape, [...weight(name, shape)])]),
  );
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
      ['upscaler', await safe(await upscaler('Compact 4x'))],
      ['pickle of an upscaler', torchFile('zip', await upscaler('Compact 1x'))],
      ['GGUF', await readFile(join(FIXTURES, '../gguf/klein.gguf'))],
      ['GGUF of a text encoder', await readFile(join(FIXTURES, '../gguf/qwen.gguf'))],
      ['pickle', torchFile('zip', LORA)],
      ['old pickle', torchFile('legacy', LORA)],
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}
