/**
 * What a job takes in memory, computed from the model's description and the request before anything is loaded, and the
 * savers that make it fit into a budget. Whoever asks says what the device has; of the disk only that is asked, which
 * optimised graphs are kept.
 */
import type { ComponentName } from '../../models/spec.ts';
import type { GenerationRequest } from '../../request.ts';
import type { Device, Provider } from '../device.ts';
import type { Footprint } from './outlines.ts';
import { type PlannedSpec, promptShape } from './shapes.ts';
import {
  factorBytes,
  type PlanFor,
  type Planned,
  SAVERS,
  type Saver,
  SMALLEST_TILE,
  type Stage,
  stageOf,
  stagesOf,
  tileSides,
  UPSCALER_TILES,
  upscalerStage,
} from './stages.ts';

export interface MemoryPlan {
  /** Bytes of the whole engine process, or on the card, at most. */
  readonly bytes: number;
  readonly savers: readonly Saver[];
  readonly stages: readonly Stage[];
  /** What it has to fit into; undefined where nobody knows what the device has. */
  readonly budget: number | undefined;
  readonly fits: boolean;
}

/** Bytes that an engine takes before its first model: Node and onnxruntime; on a card what CUDA's libraries keep there. */
const BASE: Readonly<Record<Provider, number>> = { cpu: 160 * 2 ** 20, webgpu: 2 ** 30, cuda: 2 ** 30 };
/**
 * What is taken for each byte of activations. On the CPU it is that byte. A card's arena grows by powers of two, and each
 * session keeps its own (on an H100, 20 steps: SD 1.5 took 3.9 GiB and SDXL 13.6 GiB).
 */
const ARENA: Readonly<Record<Provider, number>> = { cpu: 1, webgpu: 2, cuda: 2 };

/** Bytes of a stage while it runs. */
const runningBytes = ({ weights, activations }: Stage, provider: Provider): number =>
  weights + ARENA[provider] * activations;

/** Bytes of an open component that is not running. */
const idleBytes = (stage: Stage, provider: Provider): number =>
  provider === 'cpu' && !stage.keepsMemory ? stage.weights : runningBytes(stage, provider);

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

function planStages(
  stages: readonly Stage[],
  {
    device,
    budget,
    factors,
    kept,
    beside = 0,
  }: Pick<PlanFor, 'device' | 'budget' | 'factors' | 'kept' | 'beside'>,
  savers: readonly Saver[],
): MemoryPlan {
  const { provider } = device;
  const isInTurn = savers.includes('turns');
  // What is loaded in turn is released first.
  const keptOf = ({ part }: Stage) => (isInTurn || part === undefined ? 0 : (kept?.get(part) ?? 0));
  const idle = (stage: Stage) => Math.max(keptOf(stage), idleBytes(stage, provider));
  const resident = stages.reduce((sum, stage) => sum + idle(stage), 0);
  let before = 0;
  let most = 0;
  for (const stage of stages) {
    const others = isInTurn ? 0 : resident - idle(stage);
    // They are opened in their order, before the first one runs.
    const opened = (isInTurn ? 0 : before) + stage.weights + stage.opening;
    most = Math.max(most, Math.max(keptOf(stage), runningBytes(stage, provider)) + others, opened);
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
