/**
 * Words to the embeddings that the denoiser attends to, in one way for all families: each CLIP encoder's chunks one
 * after another, the encoders side by side, a T5's tokens behind them.
 */
import { type Emphasis, emphasize } from '../diffusion/prompt-emphasis.ts';
import { DarkroomError } from '../errors.ts';
import type { ClipTokenizer } from '../models/tokenizer.ts';
import type { GenerationRequest } from '../request.ts';
import type { Components } from './components.ts';
import type { EncodedWindow } from './embedding-cache.ts';
import {
  describePlan,
  type EncoderPlan,
  emptyWindow,
  negativeTexts,
  type PromptTexts,
  planClip,
  positiveTexts,
  type Window,
} from './prompt-plan.ts';
import type { Session, Tensor } from './session.ts';

export interface PromptEmbeddings {
  /** [1, S, D] of the prompt. With guidance [2, S, D]: the negative prompt comes first, as in diffusers. */
  readonly context: Tensor;
  /** [1, P] or [2, P] of models that take a summary of the prompt as well (SDXL, SD3). */
  readonly pooled?: Tensor;
  /** Sentences about words that the model does not read and weights that it does not take. */
  readonly notes: readonly string[];
}

interface ClipEncoder {
  readonly name: 'textEncoder';
  readonly tokenizer: ClipTokenizer;
}

/** What a family takes from its CLIP encoders. */
interface ClipRules {
  /** The state of layer L - skip, L being the last: SD 1.x and 2.x after the final layer norm. */
  readonly states: `${'normed_' | ''}hidden_states`;
  /** Layers that are left out even where the request skips none. */
  readonly skipped: number;
  readonly pooled?: 'text_embeds';
  readonly emphasis: Emphasis;
}

const SD: ClipRules = { states: 'normed_hidden_states', skipped: 0, emphasis: 'original' };

/** A prompt or a negative prompt, before any encoder runs. */
interface Side {
  /** By encoder. */
  readonly plans: readonly EncoderPlan[];
  readonly clipSkip: number;
}

/**
 * @param request its clipSkip k takes the state k layers before the one that the model was trained on; the negative
 *   prompt ignores it (both as in diffusers)
 * @param guided whether the negative prompt is needed
 * @throws DarkroomError('bad_request') where clipSkip is beyond the model's layers
 */
export async function encodePrompt(
  components: Components,
  request: GenerationRequest,
  guided: boolean,
): Promise<PromptEmbeddings> {
  const rules = SD;
  const encoders: readonly ClipEncoder[] = [{ name: 'textEncoder', tokenizer: components.tokenizer }];
  const notes: string[] = [];
  const plan = (label: string, texts: PromptTexts, clipSkip: number): Side => {
    const plans = encoders.map(({ tokenizer }, i) => planClip(tokenizer, texts[i]!, request.promptSyntax));
    notes.push(...describePlan(label, 'CLIP', plans[0]!));
    return { plans, clipSkip };
  };
  const sides = [plan('prompt', positiveTexts(request), request.clipSkip)];
  if (guided) sides.unshift(plan('negative prompt', negativeTexts(request), 0));
  const chunks = Math.max(...sides.flatMap(({ plans }) => plans.map(({ windows }) => windows.length)));

  const contexts: Tensor[] = [];
  const pooled: Tensor[] = [];
  for (const { plans, clipSkip } of sides) {
    const parts: Tensor[] = [];
    for (const [i, { name, tokenizer }] of encoders.entries()) {
      const windows = [...plans[i]!.windows];
      while (windows.length < chunks) windows.push(emptyWindow(tokenizer));
      const encoded = await encodeWindows(components, name, windows, clipSkip, rules);
      parts.push(encoded.states);
      if (encoded.pooled !== undefined) pooled.push(encoded.pooled);
    }
    contexts.push(parts[0]!);
  }
  return { context: stack(contexts), ...(pooled.length === 0 ? {} : { pooled: stack(pooled) }), notes };
}

/** @returns the states of all windows one after another, and the summary of the first */
async function encodeWindows(
  components: Components,
  name: ClipEncoder['name'],
  windows: readonly Window[],
  clipSkip: number,
  { states, skipped, pooled, emphasis }: ClipRules,
): Promise<EncodedWindow> {
  const session = await components.session(name);
  const layers = session.outputNames.filter((output) => output.startsWith(`${states}.`)).length - 1;
  if (clipSkip + skipped > layers) {
    throw new DarkroomError(
      'bad_request',
      `clip_skip ${clipSkip} is beyond this model's text encoder, which has ${layers} layers. Try 0 or 1.`,
    );
  }
  const output = `${states}.${layers - skipped - clipSkip}`;
  const encoded: EncodedWindow[] = [];
  for (const { ids } of windows) {
    const key = `${name} ${output} ${ids.join(' ')}`;
    encoded.push(await components.embeddings.take(key, () => runEncoder(session, ids, output, pooled)));
  }
  const data = windows.map(({ weights }, i) => emphasize(encoded[i]!.states.data, weights, emphasis));
  const [, length, width] = encoded[0]!.states.dims as [number, number, number];
  const joined = { data: concat(data), dims: [1, length * windows.length, width] };
  const summary = encoded[0]!.pooled;
  return { states: joined, ...(summary === undefined ? {} : { pooled: summary }) };
}

async function runEncoder(
  session: Session,
  ids: BigInt64Array,
  output: string,
  pooled: string | undefined,
): Promise<EncodedWindow> {
  const feeds = { input_ids: { data: ids, dims: [1, ids.length] } };
  const outputs = await session.run(feeds, pooled === undefined ? [output] : [output, pooled]);
  const states = outputs[output]!;
  return pooled === undefined ? { states } : { states, pooled: outputs[pooled]! };
}

/** Tensors of [1, ...] as one of [n, ...]. */
function stack(tensors: readonly Tensor[]): Tensor {
  const [, ...dims] = tensors[0]!.dims;
  return { data: concat(tensors.map(({ data }) => data)), dims: [tensors.length, ...dims] };
}

function concat(arrays: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return joined;
}
