/** The second pass of a request: its first picture, made larger, is drawn over as any picture is. */
import { toPlanes } from '../image/pixels.ts';
import { resample, resamplePlanes } from '../image/resample.ts';
import type { Tensor } from '../tensor.ts';
import type { Saver } from './memory/memory.ts';
import type { Components } from './model/model-cache.ts';
import type { Pass, Start } from './pass.ts';
import { decodeLatents, encodePicture } from './picture/pictures.ts';
import { enlarge, type TiledUpscaler } from './upscaler/upscalers.ts';

/**
 * @param latents of the first pass, in the sampler's scale
 * @param pass the one that follows, of the larger size
 * @param how the latents themselves, the picture by Lanczos, or by a network
 * @param savers of memory, of the job's plan
 */
export async function grow(
  components: Components,
  how: 'latent' | 'lanczos' | TiledUpscaler,
  latents: Tensor,
  { width, height, dims, scales }: Pass,
  savers: readonly Saver[],
): Promise<Start> {
  if (how === 'latent') {
    const [, , from, across] = latents.dims as [number, number, number, number];
    const [, , to, wide] = dims as [number, number, number, number];
    return resamplePlanes(latents.data, { width: across, height: from }, { width: wide, height: to });
  }
  const isTiled = savers.includes('tiles');
  const turn = async () => {
    if (savers.includes('turns')) await components.release();
  };
  await turn();
  const decoder = await components.vaeDecoder(isTiled);
  const small = await decodeLatents(decoder, latents, scales.decode);
  const byNetwork = async ({ upscaler, tile }: TiledUpscaler) => {
    const { runner, close } = await upscaler.open(components);
    try {
      return await enlarge({ ...upscaler, runner, tile }, small, { width, height });
    } finally {
      await close();
    }
  };
  await turn();
  const larger = how === 'lanczos' ? resample(small, { width, height }) : await byNetwork(how);
  const large = toPlanes(larger, -1, 1);
  const encoder = await components.vaeEncoder(isTiled);
  const start = await encodePicture(encoder, { data: large, dims: [1, 3, height, width] });
  await turn();
  return start;
}
