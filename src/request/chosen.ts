import type { SamplerName } from '../diffusion/samplers/index.ts';
import type { ScheduleName } from '../diffusion/schedule.ts';
import type { ModelDefaults } from './defaults.ts';
import type { HiresRequest } from './hires.ts';
import type { LoraRequest } from './loras.ts';
import type { OutpaintRequest } from './outpaint.ts';
import type { UpscaleImageRequest } from './upscale-image.ts';

/** What depends on several fields and on the model, decided before the fields are filled. */
export interface Chosen {
  readonly model: string;
  readonly defaults: ModelDefaults;
  readonly sampler: SamplerName;
  readonly schedule: ScheduleName;
  readonly width: number;
  readonly height: number;
  readonly strength: number;
  readonly prompt: string;
  readonly loras: readonly LoraRequest[];
  readonly hasImage: boolean;
  readonly hasMask: boolean;
  /** Pictures that are seen beside the drawing. */
  readonly references: readonly string[];
  readonly hires: HiresRequest | undefined;
  readonly upscaleImage: UpscaleImageRequest | undefined;
  readonly outpaint: OutpaintRequest | undefined;
  /** Undefined where the model has no upscaler of its own. */
  readonly enlarge: boolean | undefined;
}
