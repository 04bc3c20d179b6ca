/** Layers of FLUX.2 klein's text encoder whose states are read, one beside the other (diffusers pipeline_flux2_klein.py). */
export const FLUX2_TEXT_LAYERS: readonly number[] = [9, 18, 27];
