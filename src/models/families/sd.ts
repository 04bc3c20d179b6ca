/** Stable Diffusion 1 and 2 (Rombach et al. 2022): one CLIP text encoder, a UNet. */
import { PLAIN_HABITS } from '../../diffusion/pipeline-habits.ts';
import { type Family, imageLatents } from './family.ts';
import { sdCheckpoint } from './sd-checkpoint.ts';
import { type ClipRules, openClip } from './text-encoders.ts';
import { checkAddition, checkContext, guidanceField, isGuided, openUnet } from './unet.ts';

const CLIP: ClipRules = { states: 'normed_hidden_states', skipped: 0, emphasis: 'original' };

export const sd: Family = {
  name: 'sd',
  title: 'Stable Diffusion 1 and 2',
  pipelines: /^StableDiffusion(Img2Img|Inpaint|ControlNet|ControlNetImg2Img|ControlNetInpaint)?Pipeline$/,
  parts: {
    text_encoder: ['CLIPTextModel'],
    tokenizer: ['CLIPTokenizer'],
    unet: ['UNet2DConditionModel'],
    vae: ['AutoencoderKL'],
  },
  defaults: {
    numInferenceSteps: 50,
    guidanceScale: 7.5,
    strength: 0.8,
    inpaintStrength: 1,
    sampleSize: 64,
  },
  checkpoint: sdCheckpoint,

  async open(files, index) {
    const clip = await openClip(files, index, '', CLIP);
    const unet = await openUnet(files);
    checkAddition(unet, false);
    checkContext(unet, [clip]);
    return {
      reads: guidanceField(unet),
      textEncoders: [clip],
      denoiser: unet,
      zeroNegative: false,
      latentScales({ scalingFactor }) {
        const scale = { scalingFactor, shiftFactor: 0 };
        return { encode: scale, decode: scale };
      },
      latentShape: imageLatents,
      encodePrompt: async (side) => ({ context: (await side.clip(0)).states }),
      isGuided: (guidanceScale) => isGuided(unet, guidanceScale),
      habits: () => ({ ...PLAIN_HABITS, correctsConfig: true }),
    };
  },
};
