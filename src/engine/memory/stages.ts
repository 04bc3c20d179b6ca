/** The stages of a job: what runs after what, and the bytes that each takes with the savers that were chosen. */
import type { Component } from '../../graph/component.ts';
import type { Sides } from '../../graph/outline.ts';
import type { EncodedPrompt } from '../../models/families/family.ts';
import type { ComponentName } from '../../models/spec.ts';
import { type GenerationRequest, LARGEST_REFERENCE } from '../../request.ts';
import type { Feeds } from '../../tensor.ts';
import { type Device, denoiserTargetOf, targetOf } from '../device.ts';
import { TILE } from '../picture/pictures.ts';
import { heldBytes } from './held.ts';
import { denoiserFootprint, type Footprint, footprintOf } from './outlines.ts';
import {
  denoiserSides,
  dimsOf,
  doubled,
  type PlannedSpec,
  type Size,
  sidesFed,
  textLength,
} from './shapes.ts';

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
  /** On the CPU: whether what a run takes stays with it while it is open. */
  readonly keepsMemory: boolean;
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
  /** Bytes that open parts of the model hold, where larger pictures were drawn with them before. */
  readonly kept?: ReadonlyMap<ComponentName, number> | undefined;
  /** Bytes of what is open beside the model all the time: what looks at pictures. */
  readonly beside?: number | undefined;
}

export interface Planned {
  readonly spec: PlannedSpec;
  readonly request: GenerationRequest;
  /** Of one side of guidance. */
  readonly prompt: EncodedPrompt;
}

/** Sides of the tiles in which networks enlarge pictures, the usual one first. */
export const UPSCALER_TILES = [512, 384, 256, 192, 128, 96, 64] as const;
export const SMALLEST_TILE = 64;
export const tileSides = (side: number): Sides => ({ batch: 1, height: side, width: side });

/** Bytes of what LoRAs add, in the memory of the machine: the CPU's graphs read it there. */
export function factorBytes({ provider }: Device, factors: PlanFor['factors'], part?: string): number {
  if (provider !== 'cpu' || factors === undefined) return 0;
  const feeds = part === undefined ? [...factors.values()] : [factors.get(part) ?? {}];
  return feeds.flatMap((of) => Object.values(of)).reduce((sum, { data }) => sum + data.byteLength, 0);
}

export const upscalerStage = (footprint: Footprint, device: Device): Promise<Stage> =>
  stageOf('upscaler', footprint, [tileSides(SMALLEST_TILE)], { device, savers: [] });

export async function stageOf(
  name: string,
  footprint: Footprint,
  runs: readonly Sides[],
  { device, savers }: { readonly device: Device; readonly savers: readonly Saver[] },
): Promise<Stage> {
  const { cast, ...held } = await heldBytes(footprint, device, savers.includes('mapped'));
  return { name, ...held, activations: Math.max(...runs.map(footprint.activations)) + cast };
}

export async function stagesOf(
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
      keepsMemory: false,
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
