/**
 * Words to the embeddings that the denoiser attends to, in one way for all families: each CLIP encoder's chunks one
 * after another, the encoders side by side, a T5's tokens behind them.
 */
import { DarkroomError } from '../../errors.ts';
import { readClipTextConfig } from '../../graph/clip.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { GenerationRequest } from '../../request.ts';
import type { Tensor } from '../../tensor.ts';
import { joinColumns, joinRows, joinVectors, stack, zeros } from '../../tensor.ts';
import { emptyWindow, negativeTexts, type PromptPlan, planPrompt, positiveTexts } from './prompt-plan.ts';
import type { TextEncoders } from './text-encoders.ts';
import { type ClipRules, encodeClip, encodeT5 } from './windows.ts';

export interface PromptEmbeddings {
  /** [1, S, D] of the prompt. With guidance [2, S, D]: the negative prompt comes first, as in diffusers. */
  readonly context: Tensor;
  /** [1, P] or [2, P] of models that take a summary of the prompt as well (SDXL, SD3). */
  readonly pooled?: Tensor;
  /** Sentences about words that the model does not read and weights that it does not take. */
  readonly notes: readonly string[];
}

const LATER_MODELS: ClipRules = {
  states: 'hidden_states',
  skipped: 1,
  pooled: 'text_embeds',
  emphasis: 'no_norm',
};
const RULES: Readonly<Record<TextEncoders['family'], ClipRules>> = {
  sd: { states: 'normed_hidden_states', skipped: 0, emphasis: 'original' },
  sdxl: LATER_MODELS,
  sd3: LATER_MODELS,
};

interface Encoded {
  readonly context: Tensor;
  readonly pooled?: Tensor;
}

/**
 * Needs no weights, so that it can come before they are loaded.
 * @throws DarkroomError('bad_request') where clipSkip is beyond the layers of a text encoder
 */
export function checkClipSkip(
  { clipSkip }: GenerationRequest,
  { name, family, textEncoders }: ModelSpec,
): void {
  for (const { kind, component } of textEncoders) {
    if (kind !== 'clip') continue;
    const most = readClipTextConfig(component).numHiddenLayers - RULES[family].skipped;
    if (clipSkip <= most) continue;
    throw new DarkroomError(
      'bad_request',
      `clip_skip ${clipSkip} is beyond ${name}: its text encoder can leave out ${most} layers at most. Try 0 or 1.`,
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
 * @throws DarkroomError('bad_request') where clipSkip is beyond the model's layers
 */
export async function encodePrompt(
  { spec, textEncoders }: { readonly spec: ModelSpec; readonly textEncoders: TextEncoders },
  request: GenerationRequest,
  guided: boolean,
): Promise<PromptEmbeddings> {
  checkClipSkip(request, spec);
  return encodeTexts(textEncoders, request, guided);
}

async function encodeTexts(
  encoders: TextEncoders,
  request: GenerationRequest,
  guided: boolean,
): Promise<PromptEmbeddings> {
  const isZero = encoders.zeroNegative && request.negativePrompt === undefined;
  const prompt = planPrompt(encoders, request, 'prompt', positiveTexts(request));
  const against =
    guided && !isZero ? planPrompt(encoders, request, 'negative prompt', negativeTexts(request)) : undefined;
  const windows = [prompt, against].flatMap((side) => side?.clips.map((plan) => plan.windows.length) ?? []);
  const chunks = Math.max(...windows);

  const sides = [await encodeSide(encoders, prompt, chunks, request.clipSkip)];
  if (against !== undefined) sides.unshift(await encodeSide(encoders, against, chunks, 0));
  else if (guided) sides.unshift(zeroSide(sides[0]!));
  const pooled = sides.flatMap((side) => side.pooled ?? []);
  return {
    context: stack(sides.map(({ context }) => context)),
    ...(pooled.length === 0 ? {} : { pooled: stack(pooled) }),
    notes: [...prompt.notes, ...(against?.notes ?? [])],
  };
}

async function encodeSide(
  encoders: TextEncoders,
  plan: PromptPlan,
  chunks: number,
  clipSkip: number,
): Promise<Encoded> {
  const { family, clips, t5, jointWidth } = encoders;
  const rules = RULES[family];
  const states: Tensor[] = [];
  const pooled: Tensor[] = [];
  for (const [i, { name, tokenizer }] of clips.entries()) {
    const windows = [...plan.clips[i]!.windows];
    while (windows.length < chunks) windows.push(emptyWindow(tokenizer));
    const encoded = await encodeClip(encoders, name, windows, clipSkip, rules);
    states.push(encoded.states);
    if (encoded.pooled !== undefined) pooled.push(encoded.pooled);
  }
  const context = joinColumns(states, jointWidth);
  if (family === 'sd') return { context };
  // SDXL takes the summary of its second encoder alone.
  if (family === 'sdxl') return { context, pooled: pooled.at(-1)! };
  const behind =
    t5 === undefined || plan.t5 === undefined
      ? zeros([1, plan.t5Length, context.dims[2]!])
      : await encodeT5(encoders, t5.name, plan.t5.windows[0]!);
  return { context: joinRows([context, behind]), pooled: joinVectors(pooled) };
}

const zeroSide = ({ context, pooled }: Encoded): Encoded => ({
  context: zeros(context.dims),
  ...(pooled === undefined ? {} : { pooled: zeros(pooled.dims) }),
});
