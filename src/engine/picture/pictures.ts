/** Pictures on their way to latents and back: the door of this room. */
export { cutOut, type Frame, maskOfLatents } from './inpaint.ts';
export { toPixels } from './pixels.ts';
export { bytesOf, readSources, type Sources } from './source.ts';
export { TILE } from './tiles.ts';
export {
  decodeLatents,
  encodePicture,
  meanOf,
  type Posterior,
  samplePosterior,
  type VaeHalf,
} from './vae.ts';
