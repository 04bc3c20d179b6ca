/** What some denoisers are told beside latents, time and words. */
import type { GenerationRequest } from '../request.ts';
import { repeat, type Tensor } from '../tensor.ts';

/**
 * SDXL's micro-conditioning (Podell et al. 2023, section 2.2): original size, crop and target size, each
 * height before width.
 * @param size of the drawing in pixels, which stands for both sizes where the request names none
 * @returns [batch, 6]; both halves of guidance are told the same
 */
export function timeIds(
  request: GenerationRequest,
  size: { readonly width: number; readonly height: number },
  batch: number,
): Tensor {
  const own = [size.height, size.width] as const;
  const { originalSize = own, cropsCoordsTopLeft = [0, 0], targetSize = own } = request;
  const ids = [...originalSize, ...cropsCoordsTopLeft, ...targetSize];
  return repeat({ data: Float32Array.from(ids), dims: [1, ids.length] }, batch);
}

const LONGEST_PERIOD = 10_000;

/**
 * The guidance scale w as a latent consistency model takes it (Luo et al. 2023, section 4.2): sinusoids of
 * 1000 (w - 1). Each step is rounded to float32, as the reference computes it.
 * @param channels time_cond_proj_dim, even
 * @returns [1, channels]
 */
export function guidanceEmbedding(guidanceScale: number, channels: number): Tensor {
  const half = channels >> 1;
  const data = new Float32Array(channels);
  const scaled = Math.fround(Math.fround(guidanceScale - 1) * 1000);
  const step = Math.fround(Math.fround(Math.log(LONGEST_PERIOD)) / (half - 1));
  for (let i = 0; i < half; i++) {
    const angle = Math.fround(scaled * Math.fround(Math.exp(Math.fround(i * -step))));
    data[i] = Math.sin(angle);
    data[half + i] = Math.cos(angle);
  }
  return { data, dims: [1, channels] };
}
