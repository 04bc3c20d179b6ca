/** Stable Diffusion 3 and 3.5 (Esser et al. 2024): two CLIP text encoders, a T5 that can be absent, a transformer. */
import { PLAIN_HABITS } from '../../diffusion/pipeline-habits.ts';
import { DarkroomError } from '../../errors.ts';
import { readSd3TransformerConfig, sd3TransformerGraph } from '../../graph/mmdit.ts';
import { readT5Config } from '../../graph/t5.ts';
import { joinColumns, joinRows, joinVectors, zeros } from '../../tensor.ts';
import { classOf } from '../parts.ts';
import type { ModelSource } from '../source.ts';
import { type Denoiser, type Family, imageLatents } from './family.ts';
import { originalMmditNames } from './original-names.ts';
import { sd3Checkpoint } from './sd3-checkpoint.ts';
import { type ClipPart, openClip, openT5, PENULTIMATE, type T5Part } from './text-encoders.ts';

/** As diffusers' pipelines have it. */
const T5_LENGTH = 256;

export const sd3: Family = {
  name: 'sd3',
  title: 'Stable Diffusion 3',
  pipelines: /^StableDiffusion3(Img2Img|Inpaint|ControlNet|ControlNetInpainting)?Pipeline$/,
  parts: {
    text_encoder: ['CLIPTextModelWithProjection'],
    tokenizer: ['CLIPTokenizer'],
    text_encoder_2: ['CLIPTextModelWithProjection'],
    tokenizer_2: ['CLIPTokenizer'],
    text_encoder_3: ['T5EncoderModel', null],
    tokenizer_3: ['T5Tokenizer', null],
    transformer: ['SD3Transformer2DModel'],
    vae: ['AutoencoderKL'],
  },
  defaults: {
    numInferenceSteps: 28,
    guidanceScale: 7,
    strength: 0.6,
    inpaintStrength: 0.6,
    sampleSize: 128,
  },
  checkpoint: sd3Checkpoint,

  async open(files, index) {
    const clips = [
      await openClip(files, index, '', PENULTIMATE),
      await openClip(files, index, '_2', PENULTIMATE),
    ];
    const t5 =
      classOf(index, 'text_encoder_3') === null ? undefined : await openT5(files, index, '_3', T5_LENGTH);
    const { denoiser, contextDim, pooledDim } = await openTransformer(files);
    checkWidths(clips, t5, contextDim, pooledDim);
    return {
      reads: ['maxSequenceLength'],
      textEncoders: t5 === undefined ? clips : [...clips, t5],
      denoiser,
      zeroNegative: false,
      latentScales({ scalingFactor, shiftFactor }, isMasked) {
        // diffusers' inpainting decodes without the shift that it encoded with.
        return {
          encode: { scalingFactor, shiftFactor },
          decode: { scalingFactor, shiftFactor: isMasked ? 0 : shiftFactor },
        };
      },
      latentShape: imageLatents,
      async encodePrompt(side) {
        const encoded = [await side.clip(0), await side.clip(1)];
        const words = joinColumns(
          encoded.map(({ states }) => states),
          contextDim,
        );
        const more =
          t5 === undefined ? zeros([1, side.maxSequenceLength ?? T5_LENGTH, contextDim]) : await side.t5(2);
        return {
          context: joinRows([words, more]),
          pooled: joinVectors(encoded.map(({ pooled }) => pooled!)),
        };
      },
      isGuided: (guidanceScale) => guidanceScale > 1,
      habits: () => ({ ...PLAIN_HABITS, strengthSteps: 'part' }),
    };
  },
};

async function openTransformer(files: ModelSource) {
  const component = await files.component('transformer', 'diffusion_pytorch_model');
  const config = readSd3TransformerConfig(component);
  const { inChannels, outChannels, patchSize, posEmbedMaxSize } = config;
  const denoiser: Denoiser = {
    component,
    label: 'transformer',
    inChannels,
    outChannels,
    patchSize,
    // The table of positions ends there.
    maxSide: posEmbedMaxSize * patchSize,
    names: { sample: 'hidden_states', output: 'out_hidden_states' },
    graph: (_, target, changed = component) => sd3TransformerGraph(changed, target),
    originalNames: (module) => originalMmditNames(module, config.numLayers),
    conditioning: ({ prompt }) => ({
      encoder_hidden_states: prompt.context,
      pooled_projections: prompt.pooled!,
    }),
  };
  return { denoiser, contextDim: config.jointAttentionDim, pooledDim: config.pooledProjectionDim };
}

/** @throws DarkroomError('bad_model') where the parts' widths show that they were not trained together */
function checkWidths(
  clips: readonly ClipPart[],
  t5: T5Part | undefined,
  contextDim: number,
  pooledDim: number,
): void {
  const refuse = (words: string) =>
    new DarkroomError('bad_model', `${words}: the parts come from different models.`);
  const width = clips.reduce((sum, { hiddenSize }) => sum + hiddenSize, 0);
  if (width > contextDim) {
    throw refuse(`The CLIP encoders' states (${width}) are wider than joint_attention_dim (${contextDim})`);
  }
  const dModel = t5 && readT5Config(t5.component).dModel;
  if (dModel !== undefined && dModel !== contextDim) {
    throw refuse(`The T5's d_model (${dModel}) is not joint_attention_dim (${contextDim})`);
  }
  const pooled = clips.reduce((sum, { projectionDim }) => sum + (projectionDim ?? 0), 0);
  if (pooled !== pooledDim) {
    throw refuse(
      `The text encoders' projections (${pooled}) are not what the transformer takes (${pooledDim})`,
    );
  }
}
