/** Stable Diffusion XL (Podell et al. 2023), Turbo and Lightning: two CLIP text encoders, a UNet that is conditioned on sizes. */
import { PLAIN_HABITS } from '../../diffusion/pipeline-habits.ts';
import { DarkroomError } from '../../errors.ts';
import { joinColumns, repeat, type Tensor } from '../../tensor.ts';
import type { ModelIndex } from '../parts.ts';
import { type Family, imageLatents, type PassConditions } from './family.ts';
import { sdxlCheckpoint } from './sdxl-checkpoint.ts';
import { openClip, PENULTIMATE } from './text-encoders.ts';
import { checkAddition, checkContext, guidanceField, isGuided, openUnet } from './unet.ts';

export const sdxl: Family = {
  name: 'sdxl',
  title: 'Stable Diffusion XL',
  pipelines: /^StableDiffusionXL(Img2Img|Inpaint|ControlNet|ControlNetImg2Img|ControlNetInpaint)?Pipeline$/,
  parts: {
    text_encoder: ['CLIPTextModel'],
    tokenizer: ['CLIPTokenizer'],
    text_encoder_2: ['CLIPTextModelWithProjection'],
    tokenizer_2: ['CLIPTokenizer'],
    unet: ['UNet2DConditionModel'],
    vae: ['AutoencoderKL'],
  },
  defaults: {
    numInferenceSteps: 50,
    guidanceScale: 5,
    strength: 0.3,
    inpaintStrength: 0.9999,
    sampleSize: 128,
  },
  checkpoint: sdxlCheckpoint,

  async open(files, index) {
    refuseRefiner(index);
    const clips = [
      await openClip(files, index, '', PENULTIMATE),
      await openClip(files, index, '_2', PENULTIMATE),
    ];
    const unet = await openUnet(files, (pass) => ({
      text_embeds: pass.prompt.pooled!,
      time_ids: timeIds(pass),
    }));
    checkAddition(unet, true);
    checkContext(unet, clips);
    const pooled = clips[1]!.projectionDim ?? 0;
    const wanted = unet.config.addition!.textDim;
    if (pooled !== wanted) {
      throw new DarkroomError(
        'bad_model',
        `The text encoders' projections (${pooled}) are not what the UNet takes (${wanted}): the parts come from different models.`,
      );
    }
    return {
      reads: ['originalSize', 'cropsCoordsTopLeft', 'targetSize', ...guidanceField(unet)],
      textEncoders: clips,
      denoiser: unet,
      // diffusers' own default where the index does not say.
      zeroNegative: (index['force_zeros_for_empty_prompt'] ?? true) === true,
      latentScales({ scalingFactor, statistics }, isMasked) {
        const plain = { scalingFactor, shiftFactor: 0 };
        const whole = { ...plain, ...(statistics && { statistics }) };
        // diffusers' inpainting encodes without the statistics.
        return { encode: isMasked ? plain : whole, decode: whole };
      },
      latentShape: imageLatents,
      async encodePrompt(side) {
        const [first, second] = [await side.clip(0), await side.clip(1)];
        return { context: joinColumns([first.states, second.states]), pooled: second.pooled! };
      },
      isGuided: (guidanceScale) => isGuided(unet, guidanceScale),
      habits: () => PLAIN_HABITS,
    };
  },
};

function refuseRefiner(index: ModelIndex): void {
  if ([undefined, null, false].includes(index['requires_aesthetics_score'] as never)) return;
  throw new DarkroomError(
    'unsupported',
    "model_index.json: requires_aesthetics_score is set, as SDXL's refiner has it; this version of Darkroom does not run refiners.",
  );
}

/**
 * SDXL's micro-conditioning (section 2.2): original size, crop and target size, each height before width. The size of
 * the pass stands for both sizes where the request names none.
 * @returns [B, 6]; the same for both halves of guidance
 */
function timeIds({ request, size, prompt }: PassConditions): Tensor {
  const own = [size.height, size.width] as const;
  const { originalSize = own, cropsCoordsTopLeft = [0, 0], targetSize = own } = request;
  const ids = [...originalSize, ...cropsCoordsTopLeft, ...targetSize];
  return repeat({ data: Float32Array.from(ids), dims: [1, ids.length] }, prompt.context.dims[0]!);
}
