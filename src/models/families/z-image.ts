/** Z-Image (Tongyi 2025): a Qwen3 as text encoder and a single-stream flow transformer; base and Turbo. */
import { PLAIN_HABITS } from '../../diffusion/pipeline-habits.ts';
import { DarkroomError } from '../../errors.ts';
import { readZImageConfig, SEQUENCE_MULTIPLE, Z_IMAGE_PATCH, zImageGraph } from '../../graph/z-image.ts';
import type { ModelSource } from '../source.ts';
import { type Denoiser, type Family, imageLatents } from './family.ts';
import { originalZImageNames } from './original-z-image-names.ts';
import { gridPositions, type Position, rotaryTables } from './rotary.ts';
import { openQwen } from './text-encoders.ts';
import { zImageCheckpoint } from './z-image-checkpoint.ts';

/** Of Turbo's scheduler; the base model has 6. Nothing else in the folders tells them apart. */
const TURBO_SHIFT = 3;

export const zImage: Family = {
  name: 'z-image',
  title: 'Z-Image',
  pipelines: /^ZImage(Img2Img|Inpaint)?Pipeline$/,
  parts: {
    text_encoder: ['Qwen3Model', 'Qwen3ForCausalLM'],
    tokenizer: ['Qwen2Tokenizer'],
    transformer: ['ZImageTransformer2DModel'],
    vae: ['AutoencoderKL'],
  },
  defaults: {
    numInferenceSteps: 50,
    guidanceScale: 5,
    strength: 0.6,
    inpaintStrength: 1,
    sampleSize: 128,
  },

  checkpoint: zImageCheckpoint,

  async open(files, index) {
    const qwen = await openQwen(files, index, {
      length: 512,
      thinks: true,
      pads: false,
      layersOf: (depth) => [depth - 1],
    });
    const { denoiser, contextDim } = await openTransformer(files);
    if (qwen.hiddenSize !== contextDim) {
      throw new DarkroomError(
        'bad_model',
        `The text encoder's hidden_size (${qwen.hiddenSize}) is not cap_feat_dim (${contextDim}): the parts come from different models.`,
      );
    }
    const { shift } = await files.json('scheduler/scheduler_config.json');
    return {
      reads: ['maxSequenceLength'],
      ...(shift === TURBO_SHIFT && { defaults: { numInferenceSteps: 8, guidanceScale: 0 } }),
      textEncoders: [qwen],
      denoiser,
      zeroNegative: false,
      latentScales: (scale) => ({ encode: scale, decode: scale }),
      latentShape: imageLatents,
      encodePrompt: async (side) => ({ context: await side.qwen(0) }),
      isGuided: (guidanceScale) => guidanceScale > 0,
      // Its pipelines add guidance on top of the prompt's own prediction: 0 is none where others have 1.
      guidanceOffset: 1,
      guidesApart: true,
      habits: () => ({ ...PLAIN_HABITS, strengthSteps: 'part', evenSigmas: true }),
    };
  },
};

async function openTransformer(files: ModelSource) {
  const component = await files.component('transformer', 'diffusion_pytorch_model');
  const { inChannels, capFeatDim, axesDims, axesLens, ropeTheta } = readZImageConfig(component);
  const axes = { channels: axesDims, theta: ropeTheta, precision: 'rounded' } as const;
  const denoiser: Denoiser = {
    component,
    label: 'transformer',
    inChannels,
    outChannels: inChannels,
    patchSize: Z_IMAGE_PATCH,
    // Its table of positions ends there.
    maxSide: Math.min(axesLens[1]!, axesLens[2]!) * Z_IMAGE_PATCH,
    names: { sample: 'hidden_states', output: 'out_hidden_states' },
    graph: (_, target, changed = component) => zImageGraph(changed, target),
    originalNames: originalZImageNames,
    conditioning: ({ dims, prompt: { context } }) => ({
      encoder_hidden_states: context,
      ...rotaryTables(positions(dims, context.dims[1]!), axes),
    }),
  };
  return { denoiser, contextDim: capFeatDim };
}

const roundedUp = (length: number) => Math.ceil(length / SEQUENCE_MULTIPLE) * SEQUENCE_MULTIPLE;

/** The picture's rows and columns, its padding at the origin, then the words one by one, which come first in time. */
function positions([, , height, width]: readonly number[], words: number): Position[] {
  const text = roundedUp(words);
  const grid = gridPositions(height! / Z_IMAGE_PATCH, width! / Z_IMAGE_PATCH, (row, column) => [
    text + 1,
    row,
    column,
  ]);
  const padding = Array.from({ length: roundedUp(grid.length) - grid.length }, () => [0, 0, 0]);
  return [...grid, ...padding, ...Array.from({ length: text }, (_, i) => [i + 1, 0, 0])];
}
