/** What a button asks before it acts, and what the platforms' own menus on a message ask. */

import type { AskedForm } from '../adapters/adapter.ts';
import type { CardForm } from '../adapters/card.ts';
import { REGIONS } from '../src/request.ts';
import { isVisible } from './job-access.ts';
import type { Ports } from './ports.ts';
import { usesOf } from './uses.ts';

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

const USES: Readonly<Record<string, string>> = {
  canny: 'Edges (canny)',
  openpose: 'Pose',
  scribble: 'Scribble',
  lineart: 'Line art',
  depth: 'Depth',
};

/** @param kinds of control pictures that can be taken from the picture; undefined where there is none */
export function useForm(kinds: readonly string[], words?: string): CardForm | undefined {
  if (kinds.length === 0) return undefined;
  return {
    title: 'Use this picture as',
    fields: [
      {
        ...WORDS,
        label: 'What should be drawn?',
        placeholder: 'a knight, watercolor',
        ...(words !== undefined && { value: words }),
      },
      {
        name: 'control',
        label: 'What to take from it',
        kind: 'choice',
        required: true,
        choices: kinds.map((value) => ({ value, label: USES[value] ?? value })),
      },
    ],
  };
}

/**
 * The form that a button, a bare command or a menu on a message opens: with the picture's own words, and with what can
 * be done with it.
 * @returns undefined for an action that needs no form
 */
export async function formFor(
  { action, job, platform, user, tenant }: AskedForm,
  { jobs, takenFromPhotos }: Pick<Ports, 'jobs' | 'takenFromPhotos'>,
): Promise<CardForm | undefined> {
  const [verb = '', id = job] = action.split(':');
  if (verb !== 'use' && !Object.hasOwn(FORMS, verb)) return undefined;
  const found = id === undefined ? undefined : await jobs.get(id);
  const who = { platform, user: { id: user }, where: { tenant } };
  const record = found !== undefined && isVisible(found, who) ? found : undefined;
  const words = record?.request.prompt;
  if (verb === 'use') return useForm(record ? usesOf(record) : takenFromPhotos(), words);
  const form: CardForm = FORMS[verb as keyof typeof FORMS];
  if (verb !== 'edit' || words === undefined) return form;
  const [first, ...rest] = FORMS.edit.fields;
  return { ...form, fields: [{ ...first, value: words }, ...rest] };
}
