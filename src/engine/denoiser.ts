/** One denoiser call: what the sampler asks becomes the graph's inputs, and its output a guided prediction. */
import type { ModelCall } from '../diffusion/sampling.ts';
import { repeat } from './conditions.ts';
import type { Controls } from './controls.ts';
import type { PromptEmbeddings } from './prompt.ts';
import type { Feeds, Tensor } from './session.ts';

/** What stays the same over all calls of a pass. */
export interface Conditions {
  /** Whether the denoiser is a transformer (SD3), whose inputs have other names than a UNet's. */
  readonly isTransformer: boolean;
  /** [1, C, h, w] of the latents. */
  readonly dims: readonly number[];
  /** Of batch 2 with guidance, the negative half first. */
  readonly prompt: PromptEmbeddings;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  /** SDXL: [B, 6]. */
  readonly timeIds?: Tensor;
  /** Guidance-distilled models: [1, time_cond_proj_dim]. */
  readonly timestepCond?: Tensor;
  readonly controls?: Controls;
}

/** A call as the session takes it, in which nothing points back at the run: a queue may batch several. */
export interface DenoiserCall {
  readonly feeds: Feeds;
  /** What ControlNets take beside them; empty where the pass has none. */
  readonly controlFeeds: Feeds;
  /** Whether one of them acts in this call. */
  readonly isControlled: boolean;
}

const UNET = { sample: 'sample', pooled: 'text_embeds' } as const;
const TRANSFORMER = { sample: 'hidden_states', pooled: 'pooled_projections' } as const;

/**
 * @param index of this call among `calls` of the pass
 * @param extra channels beside the latents, [n, h, w]: the mask and masked picture of an inpainting UNet
 */
export function denoiserCall(
  conditions: Conditions,
  { sample, timestep }: ModelCall,
  { index, calls, extra }: { index: number; calls: number; extra: Float32Array | undefined },
): DenoiserCall {
  const { isTransformer, prompt, dims, timeIds, timestepCond, controls } = conditions;
  const batch = prompt.context.dims[0]!;
  const input = inputOf(sample, dims, extra);
  const scales = controls?.scales(index, calls);
  const isControlled = scales?.some(({ data }) => data.some((scale) => scale !== 0)) ?? false;
  const names = isTransformer ? TRANSFORMER : UNET;
  const feeds: Record<string, Feeds[string]> = {
    [names.sample]: repeat(input, batch),
    timestep: { data: Float32Array.of(timestep), dims: [1] },
    encoder_hidden_states: prompt.context,
  };
  if (prompt.pooled !== undefined) feeds[names.pooled] = prompt.pooled;
  if (timeIds !== undefined) feeds['time_ids'] = timeIds;
  if (timestepCond !== undefined) feeds['timestep_cond'] = timestepCond;
  const controlFeeds: Record<string, Feeds[string]> = {};
  for (const [i, scale] of (scales ?? []).entries()) {
    controlFeeds[`controlnet_conds.${i}`] = controls!.pictures[i]!;
    controlFeeds[`conditioning_scales.${i}`] = scale;
  }
  return { feeds, controlFeeds, isControlled };
}

function inputOf(sample: Float32Array, dims: readonly number[], extra: Float32Array | undefined): Tensor {
  if (extra === undefined) return { data: sample, dims };
  const data = new Float32Array(sample.length + extra.length);
  data.set(sample);
  data.set(extra, sample.length);
  const [, channels, ...size] = dims as [number, number, number, number];
  return { data, dims: [1, channels + extra.length / (size[0]! * size[1]!), ...size] };
}
