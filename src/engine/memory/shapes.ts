/** The shapes that a job feeds a model, known before anything is loaded: they say how large its activations are. */
import type { Sides } from '../../graph/outline.ts';
import { readT5Config } from '../../graph/t5.ts';
import type { EncodedPrompt, PassConditions } from '../../models/families/family.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { GenerationRequest } from '../../request.ts';
import { type Feeds, repeat, zeros } from '../../tensor.ts';
import type { Footprint } from './outlines.ts';

export type PlannedSpec = Pick<
  ModelSpec,
  | 'denoiser'
  | 'editsByInstruction'
  | 'encodePrompt'
  | 'graph'
  | 'guidesApart'
  | 'isGuided'
  | 'latentChannels'
  | 'latentShape'
  | 'sizeMultiple'
  | 'textEncoders'
  | 'upscaler'
  | 'vaeScaleFactor'
>;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Tokens of CLIP's window. */
const CLIP_WINDOW = 77;

export function textLength(
  encoder: ModelSpec['textEncoders'][number],
  { maxSequenceLength }: GenerationRequest,
): number {
  if (encoder.kind === 'clip') return CLIP_WINDOW;
  return maxSequenceLength ?? (encoder.kind === 'qwen' ? encoder.rules.length : encoder.length);
}

/** What the text encoders would make of a prompt that fits into one window: zeros of its shape. */
export function promptShape(
  { textEncoders, encodePrompt }: PlannedSpec,
  request: GenerationRequest,
): Promise<EncodedPrompt> {
  return encodePrompt({
    maxSequenceLength: request.maxSequenceLength,
    async clip(index) {
      const encoder = textEncoders[index];
      if (encoder?.kind !== 'clip') throw new Error(`text encoder ${index} is no CLIP`);
      const { hiddenSize, projectionDim = hiddenSize } = encoder;
      return { states: zeros([1, CLIP_WINDOW, hiddenSize]), pooled: zeros([1, projectionDim]) };
    },
    async qwen(index) {
      const encoder = textEncoders[index];
      if (encoder?.kind !== 'qwen') throw new Error(`text encoder ${index} is no Qwen`);
      const { hiddenSize, rules } = encoder;
      return zeros([1, textLength(encoder, request), hiddenSize * rules.layers.length]);
    },
    async t5(index) {
      const encoder = textEncoders[index];
      if (encoder?.kind !== 't5') throw new Error(`text encoder ${index} is no T5`);
      return zeros([1, textLength(encoder, request), readT5Config(encoder.component).dModel]);
    },
  });
}

export const doubled = ({ context, pooled }: EncodedPrompt): EncodedPrompt => ({
  context: repeat(context, 2),
  ...(pooled !== undefined && { pooled: repeat(pooled, 2) }),
});

/** The free sides of a denoiser's inputs, as a call would feed them. */
export function denoiserSides(
  inputs: Footprint['outline']['inputs'],
  spec: PlannedSpec,
  pass: Omit<PassConditions, 'dims' | 'references'>,
  pictures: readonly Size[],
): Sides {
  const { latentChannels: channels, vaeScaleFactor: scaleFactor } = spec;
  const { width, height } = pass.size;
  const latentsOf = (size: Size) => spec.latentShape(size, { channels, scaleFactor });
  const dims = latentsOf(pass.size);
  const references = pictures.map((size) => zeros(latentsOf(size)));
  const batch = pass.prompt.context.dims[0]!;
  const fed: Record<string, readonly number[]> = { timestep: [1], [spec.denoiser.names.sample]: dims };
  for (const [name, tensor] of Object.entries(spec.denoiser.conditioning({ ...pass, dims, references })))
    fed[name] = tensor.dims;
  return { picture_height: height, picture_width: width, ...sidesFed(inputs, fed), batch };
}

export const dimsOf = (feeds: Feeds): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));

/** The free sides of inputs that are fed tensors of these dimensions. */
export function sidesFed(
  inputs: Footprint['outline']['inputs'],
  fed: Readonly<Record<string, readonly number[]>>,
): Record<string, number> {
  const sides: Record<string, number> = {};
  for (const [name, declared] of inputs) {
    declared.forEach((side, i) => {
      const size = Object.hasOwn(fed, name) ? fed[name]![i] : undefined;
      if (typeof side === 'string' && size !== undefined) sides[side] = size;
    });
  }
  return sides;
}
