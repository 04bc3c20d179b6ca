/** Runs the text encoders over the windows of a plan. */
import { emphasize } from '../../diffusion/prompt-emphasis.ts';
import { VECTOR_PLACES, VECTORS } from '../../graph/clip.ts';
import type { EncodedText } from '../../models/families/family.ts';
import { type Feeds, joinColumns, joinRows, type Tensor } from '../../tensor.ts';
import type { Runner } from '../session.ts';
import type { Window } from './prompt-plan.ts';
import type { ClipReader, QwenReader, T5Reader, TextEncoders } from './text-encoders.ts';

/** Output of a CLIP with a projection. */
const PROJECTED = 'text_embeds';
const POOLED = 'pooler_output';

/**
 * @param windows at least one
 * @param clipSkip checked by checkClipSkip
 * @returns the states of all windows one after another, [1, n * 77, D], and the summary of the first, [1, P]
 */
export async function encodeClip(
  encoders: TextEncoders,
  { name, rules, width }: ClipReader,
  windows: readonly Window[],
  clipSkip: number,
): Promise<EncodedText> {
  const session = await encoders.session(name);
  const layers = session.outputNames.filter((output) => output.startsWith(`${rules.states}.`)).length - 1;
  const output = `${rules.states}.${layers - rules.skipped - clipSkip}`;
  const summary = session.outputNames.includes(PROJECTED) ? PROJECTED : rules.summaryOnly === true && POOLED;
  const outputs = summary === false ? [output] : [output, summary];
  const weighted: Tensor[] = [];
  let pooled: Tensor | undefined;
  for (const window of windows) {
    const { states, ...more } = await encodeWindow(
      encoders,
      name,
      session,
      window,
      outputs,
      vectorFeeds(window, width),
    );
    weighted.push({ data: emphasize(states.data, window.weights, rules.emphasis), dims: states.dims });
    pooled ??= more.pooled;
  }
  return { states: joinRows(weighted), ...(pooled === undefined ? {} : { pooled }) };
}

/** @returns T5's states of one window, [1, S, D]; weights multiply them, as they do SDXL's */
export async function encodeT5(encoders: TextEncoders, { name }: T5Reader, window: Window): Promise<Tensor> {
  const session = await encoders.session(name);
  const { states } = await encodeWindow(encoders, name, session, window, ['last_hidden_state']);
  return { data: emphasize(states.data, window.weights, 'no_norm'), dims: states.dims };
}

/** Added to the scores of padding: far below every score. */
const HIDDEN = -1e9;

/** @returns [1, S, D x layers]: the states of the family's layers side by side */
export async function encodeQwen(
  { embeddings, session, factors }: TextEncoders,
  { name, rules, tokenizer, positions }: QwenReader,
  { ids }: Window,
  length: number,
): Promise<Tensor> {
  const key = `${factors?.key ?? ''}\n${name} ${length} ${ids.join(' ')}`;
  const known = embeddings.get(key);
  if (known !== undefined) return known.states;
  const outputs = rules.layers.map((layer) => `hidden_states.${layer}`);
  const padded = rules.pads ? length : ids.length;
  const all = new BigInt64Array(padded).fill(BigInt(tokenizer.padId));
  all.set(ids);
  const padding = Float32Array.from(all, (_, i) => (i < ids.length ? 0 : HIDDEN));
  const results = await (await session(name)).run(
    {
      input_ids: { data: all, dims: [1, padded] },
      padding: { data: padding, dims: [1, padded] },
      ...positions(padded),
      ...factors?.feeds.get(name),
    },
    outputs,
  );
  const encoded: EncodedText = { states: joinColumns(outputs.map((output) => results[output]!)) };
  embeddings.set(key, encoded, encoded.states.data.byteLength);
  return encoded.states;
}

/**
 * @param outputs the states, and the summary where it is wanted
 * @param feeds beside the ids
 */
async function encodeWindow(
  { embeddings, factors }: TextEncoders,
  name: string,
  session: Runner,
  window: Window,
  outputs: readonly string[],
  feeds: Feeds = {},
): Promise<EncodedText> {
  const { ids, vectors = [] } = window;
  const key = `${factors?.key ?? ''}\n${name} ${outputs.join(' ')} ${ids.join(' ')} ${vectors.map((vector) => vector?.key).join(' ')}`;
  const known = embeddings.get(key);
  if (known !== undefined) return known;
  const results = await session.run(
    { input_ids: { data: ids, dims: [1, ids.length] }, ...feeds, ...factors?.feeds.get(name) },
    outputs,
  );
  const [states, pooled] = outputs.map((output) => results[output]!) as [Tensor, Tensor | undefined];
  const encoded = pooled === undefined ? { states } : { states, pooled };
  embeddings.set(key, encoded, states.data.byteLength + (pooled?.data.byteLength ?? 0));
  return encoded;
}

/** What a CLIP takes beside its ids: the vectors of embeddings behind a row of zeros, and which row stands at each place. */
function vectorFeeds({ ids, vectors = [] }: Window, width: number): Feeds {
  const given = vectors.filter((vector) => vector !== undefined);
  const rows = new Float32Array((given.length + 1) * width);
  const places = new BigInt64Array(ids.length);
  let row = 0;
  for (const [i, vector] of vectors.entries()) {
    if (vector === undefined) continue;
    row++;
    rows.set(vector.values, row * width);
    places[i] = BigInt(row);
  }
  return {
    [VECTORS]: { data: rows, dims: [given.length + 1, width] },
    [VECTOR_PLACES]: { data: places, dims: [1, ids.length] },
  };
}
