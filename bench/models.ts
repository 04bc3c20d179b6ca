/** The index of the models' folders over ten thousand files: what a start waits for, and when all of them are known. */
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createModels } from '../src/installed-models.ts';
import { Inventory } from '../src/models/inventory/inventory.ts';
import type { Figure } from './figure.ts';

const FILES = 10_000;
const FOLDERS = 40;
/** Different files; the others are further names of them, so that the bench needs little room. */
const DISTINCT = 50;
/** Layers of a LoRA of SDXL's UNet: three tensors each, a header of some hundred kilobytes. */
const LAYERS = 722;

/** A LoRA whose header is as long as a real one; rank 1 of small matrices, so that its data is short. */
function lora(number: number): Buffer {
  const header: Record<string, unknown> = {
    __metadata__: { ss_output_name: `lora ${number}`, ss_base_model_version: 'sdxl_base_v1-0' },
  };
  let at = 0;
  const add = (name: string, shape: number[]) => {
    const bytes = 2 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'F16', shape, data_offsets: [at, at + bytes] };
    at += bytes;
  };
  for (let i = 0; i < LAYERS; i++) {
    const layer = `lora_unet_input_blocks_${i % 9}_1_transformer_blocks_${i}_attn1_to_q`;
    add(`${layer}.alpha`, []);
    add(`${layer}.lora_down.weight`, [1, 8]);
    add(`${layer}.lora_up.weight`, [8, 1]);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(at)]);
}

const seconds = async (work: () => Promise<unknown>) => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};

export async function models(): Promise<Figure[]> {
  const root = await mkdtemp(join(tmpdir(), 'darkroom-bench-'));
  const [folder, index] = [join(root, 'models'), join(root, 'models.json')];
  try {
    await mkdir(join(root, 'distinct'), { recursive: true });
    for (let i = 0; i < DISTINCT; i++) await writeFile(join(root, `distinct/${i}`), lora(i));
    for (let i = 0; i < FILES; i++) {
      const place = join(folder, 'Lora', `${i % FOLDERS}`);
      if (i < FOLDERS) await mkdir(place, { recursive: true });
      await link(join(root, `distinct/${i % DISTINCT}`), join(place, `lora ${i}.safetensors`));
    }
    const first = new Inventory([folder], { file: index });
    const walked = await seconds(() => first.look());
    const read = await seconds(() => first.settled());
    await first.save();
    const again = new Inventory([folder], { file: index });
    const kept = await seconds(async () => {
      await again.look();
      await again.settled();
    });
    const fresh = await seconds(() => createModels([folder], { index: join(root, 'other.json') }));
    const { entries } = { entries: again.entries('lora').length };
    if (entries !== FILES) throw new Error(`${entries} of ${FILES} files were recognised`);
    return [
      { name: `models: a look at ${FILES} files`, value: walked, unit: 's' },
      {
        name: `models: reading ${FILES} files for the first time, in the background`,
        value: read,
        unit: 's',
      },
      { name: `models: start with ${FILES} files that are known`, value: kept, unit: 's', target: 1 },
      { name: `models: start with ${FILES} files that are new`, value: fresh, unit: 's', target: 2 },
    ];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
