/** Model folders of full size with random weights: as large and as slow as the real ones, made in seconds. */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type FolderConfigs, FULL_SIZE } from './forge-configs.ts';
import {
  clipShapes,
  controlNetShapes,
  type Shapes,
  sd3TransformerShapes,
  unetShapes,
  vaeShapes,
} from './forge-shapes.ts';

export type FullSize = keyof typeof FULL_SIZE;
export type Dtype = 'F16' | 'F32';

/** Random numbers are repeated after this many: a prime, so that no two rows of a weight are alike. */
const PERIOD = 1_048_573;
const BYTES = { F16: 2, F32: 4 } as const;

/**
 * Writes a folder in diffusers' layout: tokenizers of single bytes, weights such that activations keep their size,
 * and for SD 1.5 and SDXL a ControlNet as controlnets/canny.
 * @param dtype of all weights; F16 takes 2.1 GB for sd15, 7 GB for sdxl, 7 GB for sd35-medium, without ControlNets
 */
export async function forgeModel(size: FullSize, folder: string, dtype: Dtype = 'F16'): Promise<void> {
  const {
    pipeline: kind,
    textEncoders,
    denoiser,
    vae,
    scheduler,
    controlNet,
  }: FolderConfigs = FULL_SIZE[size];
  const isUnet = denoiser['_class_name'] === 'UNet2DConditionModel';
  const index: Record<string, unknown> = {
    _class_name: kind,
    scheduler: ['diffusers', scheduler['_class_name']],
    [isUnet ? 'unet' : 'transformer']: ['diffusers', denoiser['_class_name']],
    vae: ['diffusers', 'AutoencoderKL'],
  };
  if (!isUnet) Object.assign(index, { text_encoder_3: [null, null], tokenizer_3: [null, null] });
  const part = async (
    name: string,
    config: Readonly<Record<string, unknown>>,
    base: string,
    shapes: Shapes,
  ) => {
    await writeJson(join(folder, name, 'config.json'), config);
    await writeWeights(join(folder, name, `${base}.safetensors`), shapes, dtype);
  };
  for (const [i, config] of textEncoders.entries()) {
    const suffix = i === 0 ? '' : `_${i + 1}`;
    index[`text_encoder${suffix}`] = ['transformers', (config['architectures'] as string[])[0]];
    index[`tokenizer${suffix}`] = ['transformers', 'CLIPTokenizer'];
    await part(`text_encoder${suffix}`, config, 'model', clipShapes(config));
    await writeTokenizer(join(folder, `tokenizer${suffix}`), config['vocab_size'] as number);
  }
  const base = 'diffusion_pytorch_model';
  await part('vae', vae, base, vaeShapes(vae));
  if (isUnet) await part('unet', denoiser, base, unetShapes(denoiser));
  else await part('transformer', denoiser, base, sd3TransformerShapes(denoiser));
  if (controlNet !== undefined) {
    await part('controlnets/canny', controlNet, base, controlNetShapes(controlNet));
  }
  await writeJson(join(folder, 'scheduler/scheduler_config.json'), scheduler);
  await writeJson(join(folder, 'model_index.json'), index);
}

/** The safety checker of Stable Diffusion 1.x and its feature extractor, as a model folder has them; 0.6 GB. */
export async function forgeSafetyChecker(folder: string): Promise<void> {
  await writeJson(join(folder, 'safety_checker/config.json'), {
    architectures: ['StableDiffusionSafetyChecker'],
    projection_dim: 768,
    vision_config: VISION,
  });
  await writeWeights(join(folder, 'safety_checker/model.safetensors'), safetyCheckerShapes(), 'F16');
  // Written last.
  await writeJson(join(folder, 'feature_extractor/preprocessor_config.json'), { size: 224, crop_size: 224 });
}

/** Of openai/clip-vit-large-patch14. */
const VISION = {
  ...{ hidden_size: 1024, intermediate_size: 4096, num_hidden_layers: 24, num_attention_heads: 16 },
  ...{ patch_size: 14, image_size: 224 },
};

function safetyCheckerShapes(): Shapes {
  const { hidden_size: width, intermediate_size: inner, num_hidden_layers: layers } = VISION;
  const norm = (name: string): [string, number[]][] => [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
  const dense = (name: string, outputs: number, inputs: number): [string, number[]][] => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs]],
  ];
  const layer = (name: string) => [
    ...norm(`${name}.layer_norm1`),
    ...norm(`${name}.layer_norm2`),
    ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((one) =>
      dense(`${name}.self_attn.${one}`, width, width),
    ),
    ...dense(`${name}.mlp.fc1`, inner, width),
    ...dense(`${name}.mlp.fc2`, width, inner),
  ];
  const vision = 'vision_model.vision_model';
  return new Map<string, readonly number[]>([
    [`${vision}.embeddings.class_embedding`, [width]],
    [`${vision}.embeddings.patch_embedding.weight`, [width, 3, 14, 14]],
    [`${vision}.embeddings.position_embedding.weight`, [257, width]],
    ...norm(`${vision}.pre_layrnorm`),
    ...norm(`${vision}.post_layernorm`),
    ...Array.from({ length: layers }, (_, i) => layer(`${vision}.encoder.layers.${i}`)).flat(),
    ['visual_projection.weight', [768, width]],
    ['concept_embeds', [17, 768]],
    ['concept_embeds_weights', [17]],
    ['special_care_embeds', [3, 768]],
    ['special_care_embeds_weights', [3]],
  ]);
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** CLIP's alphabet of 256 bytes, each alone and at the end of a word, and no merges. */
async function writeTokenizer(folder: string, vocabSize: number): Promise<void> {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let spare = 256;
  const alphabet = Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : spare++),
  );
  const words = [...alphabet, ...alphabet.map((letter) => `${letter}</w>`)];
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  vocab['<|startoftext|>'] = vocabSize - 2;
  vocab['<|endoftext|>'] = vocabSize - 1;
  await writeJson(join(folder, 'vocab.json'), vocab);
  await writeFile(join(folder, 'merges.txt'), '#version: 0.2\n');
  await writeJson(join(folder, 'tokenizer_config.json'), { model_max_length: 77 });
}

export async function writeWeights(file: string, shapes: Shapes, dtype: Dtype): Promise<void> {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, shape] of shapes) {
    const start = end;
    end += product(shape) * BYTES[dtype];
    header[name] = { dtype, shape, data_offsets: [start, end] };
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const pools = new Map<string, Uint8Array>();
  let drawn = 0;
  function* bytes() {
    yield length;
    yield json;
    for (const [name, shape] of shapes) {
      const [centre, spread] = distribution(name, shape);
      const key = `${centre} ${spread}`;
      let pool = pools.get(key);
      if (pool === undefined) {
        pool = randomPool(centre, spread, dtype);
        pools.set(key, pool);
      }
      // Tensors begin at different numbers of the pool: onnxruntime keeps one copy of those that are alike.
      let at = (drawn * BYTES[dtype]) % pool.length;
      drawn += product(shape) + 1;
      for (let left = product(shape) * BYTES[dtype]; left > 0; at = 0) {
        const piece = pool.subarray(at, Math.min(pool.length, at + left));
        yield piece;
        left -= piece.length;
      }
    }
  }
  await pipeline(Readable.from(bytes()), createWriteStream(file));
}

/** Centre and half width such that a layer's outputs are about as large as its inputs. */
function distribution(name: string, shape: readonly number[]): [centre: number, spread: number] {
  const isFactor = (name.includes('norm') && name.endsWith('weight')) || name.endsWith('running_var');
  if (shape.length === 1) return [isFactor ? 1 : 0, 0.1];
  if (/embedding\.weight$|pos_embed$/.test(name)) return [0, 0.05];
  return [0, Math.sqrt(3 / product(shape.slice(1)))];
}

function randomPool(centre: number, spread: number, dtype: Dtype): Uint8Array {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return centre + spread * (state / 2 ** 31 - 1);
  };
  const numbers = dtype === 'F16' ? new Float16Array(PERIOD) : new Float32Array(PERIOD);
  for (let i = 0; i < PERIOD; i++) numbers[i] = next();
  return new Uint8Array(numbers.buffer);
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
