/** What one file of weights is, from the names and shapes in its header and never from its own name. */

import { describeError } from '../errors.ts';
import { refuseType } from '../graph/component.ts';
import { type FewSteps, fewStepsOfFile } from '../request.ts';
import { sayWords } from '../sentences.ts';
import { readBeside } from './checkpoint/beside.ts';
import { isClipText, readClipText } from './checkpoint/clip-text.ts';
import { findControlnet } from './checkpoint/controlnet.ts';
import { isVae, lackingVae } from './checkpoint/ldm-vae.ts';
import { isQwenText } from './checkpoint/qwen-text.ts';
import { isT5Text } from './checkpoint/t5-text.ts';
import { type Tensors, under } from './checkpoint/tensors.ts';
import { lackingText, sayPartOnly } from './checkpoint/whole.ts';
import { controlnetOf, controlRefusal } from './controlnet.ts';
import { FAMILIES } from './families/index.ts';
import { unetBase } from './families/unet.ts';
import {
  foreignFamily,
  partOfFolder,
  refuseShard,
  unknownArchitecture,
  unknownDenoiser,
} from './foreign-weights.ts';
import { otherKind, refuseAdapters, refuseKind } from './lora/key.ts';
import { originOf } from './lora/origin.ts';
import { SeenFiles } from './seen.ts';
import { type FoundUpscaler, findUpscaler, refuse } from './upscaler/network.ts';
import { readWeights, type Weights } from './weights.ts';

export const FILE_KINDS = [
  'checkpoint',
  'lora',
  'vae',
  'embedding',
  'controlnet',
  'upscaler',
  'text_encoder',
  'unknown',
] as const;
export type FileKind = (typeof FILE_KINDS)[number];

interface Recognised {
  readonly kind: FileKind;
  /** The family as people call it: `Stable Diffusion XL`. Absent where the tensors do not tell. */
  readonly family?: string;
  /** What sets it apart within its family: `inpainting`. */
  readonly variant?: string;
  /** Of checkpoints. */
  readonly predictionType?: 'epsilon' | 'v_prediction' | 'flow';
  /** Of checkpoints that were distilled to draw in a few steps, where something says so. */
  readonly fewSteps?: FewSteps;
  /** The type of most of its bytes, as safetensors names it: F16, BF16, F8_E4M3. */
  readonly dtype: string;
  /** Numbers that it holds. */
  readonly parameters: number;
  /** Of checkpoints: whether these are inside. */
  readonly parts?: { readonly vae: boolean; readonly textEncoders: boolean };
  /** Why this version of Darkroom does not run it, as a sentence; absent where it may. */
  readonly refusal?: string;
  /** What the file says of itself: words of whoever wrote it, not checked. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads the header and a few numbers, some kilobytes.
 * @throws DarkroomError('not_found' | 'bad_model') where the file cannot be read as weights
 */
export async function recognise(path: string): Promise<Recognised> {
  const weights = await readWeights(path);
  const { tensors, metadata } = weights;
  const shared = { ...measure(tensors), metadata };
  // The first ControlNets were published as whole checkpoints with their control_model.
  const found = (await recogniseControl(weights, path)) ?? (await recogniseCheckpoint(weights, path));
  if (found !== undefined) return { ...shared, ...found };
  return { ...shared, ...recogniseOther(weights) };
}

type Found = Omit<Recognised, 'dtype' | 'parameters' | 'metadata'>;

async function recogniseControl(weights: Weights, path: string): Promise<Found | undefined> {
  const refusal = controlRefusal(weights);
  if (refusal !== undefined) return { kind: 'controlnet', refusal };
  if (findControlnet(weights.tensors) === undefined) return undefined;
  const reading = controlnetOf(weights, path, new SeenFiles());
  const broken = await refusalOf(reading);
  if (broken !== undefined) return { kind: 'controlnet', refusal: broken };
  const { config } = (await reading)!;
  return {
    kind: 'controlnet',
    ...(config['cross_attention_dim'] !== undefined && { family: unetBase(config) }),
  };
}

async function recogniseCheckpoint(weights: Weights, path: string): Promise<Found | undefined> {
  for (const { checkpoint } of FAMILIES) {
    const traits = checkpoint?.recognise(weights);
    if (checkpoint === undefined || traits === undefined) continue;
    const { base, variant, hasVae: vae, hasTextEncoders: textEncoders } = traits;
    const beside = traits.refusal === undefined ? await readBeside(path, new SeenFiles()) : undefined;
    const refusal =
      traits.refusal ??
      (beside && (await refusalOf(checkpoint.read(weights, beside)))) ??
      refuseTypes(weights);
    const predictionType =
      beside && refusal === undefined ? await checkpoint.prediction(weights, beside) : undefined;
    const fewSteps = beside && fewStepsOfFile(weights.metadata, beside);
    return {
      kind: 'checkpoint',
      family: base,
      ...(variant !== undefined && { variant }),
      ...(refusal !== undefined && { refusal }),
      ...(predictionType !== undefined && { predictionType }),
      ...(fewSteps !== undefined && predictionType !== 'flow' && { fewSteps }),
      parts: { vae, textEncoders },
    };
  }
  const foreign = foreignFamily(weights) ?? unknownDenoiser(weights);
  return foreign && { kind: 'checkpoint', ...foreign, parts: { vae: false, textEncoders: false } };
}

/** A matrix of a type that no layer can be read from. */
function refuseTypes({ tensors, label }: Weights): string | undefined {
  for (const stored of tensors.values()) {
    const refusal =
      stored.shape.length > 1 && stored.name.endsWith('.weight') ? refuseType(stored) : undefined;
    if (refusal !== undefined) return `${label}: ${refusal}`;
  }
  return undefined;
}

/** Why something cannot be read, as a sentence. */
const refusalOf = (reading: Promise<unknown>): Promise<string | undefined> =>
  reading.then(
    () => undefined,
    (error: unknown) => describeError(error).message,
  );

const LORA =
  /(\.lora_(down|up|mid|A|B)\b|_lora[12]?\.(down|up)\.weight$|\.lora\.(down|up)\.weight$|\.lora_linear_layer\.|\.hada_w[12]_[ab]$|\.lokr_w[12](_[ab])?$|\.oft_(blocks|diag)|^lora_.*\.(diff|diff_b|a1|b1)(\.weight)?$|\.(diff|diff_b)$)/;

function recogniseOther({ tensors, label, metadata }: Weights): Found {
  const names = [...tensors.keys()];
  const other = names.map(otherKind).find((kind) => kind !== undefined);
  if (other !== undefined || names.some((name) => LORA.test(name))) {
    const origin = originOf({ tensors, metadata });
    const refused = other === undefined ? refuseAdapters(label, names) : refuseKind(label, other);
    const refusal = refused && sayWords('en', refused);
    return {
      kind: 'lora',
      ...(origin !== undefined && { family: origin }),
      ...(refusal !== undefined && { refusal }),
    };
  }
  if (isEmbedding(tensors)) return { kind: 'embedding', ...embeddingFamily(tensors) };
  const vae = ['', 'first_stage_model.', 'vae.'].map((prefix) => under(tensors, prefix)).find(isVae);
  if (vae !== undefined) return { kind: 'vae', ...partOnly(label, 'VAE', lackingVae(vae)) };
  const upscaler = findUpscaler(tensors, label);
  if (upscaler !== undefined) return { kind: 'upscaler', ...traitsOfUpscaler(upscaler, label) };
  const text = textEncoderOf(tensors);
  if (text !== undefined) {
    const { family, missing } = text;
    const shard = refuseShard(label);
    const refusal = shard === undefined ? partOnly(label, 'text encoder', missing) : { refusal: shard };
    return { kind: 'text_encoder', family, ...refusal };
  }
  const refusal = partOfFolder({ tensors, label }) ?? unknownArchitecture(label, metadata);
  return { kind: 'unknown', ...(refusal !== undefined && { refusal }) };
}

function textEncoderOf(tensors: Tensors): { family: string; missing: string[] } | undefined {
  if (isT5Text(tensors)) return { family: 'T5', missing: lackingText(tensors) };
  if (isQwenText(tensors)) return { family: 'Qwen3', missing: lackingText(tensors) };
  const clip = [tensors, under(tensors, 'transformer.')].find(isClipText);
  return clip && { family: 'CLIP', missing: lackingText(readClipText(clip, { hiddenAct: 'gelu' }).tensors) };
}

function partOnly(label: string, what: string, missing: readonly string[]): { refusal?: string } {
  return missing.length === 0 ? {} : { refusal: sayPartOnly(label, what, missing) };
}

function traitsOfUpscaler(
  found: FoundUpscaler,
  label: string,
): Pick<Found, 'family' | 'variant' | 'refusal'> {
  if ('foreign' in found) return { family: found.foreign, refusal: refuse(label, found.foreign) };
  if ('refusal' in found) return { refusal: found.refusal };
  const { architecture, scale } = found.network;
  return { family: architecture, variant: `${scale}x` };
}

/** At most this many rows: one token stands for all of them. */
const MOST_VECTORS = 1024;

function isEmbedding(tensors: Tensors): boolean {
  const names = [...tensors.keys()].sort().join(' ');
  const isKnown =
    ['emb_params', 'clip_g clip_l', '*', 'string_to_param.*'].includes(names) || /^<[^ ]+>$/.test(names);
  return (
    isKnown &&
    [...tensors.values()].every(({ shape }) => shape.length <= 2 && (shape[0] ?? 0) <= MOST_VECTORS * 2048)
  );
}

function embeddingFamily(tensors: Tensors): { family?: string } {
  if (tensors.has('clip_g')) return { family: 'Stable Diffusion XL' };
  const width = [...tensors.values()][0]?.shape.at(-1);
  if (width === 768) return { family: 'Stable Diffusion 1' };
  return width === 1024 ? { family: 'Stable Diffusion 2' } : {};
}

function measure(tensors: Tensors): Pick<Recognised, 'dtype' | 'parameters'> {
  const bytes = new Map<string, number>();
  let parameters = 0;
  for (const { dtype, length, shape } of tensors.values()) {
    bytes.set(dtype, (bytes.get(dtype) ?? 0) + length);
    parameters += shape.reduce((product, side) => product * side, 1);
  }
  const [dtype] = [...bytes].sort(([, a], [, b]) => b - a)[0] ?? ['none'];
  return { dtype, parameters };
}
