/**
 * The one description of a picture to be made. A draft (what somebody typed, snake_case as in contract) is
 * checked here once, its gaps filled from the model's defaults, its seed drawn; the result is frozen and
 * travels unchanged to the engine and into the PNG.
 */
import type { Rng } from './diffusion/random.ts';
import type { SamplerName } from './diffusion/samplers/index.ts';
import type { ScheduleName } from './diffusion/schedule.ts';
import type { ControlKind, PromptSyntax, Upscaler } from './request/draft.ts';

export {
  a1111Schedule,
  diffusersClassOf,
  parseSampler,
  parseSchedule,
  samplerOfConfig,
  scheduleOfConfig,
} from './diffusion/names.ts';
export { RNGS, type Rng } from './diffusion/random.ts';
export { SAMPLER_NAMES, type SamplerName, samplerNamed } from './diffusion/samplers/index.ts';
export { SCHEDULES, type ScheduleName } from './diffusion/schedule.ts';
export {
  CONTROL_KINDS,
  type ControlKind,
  type PromptSyntax,
  parseDraft,
  type RequestDraft,
  UPSCALERS,
  type Upscaler,
} from './request/draft.ts';
export { type DraftContext, freezeRequest } from './request/freeze.ts';
export { requestToJson } from './request/json.ts';
export { LIMITS } from './request/limits.ts';

/** A picture that steers the denoiser through a ControlNet (Zhang et al. 2023). */
export interface ControlRequest {
  readonly kind: ControlKind;
  /** Name or folder of the ControlNet; the model's own for that kind where left out. */
  readonly controlnet?: string;
  /** Reference of the picture (or keypoints), as `image`; for openpose also the name of a known pose. */
  readonly image: string;
  /** controlnet_conditioning_scale: 0 has no effect. */
  readonly scale: number;
  /** Part of the steps in which it acts, 0 to 1. */
  readonly start: number;
  readonly end: number;
}

/** A second pass over the upscaled picture, in the same job. */
export interface HiresRequest {
  readonly width: number;
  readonly height: number;
  readonly upscaler: Upscaler;
  readonly strength: number;
  readonly numInferenceSteps: number;
}

export interface GenerationRequest {
  /** Catalogue name or folder, as the catalogue resolves it. */
  readonly model: string;
  readonly prompt: string;
  /** For the second and third text encoder; `prompt` where left out. */
  readonly prompt2?: string;
  readonly prompt3?: string;
  /** Left out is not the same as empty: SDXL then takes zeros instead of the encoded empty prompt. */
  readonly negativePrompt?: string;
  readonly negativePrompt2?: string;
  readonly negativePrompt3?: string;
  /** `a1111`: weights, BREAK, chunks beyond 77 tokens; `plain`: as diffusers takes it. */
  readonly promptSyntax: PromptSyntax;
  readonly width: number;
  readonly height: number;
  readonly numInferenceSteps: number;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  /** Seed of the first picture; picture i uses seed + i. */
  readonly seed: number;
  readonly numImages: number;
  readonly rng: Rng;
  readonly sampler: SamplerName;
  readonly schedule: ScheduleName;
  /** Laid over the model's scheduler_config.json. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  readonly eta: number;
  readonly clipSkip: number;
  /** Tokens that SD3's T5 reads; 256 where left out. */
  readonly maxSequenceLength?: number;
  /** SDXL is told sizes and crop, [height, width] and [top, left]; the picture's own size and 0 where left out. */
  readonly originalSize?: readonly [number, number];
  readonly cropsCoordsTopLeft?: readonly [number, number];
  readonly targetSize?: readonly [number, number];
  /** Reference of the picture to start from; its bytes travel beside the request (JobInputs). */
  readonly image?: string;
  /** 0 keeps the picture, 1 forgets it; only with `image`. */
  readonly strength?: number;
  /** Reference of the mask: its white part is drawn anew; only with `image`. */
  readonly maskImage?: string;
  /** Standard deviation in pixels of the Gaussian that softens the mask; only with `maskImage`. */
  readonly maskBlur?: number;
  /** Pixels outside the mask come back bit for bit; only with `maskImage`. */
  readonly keepUnmasked?: boolean;
  /** Where given, only the masked part and this many pixels around it are drawn, at the request's full size. */
  readonly onlyMaskedPadding?: number;
  readonly controls: readonly ControlRequest[];
  /** The ControlNets alone steer, deeper layers more than upper ones; guidance's other half is left free. */
  readonly guessMode: boolean;
  readonly hires?: HiresRequest;
}

/** What a model folder says of itself; fills the gaps of a draft. */
export interface ModelDefaults {
  readonly numInferenceSteps: number;
  readonly guidanceScale: number;
  readonly sampler: SamplerName;
  readonly schedule: ScheduleName;
  readonly width: number;
  readonly height: number;
  readonly strength: number;
  /** strength where there is a mask; 1 where left out. */
  readonly inpaintStrength?: number;
  /** Its pipeline runs at least one step at any strength above 0; others skip a step that is left in part. */
  readonly runsAtAnyStrength?: boolean;
  /** What the sides of a picture must be multiples of; 8 where left out. */
  readonly sizeMultiple?: number;
  /** Longest side, in pixels, that the model can draw. */
  readonly maxSize: number;
}
