/** The buttons under finished pictures, the likeliest first. */
import type { CardAction } from '../adapters/card.ts';
import type { Say } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { useForm } from './forms.ts';
import { OUTPAINTS } from './outpaint-verbs.ts';
import { upscaleScale } from './upscaling.ts';
import { usesOf } from './uses.ts';

/** For a job that started from the first of several pictures: buttons that start from each of the others. */
export const otherStarts = ({ id, frame }: JobRecord, say: Say): CardAction[] =>
  Array.from({ length: (frame?.origin?.of ?? 1) - 1 }, (_, i) => ({
    id: `from:${id}:${i + 2}`,
    label: say('button.start_from', { number: i + 2 }),
  }));

/** Buttons of a card with one picture. */
export const actionsOfOne = ({ id, ...record }: JobRecord, say: Say): CardAction[] => [
  // A draft is drawn to be finished.
  ...(record.frame?.finish === undefined
    ? []
    : [{ id: `finish:${id}`, label: say('button.finish'), style: 'primary' as const }]),
  {
    ...{ id: `vary:${id}`, label: say('button.vary') },
    ...(record.frame?.finish === undefined && { style: 'primary' as const }),
  },
  { id: `edit:${id}`, label: say('button.edit') },
  ...(hasRoom(record) ? [{ id: `upscale:${id}`, label: say('button.upscale') }] : []),
  ...useOf({ id, ...record }, say),
];

/** No button where no control can be taken from the picture. */
function useOf(record: JobRecord, say: Say): CardAction[] {
  const form = useForm(usesOf(record), say);
  return form === undefined ? [] : [{ id: `use:${record.id}`, label: say('button.use'), form }];
}

/** Whether the user's size limit leaves room for a larger picture. */
const hasRoom = ({ pictures: [picture], frame }: Pick<JobRecord, 'pictures' | 'frame'>) =>
  picture !== undefined && upscaleScale(picture, frame?.maxSize) !== undefined;

/** Buttons of a card with several pictures: U1, V1 and so on, with the number of their picture. */
export function actionsOfMany({ id, ...record }: JobRecord, say: Say): CardAction[] {
  const count = record.pictures.length;
  const each = (verb: 'upscale' | 'vary' | 'finish') =>
    Array.from({ length: count }, (_, i) => ({
      id: `${verb}:${id}:${i + 1}`,
      label: say(`button.${verb}_number`, { number: i + 1 }),
    }));
  const isDraft = record.frame?.finish !== undefined;
  return [...(isDraft ? each('finish') : []), ...(hasRoom(record) ? each('upscale') : []), ...each('vary')];
}

/** The less likely ones: variations of two strengths, zoom out and pan. */
export const furtherActions = ({ id }: JobRecord, say: Say): CardAction[] => [
  { id: `vary_subtle:${id}`, label: say('button.vary_subtle') },
  { id: `vary_strong:${id}`, label: say('button.vary_strong') },
  ...Object.entries(OUTPAINTS).map(([verb, { label }]) => ({ id: `${verb}:${id}`, label: say(label) })),
];
