/** Which text each encoder of a model reads. */
import type { GenerationRequest } from '../../request.ts';

/** What a prompt of each text encoder says. */
export type PromptTexts = readonly [first: string, second: string, third: string];

/** An encoder's prompt is the first one where it has none of its own, or an empty one, as in diffusers. */
export function positiveTexts({ prompt, prompt2, prompt3 }: GenerationRequest): PromptTexts {
  return [prompt, orElse(prompt2, prompt), orElse(prompt3, prompt)];
}

export function negativeTexts(request: GenerationRequest): PromptTexts {
  const { negativePrompt = '', negativePrompt2, negativePrompt3 } = request;
  return [negativePrompt, orElse(negativePrompt2, negativePrompt), orElse(negativePrompt3, negativePrompt)];
}

const orElse = (text: string | undefined, other: string) =>
  text === undefined || text === '' ? other : text;
