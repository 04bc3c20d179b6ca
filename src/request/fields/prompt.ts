/** What the picture shows, in words. */
import { option } from '../option.ts';
import { name, text } from '../schemas.ts';
import { field, or, same } from './field.ts';

export const PROMPT_SYNTAXES = ['a1111', 'plain'] as const;
export type PromptSyntax = (typeof PROMPT_SYNTAXES)[number];

/** A text that only some text encoders read. */
const textField = <const Name extends string, const Flag extends string>(
  snake: Name,
  flagName: Flag,
  description: string,
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
  prompt2: textField('prompt_2', 'prompt-2', 'A prompt of its own for the second text encoder.'),
  prompt3: textField('prompt_3', 'prompt-3', 'A prompt of its own for the third text encoder.'),
  /** Left out is not the same as empty: SDXL then takes zeros instead of the encoded empty prompt. */
  negativePrompt: field({
    name: 'negative_prompt',
    schema: text('negative_prompt'),
    fill: same,
    options: [
      option({
        names: ['no', 'negative'],
        type: 'text',
        description: 'What should not be in the picture.',
        example: 'text',
        menu: 5,
      }),
    ],
  }),
  negativePrompt2: textField('negative_prompt_2', 'no-2', 'What the second text encoder should avoid.'),
  negativePrompt3: textField('negative_prompt_3', 'no-3', 'What the third text encoder should avoid.'),
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
        description: 'How the prompt is read: with weights, or as plain words up to 77 tokens.',
        example: 'plain',
      }),
    ],
  }),
} as const;
