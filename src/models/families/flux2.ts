/**
 * FLUX.2 [klein] (Black Forest Labs 2026): a Qwen3 as text encoder, a flow transformer, and editing by instruction: reference
 * pictures stand beside the drawing as further tokens. Distilled to a few steps without guidance, or base.
 */
import { PLAIN_HABITS } from '../../diffusion/pipeline-habits.ts';
import { DarkroomError } from '../../errors.ts';
import { flux2Graph, readFlux2Config } from '../../graph/flux2.ts';
import type { Tensor } from '../../tensor.ts';
import { joinRows } from '../../tensor.ts';
import type { ModelSource } from '../source.ts';
import type { Denoiser, Family, FamilyModel } from './family.ts';
import { flux2Checkpoint } from './flux2-checkpoint.ts';
import { FLUX2_TEXT_LAYERS } from './flux2-layers.ts';
import { originalFlux2Names } from './original-flux2-names.ts';
import { gridPositions, type Position, rotaryTables } from './rotary.ts';
import { openQwen } from './text-encoders.ts';

/** Sides of the square of the VAE's latents that is one of the sampler's (graph/latent-squares.ts). */
const SQUARE = 2;
/** Between one picture and the next along the first axis of positions; the drawing stands at 0. */
const PICTURE_STEP = 10;
/** Its latents need no scale: the VAE takes the statistics out of them. */
const AS_THEY_ARE = { scalingFactor: 1, shiftFactor: 0 };

export const flux2Klein: Family = {
  name: 'flux2-klein',
  title: 'FLUX.2 klein',
  pipelines: /^Flux2Klein(Inpaint)?Pipeline$/,
  parts: {
    text_encoder: ['Qwen3ForCausalLM', 'Qwen3Model'],
    tokenizer: ['Qwen2Tokenizer'],
    transformer: ['Flux2Transformer2DModel'],
    vae: ['AutoencoderKLFlux2'],
  },
  defaults: {
    numInferenceSteps: 50,
    guidanceScale: 4,
    strength: 1,
    inpaintStrength: 0.8,
    sampleSize: 128,
  },

  checkpoint: flux2Checkpoint,

  async open(files, index) {
    const qwen = await openQwen(files, index, {
      length: 512,
      thinks: false,
      pads: true,
      layersOf: (depth) => {
        // What leaves the last layer is normed in the reference, and no klein reads that one.
        if (depth > FLUX2_TEXT_LAYERS.at(-1)!) return FLUX2_TEXT_LAYERS;
        throw new DarkroomError(
          'bad_model',
          `The text encoder has ${depth} layers; FLUX.2 klein reads layer ${FLUX2_TEXT_LAYERS.at(-1)} of more than that.`,
        );
      },
    });
    const { denoiser, contextDim } = await openTransformer(files);
    const width = qwen.hiddenSize * FLUX2_TEXT_LAYERS.length;
    if (width !== contextDim) {
      throw new DarkroomError(
        'bad_model',
        `${FLUX2_TEXT_LAYERS.length} layers of the text encoder (hidden_size ${qwen.hiddenSize}) make ${width} channels, and joint_attention_dim is ${contextDim}: the parts come from different models.`,
      );
    }
    const isDistilled = index['is_distilled'] === true;
    return {
      reads: ['maxSequenceLength'],
      ...(isDistilled && { defaults: { numInferenceSteps: 4, guidanceScale: 1 } }),
      textEncoders: [qwen],
      denoiser,
      zeroNegative: false,
      latentScales: () => ({ encode: AS_THEY_ARE, decode: AS_THEY_ARE, takesMean: true }),
      latentShape,
      encodePrompt: async (side) => ({ context: await side.qwen(0) }),
      isGuided: (guidanceScale) => !isDistilled && guidanceScale > 1,
      editsByInstruction: true,
      guidesApart: true,
      blendsMask: true,
      habits: () => ({ ...PLAIN_HABITS, strengthSteps: 'part', evenSigmas: true, empiricalShift: true }),
    };
  },
};

const latentShape: FamilyModel['latentShape'] = ({ width, height }, { channels, scaleFactor }) => [
  1,
  channels * SQUARE ** 2,
  height / scaleFactor / SQUARE,
  width / scaleFactor / SQUARE,
];

async function openTransformer(files: ModelSource) {
  const component = await files.component('transformer', 'diffusion_pytorch_model');
  const { inChannels, jointAttentionDim, axesDimsRope, ropeTheta } = readFlux2Config(component);
  const axes = { channels: axesDimsRope, theta: ropeTheta, precision: 'float64' } as const;
  const denoiser: Denoiser = {
    component,
    label: 'transformer',
    inChannels,
    outChannels: inChannels,
    patchSize: SQUARE,
    names: { sample: 'hidden_states', output: 'out_hidden_states' },
    graph: (_, target, changed = component) => flux2Graph(changed, target),
    originalNames: originalFlux2Names,
    loraKin: ['FLUX.1'],
    conditioning: ({ dims, prompt: { context }, references }) => ({
      encoder_hidden_states: context,
      reference_states: joinRows([noTokens(inChannels), ...references.map(tokensOf)]),
      ...rotaryTables(positions([dims, ...references.map((one) => one.dims)], context.dims[1]!), axes),
    }),
  };
  return { denoiser, contextDim: jointAttentionDim };
}

/** Each picture's rows and columns at its own place of the first axis, then the words one by one along the last. */
function positions(pictures: readonly (readonly number[])[], words: number): Position[] {
  const grids = pictures.flatMap(([, , height, width], i) =>
    gridPositions(height!, width!, (row, column) => [PICTURE_STEP * i, row, column, 0]),
  );
  return [...grids, ...Array.from({ length: words }, (_, i) => [0, 0, 0, i])];
}

/** [1, C, h, w] -> [1, h w, C] */
function tokensOf({ data, dims }: Tensor): Tensor {
  const [, channels, height, width] = dims as [number, number, number, number];
  const area = height * width;
  const tokens = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < area; i++) tokens[i * channels + c] = data[c * area + i]!;
  }
  return { data: tokens, dims: [1, area, channels] };
}

const noTokens = (channels: number): Tensor => ({ data: new Float32Array(), dims: [1, 0, channels] });
