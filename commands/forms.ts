/** What a button asks before it acts, and what the platforms' own menus on a message ask. */
import type { CardForm } from '../adapters/card.ts';
import { REGIONS } from '../src/request.ts';

const WORDS = {
  name: 'prompt',
  label: 'What should it become?',
  kind: 'words',
  required: true,
  placeholder: 'the mug is blue',
} as const;

export const FORMS = {
  edit: {
    title: 'Edit this picture',
    fields: [
      WORDS,
      {
        name: 'strength',
        label: 'Strength: 0 keeps it, 1 replaces it',
        kind: 'number',
        required: false,
        value: 0.7,
        min: 0,
        max: 1,
      },
      {
        name: 'region',
        label: 'Only this part',
        kind: 'choice',
        required: false,
        choices: REGIONS.map((value) => ({ value, label: value })),
      },
      { name: 'mask', label: 'Or a mask: white where it is redrawn', kind: 'picture', required: false },
    ],
  },
  use: {
    title: 'Use this picture as',
    fields: [
      { ...WORDS, label: 'What should be drawn?', placeholder: 'a knight, watercolor' },
      {
        name: 'control',
        label: 'What to take from it',
        kind: 'choice',
        required: true,
        choices: [
          { value: 'canny', label: 'Edges (canny)' },
          { value: 'openpose', label: 'Pose' },
          { value: 'scribble', label: 'Scribble' },
          { value: 'lineart', label: 'Line art' },
          { value: 'depth', label: 'Depth' },
        ],
      },
    ],
  },
  imagine: {
    title: 'Draw a picture',
    fields: [
      { ...WORDS, label: 'What should be drawn?', placeholder: 'a red mug on a table, watercolor' },
      { name: 'no', label: 'What should not be in it?', kind: 'words', required: false },
      { name: 'style', label: 'Style', kind: 'words', required: false, placeholder: 'watercolor' },
      {
        name: 'n',
        label: 'How many',
        kind: 'choice',
        required: false,
        choices: ['1', '2', '3', '4'].map((value) => ({ value, label: value })),
      },
      { name: 'picture', label: 'A picture to start from', kind: 'picture', required: false },
    ],
  },
} as const satisfies Readonly<Record<string, CardForm>>;

/** @param action `edit:JOB`, or only the verb @returns undefined for an action that needs no form */
export function formOf(action: string): CardForm | undefined {
  const [verb = ''] = action.split(':');
  return Object.hasOwn(FORMS, verb) ? FORMS[verb as keyof typeof FORMS] : undefined;
}
