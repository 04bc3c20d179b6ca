/** FLUX.1 (Black Forest Labs 2024): a CLIP for the summary of the prompt, a T5 for its words, a flow transformer. */
import { PLAIN_HABITS } from '../../diffusion/pipeline-habits.ts';
import { DarkroomError } from '../../errors.ts';
import { FLUX_PATCH, fluxTransformerGraph, readFluxTransformerConfig } from '../../graph/flux.ts';
import { readT5Config } from '../../graph/t5.ts';
import type { ModelSource } from '../source.ts';
import { type Denoiser, type Family, imageLatents } from './family.ts';
import { fluxCheckpoint } from './flux-checkpoint.ts';
import { fluxLoraNames } from './original-flux-names.ts';
import { gridPositions, rotaryTables } from './rotary.ts';
import { type ClipPart, openClip, openT5, SUMMARY, type T5Part } from './text-encoders.ts';

const THETA = 10_000;

export const flux: Family = {
  name: 'flux',
  title: 'FLUX.1',
  pipelines: /^Flux(Img2Img|Inpaint)?Pipeline$/,
  parts: {
    text_encoder: ['CLIPTextModel'],
    tokenizer: ['CLIPTokenizer'],
    text_encoder_2: ['T5EncoderModel'],
    tokenizer_2: ['T5Tokenizer'],
    transformer: ['FluxTransformer2DModel'],
    vae: ['AutoencoderKL'],
  },
  defaults: {
    numInferenceSteps: 28,
    guidanceScale: 3.5,
    strength: 0.6,
    inpaintStrength: 0.6,
    sampleSize: 128,
  },

  checkpoint: fluxCheckpoint,

  async open(files, index) {
    const clip = await openClip(files, index, '', SUMMARY);
    const t5 = await openT5(files, index, '_2', 512);
    const { denoiser, contextDim, pooledDim, guidanceEmbeds } = await openTransformer(files);
    checkWidths(clip, t5, contextDim, pooledDim);
    return {
      reads: ['maxSequenceLength', ...(guidanceEmbeds ? (['guidanceScale'] as const) : [])],
      // The one without guidance (schnell) was distilled to 1 to 4 steps.
      ...(!guidanceEmbeds && { defaults: { numInferenceSteps: 4, guidanceScale: 0 } }),
      textEncoders: [clip, t5],
      denoiser,
      zeroNegative: false,
      latentScales: (scale) => ({ encode: scale, decode: scale }),
      latentShape: imageLatents,
      async encodePrompt(side) {
        const { pooled } = await side.clip(0);
        return { context: await side.t5(1), pooled: pooled! };
      },
      isGuided: () => false,
      habits: () => ({ ...PLAIN_HABITS, strengthSteps: 'part', evenSigmas: true }),
    };
  },
};

async function openTransformer(files: ModelSource) {
  const component = await files.component('transformer', 'diffusion_pytorch_model');
  const { inChannels, guidanceEmbeds, axesDimsRope, ...config } = readFluxTransformerConfig(component);
  const channels = inChannels / FLUX_PATCH ** 2;
  const denoiser: Denoiser = {
    component,
    label: 'transformer',
    inChannels: channels,
    outChannels: channels,
    patchSize: FLUX_PATCH,
    names: { sample: 'hidden_states', output: 'out_hidden_states' },
    graph: (_, target, changed = component) => fluxTransformerGraph(changed, target),
    originalNames: fluxLoraNames,
    loraKin: ['FLUX.2'],
    conditioning: ({ request, dims, prompt }) => ({
      encoder_hidden_states: prompt.context,
      pooled_projections: prompt.pooled!,
      ...(guidanceEmbeds && { guidance: { data: Float32Array.of(request.guidanceScale), dims: [1] } }),
      ...rotaryTables(positions(dims, prompt.context.dims[1]!), {
        channels: axesDimsRope,
        theta: THETA,
        precision: 'float64',
      }),
    }),
  };
  return {
    denoiser,
    guidanceEmbeds,
    contextDim: config.jointAttentionDim,
    pooledDim: config.pooledProjectionDim,
  };
}

/** Rows and columns of the picture, then the text, all of which stands at the origin. */
const positions = ([, , height, width]: readonly number[], words: number) => [
  ...gridPositions(height! / FLUX_PATCH, width! / FLUX_PATCH, (row, column) => [0, row, column]),
  ...Array.from({ length: words }, () => [0, 0, 0]),
];

/** @throws DarkroomError('bad_model') where the parts' widths show that they were not trained together */
function checkWidths(clip: ClipPart, t5: T5Part, contextDim: number, pooledDim: number): void {
  const refuse = (words: string) =>
    new DarkroomError('bad_model', `${words}: the parts come from different models.`);
  const { dModel } = readT5Config(t5.component);
  if (dModel !== contextDim) {
    throw refuse(`The T5's d_model (${dModel}) is not joint_attention_dim (${contextDim})`);
  }
  if (clip.hiddenSize !== pooledDim) {
    throw refuse(`The CLIP's hidden_size (${clip.hiddenSize}) is not pooled_projection_dim (${pooledDim})`);
  }
}
