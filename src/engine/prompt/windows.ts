/** Runs the text encoders over the windows of a plan. */
import { emphasize } from '../../diffusion/prompt-emphasis.ts';
import type { EncodedText } from '../../models/families/family.ts';
import { joinRows, type Tensor } from '../../tensor.ts';
import type { Session } from '../session.ts';
import type { Window } from './prompt-plan.ts';
import type { ClipReader, T5Reader, TextEncoders } from './text-encoders.ts';

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
  { name, rules }: ClipReader,
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
    const { states, ...more } = await encodeWindow(encoders, name, session, window, outputs);
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

/** @param outputs the states, and the summary where it is wanted */
async function encodeWindow(
  { embeddings }: TextEncoders,
  name: string,
  session: Session,
  { ids }: Window,
  outputs: readonly string[],
): Promise<EncodedText> {
  const key = `${name} ${outputs.join(' ')} ${ids.join(' ')}`;
  const known = embeddings.get(key);
  if (known !== undefined) return known;
  const results = await session.run({ input_ids: { data: ids, dims: [1, ids.length] } }, outputs);
  const [states, pooled] = outputs.map((output) => results[output]!) as [Tensor, Tensor | undefined];
  const encoded = pooled === undefined ? { states } : { states, pooled };
  embeddings.set(key, encoded, states.data.byteLength + (pooled?.data.byteLength ?? 0));
  return encoded;
}
