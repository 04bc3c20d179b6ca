/** What a button asks before it acts, and what the platforms' own menus on a message ask. */

import type { AskedForm } from '../adapters/adapter.ts';
import type { CardForm, FormField } from '../adapters/card.ts';
import { REGIONS } from '../src/request.ts';
import { localeOf, type PlainKey, type Say, sayIn } from '../src/sentences.ts';
import { isVisible } from './job-access.ts';
import type { Ports } from './ports.ts';
import { usesOf } from './uses.ts';

type WordsField = Extract<FormField, { kind: 'words' }>;

const words = (label: string, placeholder: string, value?: string): WordsField => ({
  ...{ name: 'prompt', label, kind: 'words', required: true, placeholder },
  ...(value !== undefined && { value }),
});

const editForm = (say: Say, prompt?: string): CardForm => ({
  title: say('form.edit.title'),
  fields: [
    words(say('form.edit.prompt'), say('form.edit.prompt_example'), prompt),
    {
      name: 'strength',
      label: say('form.edit.strength'),
      kind: 'number',
      required: false,
      value: 0.7,
      min: 0,
      max: 1,
    },
    {
      name: 'region',
      label: say('form.edit.region'),
      kind: 'choice',
      required: false,
      choices: REGIONS.map((value) => ({ value, label: value })),
    },
    { name: 'mask', label: say('form.edit.mask'), kind: 'picture', required: false },
  ],
});

const deleteForm = (say: Say): CardForm => ({
  title: say('form.delete.title'),
  text: say('form.delete.text'),
  submit: say('button.delete'),
  fields: [],
});

const imagineForm = (say: Say): CardForm => ({
  title: say('form.imagine.title'),
  fields: [
    words(say('form.imagine.prompt'), say('form.imagine.prompt_example')),
    { name: 'no', label: say('form.imagine.no'), kind: 'words', required: false },
    {
      name: 'style',
      label: say('form.imagine.style'),
      kind: 'words',
      required: false,
      placeholder: 'watercolor',
    },
    {
      name: 'n',
      label: say('form.imagine.count'),
      kind: 'choice',
      required: false,
      choices: ['1', '2', '3', '4'].map((value) => ({ value, label: value })),
    },
    { name: 'picture', label: say('form.imagine.picture'), kind: 'picture', required: false },
  ],
});

const USES = {
  canny: 'form.use.canny',
  openpose: 'form.use.openpose',
  scribble: 'form.use.scribble',
  lineart: 'form.use.lineart',
  depth: 'form.use.depth',
} as const satisfies Readonly<Record<string, PlainKey>>;

const useLabel = (kind: string, say: Say) =>
  Object.hasOwn(USES, kind) ? say(USES[kind as keyof typeof USES]) : kind;

/** @param kinds of control pictures that can be taken from the picture; undefined where there is none */
export function useForm(kinds: readonly string[], say: Say, prompt?: string): CardForm | undefined {
  if (kinds.length === 0) return undefined;
  return {
    title: say('form.use.title'),
    fields: [
      words(say('form.imagine.prompt'), say('form.use.prompt_example'), prompt),
      {
        name: 'control',
        label: say('form.use.control'),
        kind: 'choice',
        required: true,
        choices: kinds.map((value) => ({ value, label: useLabel(value, say) })),
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
  { action, job, platform, user, tenant, locale, confirms = false }: AskedForm,
  { jobs, takenFromPhotos }: Pick<Ports, 'jobs' | 'takenFromPhotos'>,
): Promise<CardForm | undefined> {
  const [verb = '', id = job] = action.split(':');
  const say = sayIn(localeOf(locale));
  if (verb === 'imagine') return imagineForm(say);
  if (verb === 'delete') return confirms ? deleteForm(say) : undefined;
  if (verb !== 'use' && verb !== 'edit') return undefined;
  const found = id === undefined ? undefined : await jobs.get(id);
  const who = { platform, user: { id: user }, where: { tenant } };
  const record = found !== undefined && isVisible(found, who) ? found : undefined;
  const prompt = record?.request.prompt;
  if (verb === 'edit') return editForm(say, prompt);
  return useForm(record ? usesOf(record) : takenFromPhotos(), say, prompt);
}
