/**
 * A made-up folder of A1111 and one of ComfyUI: random weights in the layouts that such files have, some kilobytes each.
 * `npx node test/models/make-folders.ts FOLDER` writes FOLDER/webui/models (embeddings beside it) and
 * FOLDER/ComfyUI/models, and prints both. Their pictures are noise.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FIXTURES } from './forge.ts';
import { type ForgedFile, forgeModel, writeSafetensors } from './forge-checkpoint.ts';
import { torchFile } from './forge-pickle.ts';
import { random, scalar, type Values, writeLora } from './lora-files.ts';

const CONTROLNET = join(FIXTURES, '../controlnets/sd15-canny/diffusion_pytorch_model.safetensors');

/** The tensors of a checkpoint behind a prefix, without it. */
const partOf = (layout: string, prefix: string): ForgedFile =>
  new Map(
    [...forgeModel(layout).single]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, of]) => [name.slice(prefix.length), of]),
  );

/** A LoRA as kohya's scripts write it for SDXL. */
export async function writeInk(folder: string, name: string): Promise<void> {
  const tensors: Record<string, Values> = {};
  for (const [original, { shape }] of forgeModel('sdxl').single) {
    const layer = /^model\.diffusion_model\.(.*attn1\.to_q)\.weight$/
      .exec(original)?.[1]
      ?.replaceAll('.', '_');
    if (layer === undefined) continue;
    tensors[`lora_unet_${layer}.lora_down.weight`] = random(1, 4, shape[1]!);
    tensors[`lora_unet_${layer}.lora_up.weight`] = random(2, shape[0]!, 4);
    tensors[`lora_unet_${layer}.alpha`] = scalar(4);
  }
  assert.ok(Object.keys(tensors).length > 0);
  await writeLora(folder, name, tensors, { ss_output_name: name, ss_base_model_version: 'sdxl_base_v1-0' });
}

/** An embedding for the two encoders of SDXL. */
const writeMoody = (folder: string) =>
  writeLora(folder, 'moody', { clip_l: random(3, 2, 32), clip_g: random(4, 2, 32) });

/** @returns its `models`; the embedding lies in the folder beside it */
export async function makeA1111Folder(webui: string): Promise<string> {
  const models = join(webui, 'models');
  await writeSafetensors(
    join(models, 'Stable-diffusion/sdxl/Dream XL v2.safetensors'),
    forgeModel('sdxl').single,
  );
  const pickle = join(models, 'Stable-diffusion/photo.ckpt');
  await writeFile(pickle, torchFile('zip', forgeModel('sd1').single));
  await writeInk(join(models, 'Lora/styles'), 'ink wash');
  await writeSafetensors(join(models, 'VAE/soft.safetensors'), partOf('sd1', 'first_stage_model.'));
  await copy(CONTROLNET, join(models, 'ControlNet/control_v11p_sd15_canny.safetensors'));
  await writeMoody(join(webui, 'embeddings'));
  return models;
}

/** Checkpoints with and without their VAE and text encoders. */
export async function makeComfyFolder(comfy: string): Promise<string> {
  const models = join(comfy, 'models');
  await writeSafetensors(join(models, 'checkpoints/dream.safetensors'), forgeModel('sdxl').single);
  await writeSafetensors(
    join(models, 'diffusion_models/bare.safetensors'),
    partOf('sd1', 'model.diffusion_model.'),
  );
  await writeSafetensors(
    join(models, 'text_encoders/clip_l.safetensors'),
    partOf('sd1', 'cond_stage_model.transformer.'),
  );
  // Lends its VAE.
  await writeSafetensors(join(models, 'checkpoints/photo.safetensors'), forgeModel('sd1').single);
  await writeInk(join(models, 'loras/styles'), 'ink wash');
  await writeSafetensors(join(models, 'vae/soft.safetensors'), partOf('sd1', 'first_stage_model.'));
  await writeMoody(join(models, 'embeddings'));
  return models;
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}

if (import.meta.main) {
  const root = process.argv[2];
  if (root === undefined) {
    process.stderr.write('Usage: npx node test/models/make-folders.ts FOLDER\n');
    process.exit(2);
  }
  const folders = [
    await makeA1111Folder(resolve(root, 'webui')),
    await makeComfyFolder(resolve(root, 'ComfyUI')),
  ];
  process.stdout.write(`${folders.join('\n')}\n`);
}
