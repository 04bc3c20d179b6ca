/** Weights of families that are not built here, and those that other programs packed in ways that are not read: each refused by its name. */
import { open } from 'node:fs/promises';
import { DarkroomError } from '../errors.ts';
import type { StoredTensor } from '../graph/component.ts';
import { isRecord } from '../json.ts';
import { layerOfOtherScales } from './scales.ts';

/** What bitsandbytes writes beside a weight (its functional.py QuantState, nn/modules.py). */
const BITSANDBYTES =
  /\.(?:weight\.(?:absmax|quant_map|nested_absmax|nested_quant_map|quant_state\.bitsandbytes__\w+)|SCB)$/;
const WAY_OUT = 'Use the same model as GGUF, or in 8-bit floats, float16 or bfloat16.';

/** @throws DarkroomError('unsupported') for weights that bitsandbytes or torchao packed */
export function refusePacked(
  label: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string>,
): void {
  const isBitsandbytes = tensors.keys().some((name) => BITSANDBYTES.test(name));
  // torchao's safetensors list the tensors that its own classes are made of (prototype/safetensors).
  const isTorchao = metadata.has('tensor_names');
  if (!isBitsandbytes && !isTorchao) return;
  throw packed(label, isBitsandbytes ? 'bitsandbytes' : 'torchao');
}

/**
 * What ComfyUI's newer formats (comfy/quant_ops.py: nvfp4, mxfp8, int8_tensorwise, also rotated) are called, they say in
 * the header or in a tensor beside each weight.
 * @throws DarkroomError('unsupported') by that name
 */
export async function refuseOtherScales(
  label: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string>,
): Promise<void> {
  const layer = layerOfOtherScales(tensors);
  if (layer === undefined) return;
  const layers = parsed(metadata.get('_quantization_metadata') ?? '')?.['layers'];
  const own = isRecord(layers) && Object.hasOwn(layers, layer) ? layers[layer] : undefined;
  const said = isRecord(own) ? own : parsed(await textOf(tensors.get(`${layer}.comfy_quant`)));
  const { format, convrot } = said ?? {};
  const name = typeof format === 'string' ? plain(format) : UNNAMED;
  throw packed(label, convrot === true ? `${name} (rotated)` : name);
}

/** Where neither says it. */
const UNNAMED = 'scales of blocks or of whole numbers';

const plain = (name: string) => name.replaceAll(/[^\w.-]/g, '').slice(0, LONGEST_NAME) || UNNAMED;

/** A description is a hundred bytes of JSON. */
const LONGEST_DESCRIPTION = 4096;

async function textOf(stored: StoredTensor | undefined): Promise<string> {
  if (stored === undefined || stored.dtype !== 'U8' || stored.length > LONGEST_DESCRIPTION) return '';
  const handle = await open(stored.file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(stored.length),
      0,
      stored.length,
      stored.offset,
    );
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @throws DarkroomError('unsupported') for the config of a part that names how its weights were packed */
export function refuseQuantisation(label: string, config: Readonly<Record<string, unknown>>): void {
  const { quantization_config: how } = config;
  if (!isRecord(how)) return;
  const { quant_method: method } = how;
  throw packed(label, typeof method === 'string' ? method.slice(0, LONGEST_NAME) : 'a method without a name');
}

const LONGEST_NAME = 60;

const packed = (label: string, method: string) =>
  new DarkroomError(
    'unsupported',
    `${label}: its weights are quantised with ${method}, which this version of Darkroom does not read. ${WAY_OUT}`,
  );

/** @returns a sentence about a GGUF file of another architecture; undefined for other files */
export function unknownArchitecture(
  label: string,
  metadata: ReadonlyMap<string, string>,
): string | undefined {
  const architecture = metadata.get('general.architecture')?.slice(0, LONGEST_NAME);
  if (architecture === undefined) return undefined;
  return `${label} is a GGUF file of the architecture ${architecture}, which this version of Darkroom does not run. It reads transformers of FLUX.1, FLUX.2 klein and Z-Image, and the text encoders T5 and Qwen3.`;
}

/** The denoiser of a folder in diffusers' layout; a file may hold no more than some of its blocks. */
const OF_FOLDERS: readonly (readonly [block: RegExp, what: string, folder: string])[] = [
  [/^(?:down|up)_blocks\.\d+\.resnets\.\d+\.conv1\.weight$/, 'UNet', 'unet'],
  [/^(?:single_)?transformer_blocks\.\d+\.attn\.to_q\.weight$/, 'transformer', 'transformer'],
  [/^layers\.\d+\.attention\.to_q\.weight$/, 'transformer', 'transformer'],
];
const SHARD = /-\d{5}-of-(\d{5})\.\w+$/;

/** @returns a sentence about one of several files of weights, which its name tells; undefined for a file that is whole */
export function refuseShard(label: string): string | undefined {
  const count = Number(SHARD.exec(label)?.[1] ?? 1);
  return count > 1
    ? `${label} is one of ${count} files of one network. Put the model's whole folder into DARKROOM_MODELS, or use the model as a single file.`
    : undefined;
}

/** @returns a sentence about a file that is a part of a model folder and no model; undefined for other files */
export function partOfFolder({
  tensors,
  label,
}: {
  readonly tensors: ReadonlyMap<string, unknown>;
  readonly label: string;
}): string | undefined {
  const shard = refuseShard(label);
  if (shard !== undefined) return shard;
  const names = [...tensors.keys()];
  const found = OF_FOLDERS.find(([block]) => names.some((name) => block.test(name)));
  if (found === undefined) return undefined;
  const [, what, folder] = found;
  return `${label} is only the ${what} of a model folder. It belongs in one as ${folder}/diffusion_pytorch_model.safetensors; or use the model as a single file.`;
}

/** A denoiser beside the VAE or text encoders of a checkpoint, as most programs save it. */
const DENOISER = 'model.diffusion_model';

/** A checkpoint whose denoiser is of no family that is known, which is not what lies beside it, its VAE; undefined for other files. */
export function unknownDenoiser({
  tensors,
  label,
}: {
  readonly tensors: ReadonlyMap<string, unknown>;
  readonly label: string;
}): { readonly refusal: string } | undefined {
  return tensors.keys().some((name) => name.startsWith(DENOISER))
    ? { refusal: sayUnknown(label) }
    : undefined;
}

export const sayUnknown = (label: string): string =>
  `${label} is no checkpoint that this version of Darkroom knows: its tensors are named as in no family that it runs.`;

const PREFIXES = ['model.diffusion_model.', '', 'model.', 'net.'];

const CHROMA =
  ': its layers are those of FLUX.1, but the network that modulates all of them (distilled_guidance_layer) and the mask over its words are not supported. FLUX.1, FLUX.2 klein and Z-Image work';

const QWEN = 'Qwen-Image';

/** Those that have it are read as FLUX.1. */
const DERIVED = ': it lacks vector_in.in_layer.weight, which FLUX.1 [dev] and [schnell] have';

/**
 * A tensor that only this family has, as diffusers and ComfyUI tell them apart, and what of it is missing here where that is
 * not all. The first match counts.
 */
const FOREIGN: readonly (readonly [key: string, family: string, missing?: string])[] = [
  ['distilled_guidance_layer.in_proj.bias', 'Chroma', CHROMA],
  ['single_stream_modulation.lin.weight', 'FLUX.2'],
  ['double_blocks.0.img_attn.norm.key_norm.scale', 'FLUX.1', DERIVED],
  ['double_blocks.0.img_attn.qkv.weight', 'FLUX.1', DERIVED],
  ['txt_norm.weight', QWEN],
  ['noise_refiner.0.attention.qkv.weight', 'Z-Image or Lumina'],
  ['cap_embedder.0.weight', 'Lumina 2'],
  ['double_layers.0.attn.w1q.weight', 'AuraFlow'],
  ['head.modulation', 'Wan'],
  ['clip_txt_mapper.weight', 'Stable Cascade'],
];

/** The family of a transformer or UNet that no family here reads, by its names; undefined for other files. */
export function foreignFamily({
  tensors,
  label,
}: {
  readonly tensors: ReadonlyMap<string, unknown>;
  readonly label: string;
}): { readonly family: string; readonly refusal: string } | undefined {
  const found = FOREIGN.find(([key]) => PREFIXES.some((prefix) => tensors.has(`${prefix}${key}`)));
  if (found === undefined) return undefined;
  // Files of Qwen-Image have diffusers' names, those of the others a part of them.
  if (found[1] !== QWEN && partOfFolder({ tensors, label }) !== undefined) return undefined;
  const [, family, missing = ''] = found;
  return {
    family,
    refusal: `${label} is a ${family} model, which this version of Darkroom does not run${missing}.`,
  };
}
