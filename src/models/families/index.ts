/** The families of models that this version runs. To add one, write a file in this folder and a line here. */
import type { Family } from './family.ts';
import { flux } from './flux.ts';
import { flux2Klein } from './flux2.ts';
import { lcm } from './lcm.ts';
import { sd } from './sd.ts';
import { sd3 } from './sd3.ts';
import { sdxl } from './sdxl.ts';
import { zImage } from './z-image.ts';

export const FAMILIES: readonly Family[] = [sd, sdxl, sd3, flux, zImage, flux2Klein, lcm];
