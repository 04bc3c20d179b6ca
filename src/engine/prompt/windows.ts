/** Runs the text encoders over the windows of a plan. */
import { type Emphasis, emphasize } from '../../diffusion/prompt-emphasis.ts';
import { joinRows } from '../../tensor.ts';
import type { Session } from '../session.ts';
import type { Window } from './prompt-plan.ts';
import type { EncodedWindow, TextEncoderName, TextEncoders } from './text-encoders.ts';

/** What a family of models takes from its CLIP encoders. */
export interface ClipRules {
  /** Hidden states as they leave their layer, or after the final layer norm. */
  readonly states: 'hidden_states' | 'normed_hidden_states';
  /** How far before the last layer they are taken where the request skips none. */
  readonly skipped: number;
  /** Taken from the encoders that have it. */
  readonly pooled?: 'text_embeds';
  readonly emphasis: Emphasis;
}

/**
 * @param windows at least one
 * @param clipSkip checked by checkClipSkip
 * @returns the states of all windows one after another, [1, n * 77, D], and the summary of the first, [1, P]
 */
export async function encodeClip(
  encoders: TextEncoders,
  name: TextEncoderName,
  windows: readonly Window[],
  clipSkip: number,
  { states, skipped, emphasis, ...rules }: ClipRules,
): Promise<EncodedWindow> {
  const session = await encoders.session(name);
  const layers = session.outputNames.filter((output) => output.startsWith(`${states}.`)).length - 1;
  const output = `${states}.${layers - skipped - clipSkip}`;
  const pooled = session.outputNames.find((output) => output === rules.pooled);
  const encoded: EncodedWindow[] = [];
  for (const window of windows) {
    encoded.push(await encodeWindow(encoders, name, session, window, output, pooled));
  }
  const weighted = encoded.map(({ states: { data, dims } }, i) => ({
    data: emphasize(data, windows[i]!.weights, emphasis),
    dims,
  }));
  const summary = encoded[0]!.pooled;
  return { states: joinRows(weighted), ...(summary === undefined ? {} : { pooled: summary }) };
}

async function encodeWindow(
  encoders: TextEncoders,
  name: TextEncoderName,
  session: Session,
  { ids }: Window,
  output: string,
  pooled?: string,
): Promise<EncodedWindow> {
  const key = `${name} ${output} ${ids.join(' ')}`;
  const known = encoders.embeddings.get(key);
  if (known !== undefined) return known;
  const feeds = { input_ids: { data: ids, dims: [1, ids.length] } };
  const outputs = await session.run(feeds, pooled === undefined ? [output] : [output, pooled]);
  const states = outputs[output]!;
  const encoded = pooled === undefined ? { states } : { states, pooled: outputs[pooled]! };
  encoders.embeddings.set(key, encoded, bytesOf(encoded));
  return encoded;
}

const bytesOf = ({ states, pooled }: EncodedWindow) =>
  states.data.byteLength + (pooled?.data.byteLength ?? 0);

/** @returns T5's states of one window, [1, S, D]; weights multiply them, as they do SDXL's */
export async function encodeT5(
  encoders: TextEncoders,
  name: TextEncoderName,
  window: Window,
): Promise<EncodedWindow['states']> {
  const session = await encoders.session(name);
  const { states } = await encodeWindow(encoders, name, session, window, 'last_hidden_state');
  return { data: emphasize(states.data, window.weights, 'no_norm'), dims: states.dims };
}
