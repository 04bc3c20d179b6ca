/** What fills the gaps of a draft: the model's own defaults. */
import type { SamplerName } from '../diffusion/samplers/index.ts';
import type { ScheduleName } from '../diffusion/schedule.ts';
import type { KnownLoras, LoraDraft } from './loras.ts';
import type { KnownUpscalers } from './upscalers.ts';

/** What of a request is otherwise in a quick draft of it: fields as drafts have them. */
interface DraftForm {
  readonly num_inference_steps: number;
  readonly guidance_scale?: number;
  readonly sampler?: string;
  readonly schedule?: string;
  /** A LoRA that makes few steps enough, beside the request's own. */
  readonly loras?: readonly LoraDraft[];
}

/** What a model folder says about itself. */
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
  /** How many times longer the model's own upscaler makes the sides of a picture; absent where it has none. */
  readonly enlarges?: number;
  /** What enlarges finished pictures where the model has no upscaler of its own; lanczos where left out. */
  readonly upscaler?: string;
  /** Longest side, in pixels, that a finished picture may have there; LIMITS.size.max where left out. */
  readonly largestPicture?: number;
  /** What the sides of a picture must be multiples of; 8 where left out. */
  readonly sizeMultiple?: number;
  /** Its prompt is an instruction about the pictures that come with it, which it sees as references. */
  readonly editsByInstruction?: boolean;
  /** How it draws a quick draft of a picture; absent where it has no fast form. */
  readonly draft?: DraftForm;
  /** Longest side, in pixels, that the model can draw. */
  readonly maxSize: number;
}

export interface DraftContext {
  /** The model's name as the catalogue resolved it from the draft. */
  readonly model: string;
  readonly defaults: ModelDefaults;
  /** The LoRAs that the draft asks for, found; where left out, they are taken as they are called. */
  readonly loras?: KnownLoras;
  /** The same for the upscalers that are files. */
  readonly upscalers?: KnownUpscalers;
  /**
   * Width and height in pixels of the picture behind `draft.image`, else of the first of `draft.reference_images`; needed
   * where the draft has one.
   */
  readonly imageSize?: { readonly width: number; readonly height: number };
}
