/**
 * Latent consistency models (Luo et al. 2023): Stable Diffusion 1, distilled to a few steps. diffusers has a pipeline of
 * their own for words and for pictures; masks and ControlNets go through Stable Diffusion's.
 */
import { PLAIN_HABITS } from '../../diffusion/pipeline-habits.ts';
import type { Family } from './family.ts';
import { sd } from './sd.ts';

const { checkpoint: _, ...plain } = sd;

export const lcm: Family = {
  ...plain,
  name: 'lcm',
  title: 'latent consistency models',
  pipelines: /^LatentConsistencyModel(Img2Img)?Pipeline$/,
  defaults: { ...sd.defaults, numInferenceSteps: 4, guidanceScale: 8.5 },

  async open(files, index) {
    const { denoiser, ...model } = await sd.open(files, index);
    // It draws by steps of its own: no ordinary model can stand in for it.
    const { base: _base, ...own } = denoiser;
    return {
      ...{ ...model, denoiser: own },
      isGuided: () => false,
      habits: (request) =>
        request.maskImage === undefined && request.outpaint === undefined && request.controls.length === 0
          ? { ...PLAIN_HABITS, squeezesSteps: true }
          : model.habits(request),
    };
  },
};
