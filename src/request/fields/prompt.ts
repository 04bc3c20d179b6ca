/** What the picture shows, in words. */

import type { PlainKey } from '../../sentences.ts';
import { option } from '../option.ts';
import { name, text } from '../schemas.ts';
import { field, or, same } from './field.ts';

const PROMPT_SYNTAXES = ['a1111', 'plain'] as const;
export type PromptSyntax = (typeof PROMPT_SYNTAXES)[number];

/** A text that only some text encoders read. */
const textField = <const Name extends string, const Flag extends string>(
  snake: Name,
  flagName: Flag,
  description: PlainKey,
) =>
  field({
    name: snake,
    schema: text(snake),
    fill: same,
    options: [option({ names: [flagName], type: 'text', description, example: 'a red mug' })],
  });

/** Two numbers that are written as WIDTHxHEIGHT and kept as [height, width], as in diffusers. */
export const PROMPT_FIELDS = {
  prompt: field({
    name: 'prompt',
    schema: text('prompt'),
    // Without the tags of its LoRAs.
    fill: (_, { prompt }) => prompt,
  }),
  /** For the second and third text encoder; `prompt` where left out. */
  prompt2: textField('prompt_2', 'prompt-2', 'option.prompt_2'),
  prompt3: textField('prompt_3', 'prompt-3', 'option.prompt_3'),
  /** Left out is not the same as empty: SDXL then takes zeros instead of the encoded empty prompt. */
  negativePrompt: field({
    name: 'negative_prompt',
    schema: text('negative_prompt'),
    fill: same,
    options: [
      option({
        names: ['no', 'negative', 'neg'],
        type: 'text',
        description: 'option.no',
        example: 'text',
        menu: 5,
      }),
    ],
  }),
  negativePrompt2: textField('negative_prompt_2', 'no-2', 'option.no_2'),
  negativePrompt3: textField('negative_prompt_3', 'no-3', 'option.no_3'),
  /** `a1111`: weights, BREAK, chunks beyond 77 tokens; `plain`: as diffusers takes it. */
  promptSyntax: field({
    name: 'prompt_syntax',
    schema: name('prompt_syntax', PROMPT_SYNTAXES),
    fill: or<PromptSyntax>('a1111'),
    plain: 'a1111',
    options: [
      option({
        names: ['syntax'],
        type: 'choice',
        choices: PROMPT_SYNTAXES,
        description: 'option.syntax',
        example: 'plain',
      }),
    ],
  }),
} as const;
