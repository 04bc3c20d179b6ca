/** Words to the embeddings that the denoiser attends to. Each family says how (FamilyModel.encodePrompt). */
import { DarkroomError } from '../../errors.ts';
import type { EncodedPrompt, PromptSide } from '../../models/families/family.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { GenerationRequest, PromptSyntax } from '../../request.ts';
import { sentence, type Words } from '../../sentences.ts';
import { stack, zeros } from '../../tensor.ts';
import { type Inversions, NO_INVERSIONS } from './inversions.ts';
import { emptyWindow, type PromptPlan, planPrompt } from './prompt-plan.ts';
import type { TextEncoders, TextReader } from './text-encoders.ts';
import { negativeTexts, positiveTexts } from './texts.ts';
import { encodeClip, encodeQwen, encodeT5 } from './windows.ts';

export { findInversions, type Inversions, NO_INVERSIONS, namesCalled, readInversions } from './inversions.ts';
export { type TextEncoders, type TextReader, textEncodersOf, textReadersOf } from './text-encoders.ts';

export interface PromptEmbeddings {
  /** With guidance of batch 2: the negative prompt comes first, as in diffusers. Of a family that guides apart only the prompt. */
  readonly prompt: EncodedPrompt;
  /** Of a family that guides apart, where there is guidance. */
  readonly negative?: EncodedPrompt;
  /** Names of the embeddings that the prompts call. */
  readonly embeddings: readonly string[];
  /** Sentences about words that the model does not read and weights that were clamped. */
  readonly notes: readonly Words[];
}

/**
 * Needs no weights, so that it can come before they are loaded.
 * @throws DarkroomError('bad_request') where clipSkip is beyond the layers of a text encoder
 */
export function checkClipSkip({ clipSkip }: GenerationRequest, { name, textEncoders }: ModelSpec): void {
  for (const encoder of textEncoders) {
    if (encoder.kind !== 'clip' || encoder.rules.summaryOnly) continue;
    const most = encoder.hiddenLayers - encoder.rules.skipped;
    if (clipSkip <= most) continue;
    throw new DarkroomError(
      'bad_request',
      sentence('engine.clip_skip', { clipSkip, model: name, limit: most }),
    );
  }
}

/**
 * `plain` is diffusers' encode_prompt. `a1111` lays weights on the states of every encoder and reads up to MAX_CHUNKS
 * chunks of 75 tokens through each CLIP, SD3's too, as A1111 does; T5 reads its one window. The summary is the
 * first chunk's. Both sides of guidance get the same length: the shorter one ends in empty chunks.
 *
 * @param request its clipSkip k takes the state k layers before the one that the model was trained on; the negative
 *   prompt ignores it (both as in diffusers)
 * @param guided whether the negative prompt is needed
 * @param inversions that its prompts may call by name
 * @throws DarkroomError('bad_request') where clipSkip is beyond the model's layers
 */
export async function encodePrompt(
  encoders: TextEncoders,
  request: GenerationRequest,
  guided: boolean,
  { found }: Pick<Inversions, 'found'> = NO_INVERSIONS,
): Promise<PromptEmbeddings> {
  const { spec, readers } = encoders;
  checkClipSkip(request, spec);
  const isZero = spec.zeroNegative && request.negativePrompt === undefined;
  const prompt = planPrompt(readers, request, 'prompt', positiveTexts(request), found);
  const negative =
    guided && !isZero
      ? planPrompt(readers, request, 'negative prompt', negativeTexts(request), found)
      : undefined;
  const plans = [prompt, ...(negative === undefined ? [] : [negative])];
  const chunks = Math.max(...plans.flatMap((plan) => plan.encoders.map(({ windows }) => windows.length)));

  const { clipSkip, maxSequenceLength } = request;
  const encode = (plan: PromptPlan, skipped: number) =>
    spec.encodePrompt(sideOf(encoders, plan, { chunks, clipSkip: skipped, maxSequenceLength }));
  const sides = [await encode(prompt, clipSkip)];
  if (negative !== undefined) sides.unshift(await encode(negative, 0));
  else if (guided) sides.unshift(zeroSide(sides[0]!));
  const notes = plans.flatMap(({ notes: of }) => of);
  const called = plans.flatMap((plan) => plan.encoders.flatMap(({ embeddings: names = [] }) => names));
  const embeddings = [...new Set(called)];
  if (spec.guidesApart === true) {
    const [first, second] = sides as [EncodedPrompt, EncodedPrompt?];
    const half = { embeddings, notes };
    return second === undefined ? { prompt: first, ...half } : { prompt: second, negative: first, ...half };
  }
  return { prompt: together(sides), embeddings, notes };
}

function together(sides: readonly EncodedPrompt[]): EncodedPrompt {
  const pooled = sides.flatMap((side) => side.pooled ?? []);
  return {
    context: stack(sides.map(({ context }) => context)),
    ...(pooled.length === 0 ? {} : { pooled: stack(pooled) }),
  };
}

interface SideOptions {
  /** That every CLIP encoder reads, empty ones at the end. */
  readonly chunks: number;
  readonly clipSkip: number;
  readonly maxSequenceLength: number | undefined;
}

/** What a family may ask of one prompt. */
function sideOf(
  encoders: TextEncoders,
  plan: PromptPlan,
  { chunks, clipSkip, maxSequenceLength }: SideOptions,
): PromptSide {
  return {
    maxSequenceLength,
    async clip(index) {
      const reader = encoders.readers[index];
      if (reader?.kind !== 'clip') throw new Error(`text encoder ${index} is no CLIP`);
      const windows = [...plan.encoders[index]!.windows];
      while (windows.length < chunks) windows.push(emptyWindow(reader.tokenizer));
      return encodeClip(encoders, reader, windows, clipSkip);
    },
    async qwen(index) {
      const reader = encoders.readers[index];
      if (reader?.kind !== 'qwen') throw new Error(`text encoder ${index} is no Qwen`);
      const length = maxSequenceLength ?? reader.rules.length;
      return encodeQwen(encoders, reader, plan.encoders[index]!.windows[0]!, length);
    },
    async t5(index) {
      const reader = encoders.readers[index];
      if (reader?.kind !== 't5') throw new Error(`text encoder ${index} is no T5`);
      return encodeT5(encoders, reader, plan.encoders[index]!.windows[0]!);
    },
  };
}

const zeroSide = ({ context, pooled }: EncodedPrompt): EncodedPrompt => ({
  context: zeros(context.dims),
  ...(pooled === undefined ? {} : { pooled: zeros(pooled.dims) }),
});

/** @returns a sentence about the words of a prompt that a model's text encoders do not read; '' where they read all */
export function describeUnreadPrompt(
  readers: readonly TextReader[],
  prompt: string,
  promptSyntax: PromptSyntax,
  { found }: Pick<Inversions, 'found'> = NO_INVERSIONS,
): Words {
  return planPrompt(readers, { promptSyntax }, 'prompt', [prompt, prompt, prompt], found).notes[0] ?? '';
}
