/** Words to the embeddings that the UNet attends to. */
import { DarkroomError } from '../errors.ts';
import { describeUnread } from '../models/unread.ts';
import type { GenerationRequest } from '../request.ts';
import type { Components } from './components.ts';
import type { Tensor } from './session.ts';

export interface PromptEmbeddings {
  /** [1, S, D] of the prompt. With guidance [2, S, D]: the negative prompt comes first, as in diffusers. */
  readonly context: Tensor;
  /** Sentences about words that the model does not read. */
  readonly notes: readonly string[];
}

/**
 * @param request its clipSkip k takes the state k layers before the last, after the final layer norm; the
 *   negative prompt ignores it (both as in diffusers)
 * @param guided whether the negative prompt is needed
 * @throws DarkroomError('bad_request') where clipSkip is beyond the model's layers
 */
export async function encodePrompt(
  components: Components,
  request: GenerationRequest,
  guided: boolean,
): Promise<PromptEmbeddings> {
  const { tokenizer } = components;
  const session = await components.session('textEncoder');
  const layers = session.outputNames.filter((name) => name.startsWith('normed_hidden_states.')).length - 1;
  if (request.clipSkip > layers) {
    throw new DarkroomError(
      'bad_request',
      `clip_skip ${request.clipSkip} is beyond the ${layers} layers of this model's text encoder. Try 0 or 1.`,
    );
  }
  const notes: string[] = [];
  const encode = async (label: string, text: string, skip: number): Promise<Tensor> => {
    const encoded = tokenizer.encode(text);
    const { ids } = encoded;
    const unread = describeUnread(label, encoded);
    if (unread !== '') notes.push(unread);
    const output = `normed_hidden_states.${layers - skip}`;
    const feeds = { input_ids: { data: ids, dims: [1, ids.length] } };
    return (await session.run(feeds, [output]))[output]!;
  };
  const positive = await encode('prompt', request.prompt, request.clipSkip);
  if (!guided) return { context: positive, notes };
  const negative = await encode('negative prompt', request.negativePrompt ?? '', 0);
  return { context: stack(negative, positive), notes };
}

/** Two tensors of [1, ...] as one of [2, ...]. */
function stack(first: Tensor, second: Tensor): Tensor {
  const data = new Float32Array(first.data.length + second.data.length);
  data.set(first.data);
  data.set(second.data, first.data.length);
  return { data, dims: [2, ...first.dims.slice(1)] };
}
