/** What a button asks before it acts, and what the platforms' own menus on a message ask. */
import type { CardForm } from '../adapters/card.ts';

const WORDS = {
  name: 'prompt',
  label: 'What should it become?',
  kind: 'words',
  required: true,
  placeholder: 'the mug is blue',
} as const;

const FORMS: Readonly<Record<string, CardForm>> = {
  edit: {
    title: 'Edit this picture',
    fields: [
      WORDS,
      {
        name: 'strength',
        label: 'Strength: 0 keeps it, 1 forgets it',
        kind: 'number',
        required: false,
        value: 0.7,
        min: 0,
        max: 1,
      },
    ],
  },
};

/** @param action `edit:JOB`, or the verb alone; undefined where it acts at once */
export function formOf(action: string): CardForm | undefined {
  const [verb = ''] = action.split(':');
  return Object.hasOwn(FORMS, verb) ? FORMS[verb] : undefined;
}
