/**
 * What a job takes in memory, computed from the model's description and the request before anything is loaded, and the
 * savers that make it fit into a budget. Whoever asks says what the device has; of the disk only that is asked, which
 * optimised graphs are kept.
 */
import type { Component } from '../../graph/component.ts';
import type { Sides } from '../../graph/outline.ts';
import { readT5Config } from '../../graph/t5.ts';
import type { EncodedPrompt, PassConditions } from '../../models/families/family.ts';
import type { ComponentName, ModelSpec } from '../../models/spec.ts';
import { type GenerationRequest, LARGEST_REFERENCE } from '../../request.ts';
import { type Feeds, repeat, zeros } from '../../tensor.ts';
import { type Device, denoiserTargetOf, type Provider, targetOf } from '../device.ts';
import { TILE } from '../picture/pictures.ts';
import { heldBytes } from './held.ts';
import { denoiserFootprint, type Footprint, footprintOf } from './outlines.ts';

/**
 * Ways to need less memory, each at the cost of time: both halves of guidance one after the other; the VAE's large layers
 * on tiles; weights mapped as they are stored, and cast by each call; components loaded in turn, and released before the
 * next one.
 */
export const SAVERS = ['guidance', 'tiles', 'mapped', 'turns'] as const;
export type Saver = (typeof SAVERS)[number];

/** A part of a job's work, during which one component runs. */
export interface Stage {
  readonly name: string;
  /** What of the model runs; absent for a network of its own. */
  readonly part?: ComponentName;
  /** Bytes. */
  readonly weights: number;
  /** All that a run takes besides. */
  readonly activations: number;
  /** What is read from the files while it opens, besides the weights as they are held. */
  readonly opening: number;
}

export interface MemoryPlan {
  /** Bytes of the whole engine process, or on the card, at most. */
  readonly bytes: number;
  readonly savers: readonly Saver[];
  readonly stages: readonly Stage[];
  /** What it has to fit into; undefined where nobody knows what the device has. */
  readonly budget: number | undefined;
  readonly fits: boolean;
}

export interface PlanFor {
  readonly device: Device;
  /** The ControlNets of the request's controls. */
  readonly nets: readonly Component[];
  /** Of the network that enlarges, where the request has one beside the model. */
  readonly upscaler?: Footprint | undefined;
  /** What LoRAs add to the inputs of a component's graph, by its name. */
  readonly factors?: ReadonlyMap<string, Feeds> | undefined;
  /** Bytes. */
  readonly budget: number | undefined;
  /** Of the request's reference pictures, in pixels; the largest there are where nobody has looked at them. */
  readonly references?: readonly Size[];
  /** Bytes of what is open beside the model all the time: what looks at pictures. */
  readonly beside?: number | undefined;
}

export type PlannedSpec = Pick<
  ModelSpec,
  | 'denoiser'
  | 'editsByInstruction'
  | 'encodePrompt'
  | 'graph'
  | 'guidesApart'
  | 'isGuided'
  | 'latentChannels'
  | 'latentShape'
  | 'sizeMultiple'
  | 'textEncoders'
  | 'upscaler'
  | 'vaeScaleFactor'
>;

/** Bytes that an engine takes before its first model: Node and onnxruntime; on a card what CUDA's libraries keep there. */
const BASE: Readonly<Record<Provider, number>> = { cpu: 160 * 2 ** 20, webgpu: 2 ** 30, cuda: 2 ** 30 };
/**
 * What is taken for each byte of activations. Without an arena it is that byte, and it is given back. An arena grows by
 * powers of two, and each session keeps its own (on an H100, 20 steps: SD 1.5 took 3.9 GiB and SDXL 13.6 GiB).
 */
const ARENA: Readonly<Record<Provider, number>> = { cpu: 1, webgpu: 2, cuda: 2 };

/** Bytes of a stage while it runs. */
const runningBytes = ({ weights, activations }: Stage, provider: Provider): number =>
  weights + ARENA[provider] * activations;

/** Bytes of an open component that is not running. */
const idleBytes = (stage: Stage, provider: Provider): number =>
  provider === 'cpu' ? stage.weights : runningBytes(stage, provider);

/** The fastest way to do a job within the budget; where none fits, the one that takes the least. */
export async function planMemory(
  spec: PlannedSpec,
  request: GenerationRequest,
  how: PlanFor,
): Promise<MemoryPlan> {
  const prompt = await promptShape(spec, request);
  let least: MemoryPlan | undefined;
  // From none of them to all, the cheap ones first.
  for (let choice = 0; choice < 2 ** SAVERS.length; choice++) {
    const savers = SAVERS.filter((_, i) => (choice >> i) % 2 === 1);
    const plan = await planOf({ spec, request, prompt }, how, savers);
    if (plan.fits) return plan;
    if (least === undefined || plan.bytes < least.bytes) least = plan;
  }
  return least!;
}

/** The plan with these savers and no others. */
export async function planWith(
  spec: PlannedSpec,
  request: GenerationRequest,
  how: PlanFor,
  savers: readonly Saver[],
): Promise<MemoryPlan> {
  return planOf({ spec, request, prompt: await promptShape(spec, request) }, how, savers);
}

interface Planned {
  readonly spec: PlannedSpec;
  readonly request: GenerationRequest;
  /** Of one side of guidance. */
  readonly prompt: EncodedPrompt;
}

/** Sides of the tiles in which networks enlarge pictures, the usual one first. */
const UPSCALER_TILES = [512, 384, 256, 192, 128, 96, 64] as const;
const SMALLEST_TILE = 64;
const tileSides = (side: number): Sides => ({ batch: 1, height: side, width: side });

/** A job in which only a network runs that enlarges a picture. */
export async function planUpscaler(
  footprint: Footprint,
  how: Pick<PlanFor, 'device' | 'budget' | 'beside'>,
): Promise<MemoryPlan> {
  return planStages([await upscalerStage(footprint, how.device)], how, []);
}

/** Bytes of a network that is open beside the models, and runs on one picture at a time. */
export async function networkBytes(footprint: Footprint, device: Device): Promise<number> {
  return runningBytes(
    await stageOf('network', footprint, [{ batch: 1 }], { device, savers: [] }),
    device.provider,
  );
}

const upscalerStage = (footprint: Footprint, device: Device): Promise<Stage> =>
  stageOf('upscaler', footprint, [tileSides(SMALLEST_TILE)], { device, savers: [] });

async function stageOf(
  name: string,
  footprint: Footprint,
  runs: readonly Sides[],
  { device, savers }: { readonly device: Device; readonly savers: readonly Saver[] },
): Promise<Stage> {
  const { weights, cast, opening } = await heldBytes(footprint, device, savers.includes('mapped'));
  return { name, weights, activations: Math.max(...runs.map(footprint.activations)) + cast, opening };
}

/** The largest side of a tile for which a plan leaves room, with the plan's own smallest one in it. */
export function tileWithin(
  { budget, bytes }: MemoryPlan,
  { activations }: Footprint,
  { provider }: Device,
): number {
  const most = (side: number) => ARENA[provider] * activations(tileSides(side));
  const room = budget === undefined ? undefined : budget - bytes + most(SMALLEST_TILE);
  return UPSCALER_TILES.find((side) => room === undefined || most(side) <= room) ?? SMALLEST_TILE;
}

async function planOf(planned: Planned, how: PlanFor, savers: readonly Saver[]): Promise<MemoryPlan> {
  return planStages(await stagesOf(planned, how, savers), how, savers);
}

/** Bytes of what LoRAs add, in the memory of the machine: the CPU's graphs read it there. */
function factorBytes({ provider }: Device, factors: PlanFor['factors'], part?: string): number {
  if (provider !== 'cpu' || factors === undefined) return 0;
  const feeds = part === undefined ? [...factors.values()] : [factors.get(part) ?? {}];
  return feeds.flatMap((of) => Object.values(of)).reduce((sum, { data }) => sum + data.byteLength, 0);
}

function planStages(
  stages: readonly Stage[],
  { device, budget, factors, beside = 0 }: Pick<PlanFor, 'device' | 'budget' | 'factors' | 'beside'>,
  savers: readonly Saver[],
): MemoryPlan {
  const { provider } = device;
  const resident = stages.reduce((sum, stage) => sum + idleBytes(stage, provider), 0);
  const isInTurn = savers.includes('turns');
  let before = 0;
  let most = 0;
  for (const stage of stages) {
    const others = isInTurn ? 0 : resident - idleBytes(stage, provider);
    // They are opened in their order, before the first one runs.
    const opened = (isInTurn ? 0 : before) + stage.weights + stage.opening;
    most = Math.max(most, runningBytes(stage, provider) + others, opened);
    before += stage.weights;
  }
  const bytes = BASE[provider] + factorBytes(device, factors) + beside + most;
  return { bytes, savers, stages, budget, fits: budget === undefined || bytes <= budget };
}

/** Bytes of an open model that no run uses. */
export interface KeptBytes {
  /** What models with the same component share. */
  readonly parts: ReadonlyMap<ComponentName, number>;
  /** What belongs to this model only. */
  readonly own: number;
}

export function keptBytes({ stages, savers }: MemoryPlan, { provider }: Device): KeptBytes {
  const parts = new Map<ComponentName, number>();
  let own = 0;
  for (const stage of savers.includes('turns') ? [] : stages) {
    const bytes = idleBytes(stage, provider);
    if (stage.part === undefined) own += bytes;
    else parts.set(stage.part, bytes);
  }
  return { parts, own };
}

async function stagesOf(
  { spec, request, prompt }: Planned,
  { device, nets, upscaler, factors, ...how }: PlanFor,
  savers: readonly Saver[],
): Promise<Stage[]> {
  const target = targetOf(device);
  const given = how.references ?? (request.referenceImages ?? []).map(() => LARGEST_REFERENCE);
  const isMasked = request.maskImage !== undefined || request.outpaint !== undefined;
  const isSeen = spec.editsByInstruction === true && isMasked;
  const references: Size[] = [...(isSeen ? [request] : []), ...given];
  const sizes: Size[] = [request, ...(request.hires === undefined ? [] : [request.hires])];
  const last = sizes.at(-1)!;
  const stage = async (name: ComponentName, footprint: Footprint, runs: readonly Sides[]): Promise<Stage> => {
    const added = sidesFed(footprint.outline.inputs, dimsOf(factors?.get(name) ?? {}));
    const all = runs.map((sides) => ({ ...sides, ...added }));
    const made = await stageOf(name, footprint, all, { device, savers });
    // They are inputs, and counted apart.
    return { ...made, part: name, activations: made.activations - factorBytes(device, factors, name) };
  };
  const part = (name: ComponentName, runs: readonly Sides[]) =>
    stage(name, footprintOf(spec, name, target), runs);

  const stages: Stage[] = [];
  for (const encoder of spec.textEncoders) {
    stages.push(await part(encoder.name, [{ batch: 1, sequence: textLength(encoder, request) }]));
  }

  const isTiled = savers.includes('tiles');
  const latentsOf = ({ width, height }: Size) =>
    [height / spec.vaeScaleFactor, width / spec.vaeScaleFactor] as const;
  /** A half of the VAE. @param large and small: its layers above the latents' size, and those at it */
  const vae = async (
    whole: ComponentName,
    small: ComponentName,
    large: ComponentName,
    runs: readonly Size[],
  ): Promise<Stage> => {
    const sidesOf = ([h, w]: readonly [number, number]): Sides => ({
      ...{ batch: 1, latent_height: h, latent_width: w, norms: 0, groups: 1 },
      ...{ height: h * spec.vaeScaleFactor, width: w * spec.vaeScaleFactor },
      // Of a VAE whose latents are squares of the sampler's.
      ...{ square_height: Math.ceil(h / 2), square_width: Math.ceil(w / 2) },
    });
    if (!isTiled || !runs.some((size) => latentsOf(size).some((side) => side > TILE)))
      return part(
        whole,
        runs.map((size) => sidesOf(latentsOf(size))),
      );
    const [all, tiles] = await Promise.all([
      part(
        small,
        runs.map((size) => sidesOf(latentsOf(size))),
      ),
      part(
        large,
        runs.map((size) => sidesOf(latentsOf(size).map((side) => Math.min(side, TILE)) as [number, number])),
      ),
    ]);
    return {
      ...{ name: whole, part: whole },
      weights: all.weights + tiles.weights,
      activations: Math.max(all.activations, tiles.activations),
      opening: Math.max(all.opening, tiles.opening),
    };
  };
  const grows = request.hires !== undefined && request.hires.upscaler !== 'latent';
  const encoded = [...(request.image === undefined ? [] : [request]), ...given, ...(grows ? [last] : [])];
  if (encoded.length > 0) stages.push(await vae('vaeEncoder', 'vaeEncoderLast', 'vaeEncoderFirst', encoded));

  const isBatched =
    spec.isGuided(request.guidanceScale) && spec.guidesApart !== true && !savers.includes('guidance');
  const denoiser = denoiserFootprint(spec, nets, denoiserTargetOf(device, spec.denoiser));
  const both = isBatched ? doubled(prompt) : prompt;
  const runs = sizes.map((size) =>
    denoiserSides(denoiser.outline.inputs, spec, { request, size, prompt: both }, references),
  );
  stages.push(await stage('denoiser', denoiser, runs));
  stages.push(await vae('vaeDecoder', 'vaeDecoderFirst', 'vaeDecoderLast', grows ? sizes : [last]));
  if (spec.upscaler !== undefined && request.enlarge === true) {
    const { width, height } = last;
    const [most] = UPSCALER_TILES;
    stages.push(
      await part('upscaler', [{ batch: 1, height: Math.min(height, most), width: Math.min(width, most) }]),
    );
  }
  if (upscaler !== undefined) stages.push(await upscalerStage(upscaler, device));
  return stages;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Tokens of CLIP's window. */
const CLIP_WINDOW = 77;

function textLength(
  encoder: ModelSpec['textEncoders'][number],
  { maxSequenceLength }: GenerationRequest,
): number {
  if (encoder.kind === 'clip') return CLIP_WINDOW;
  return maxSequenceLength ?? (encoder.kind === 'qwen' ? encoder.rules.length : encoder.length);
}

/** What the text encoders would make of a prompt that fits into one window: zeros of its shape. */
function promptShape(
  { textEncoders, encodePrompt }: PlannedSpec,
  request: GenerationRequest,
): Promise<EncodedPrompt> {
  return encodePrompt({
    maxSequenceLength: request.maxSequenceLength,
    async clip(index) {
      const encoder = textEncoders[index];
      if (encoder?.kind !== 'clip') throw new Error(`text encoder ${index} is no CLIP`);
      const { hiddenSize, projectionDim = hiddenSize } = encoder;
      return { states: zeros([1, CLIP_WINDOW, hiddenSize]), pooled: zeros([1, projectionDim]) };
    },
    async qwen(index) {
      const encoder = textEncoders[index];
      if (encoder?.kind !== 'qwen') throw new Error(`text encoder ${index} is no Qwen`);
      const { hiddenSize, rules } = encoder;
      return zeros([1, textLength(encoder, request), hiddenSize * rules.layers.length]);
    },
    async t5(index) {
      const encoder = textEncoders[index];
      if (encoder?.kind !== 't5') throw new Error(`text encoder ${index} is no T5`);
      return zeros([1, textLength(encoder, request), readT5Config(encoder.component).dModel]);
    },
  });
}

const doubled = ({ context, pooled }: EncodedPrompt): EncodedPrompt => ({
  context: repeat(context, 2),
  ...(pooled !== undefined && { pooled: repeat(pooled, 2) }),
});

/** The free sides of a denoiser's inputs, as a call would feed them. */
function denoiserSides(
  inputs: Footprint['outline']['inputs'],
  spec: PlannedSpec,
  pass: Omit<PassConditions, 'dims' | 'references'>,
  pictures: readonly Size[],
): Sides {
  const { latentChannels: channels, vaeScaleFactor: scaleFactor } = spec;
  const { width, height } = pass.size;
  const latentsOf = (size: Size) => spec.latentShape(size, { channels, scaleFactor });
  const dims = latentsOf(pass.size);
  const references = pictures.map((size) => zeros(latentsOf(size)));
  const batch = pass.prompt.context.dims[0]!;
  const fed: Record<string, readonly number[]> = { timestep: [1], [spec.denoiser.names.sample]: dims };
  for (const [name, tensor] of Object.entries(spec.denoiser.conditioning({ ...pass, dims, references })))
    fed[name] = tensor.dims;
  return { picture_height: height, picture_width: width, ...sidesFed(inputs, fed), batch };
}

const dimsOf = (feeds: Feeds): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));

/** The free sides of inputs that are fed tensors of these dimensions. */
function sidesFed(
  inputs: Footprint['outline']['inputs'],
  fed: Readonly<Record<string, readonly number[]>>,
): Record<string, number> {
  const sides: Record<string, number> = {};
  for (const [name, declared] of inputs) {
    declared.forEach((side, i) => {
      const size = Object.hasOwn(fed, name) ? fed[name]![i] : undefined;
      if (typeof side === 'string' && size !== undefined) sides[side] = size;
    });
  }
  return sides;
}
