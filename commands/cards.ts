/** What Darkroom says of a job, at every stage of its life. */
import type { Card, CardAction, CardPicture } from '../adapters/card.ts';
import { describeError } from '../src/errors.ts';
import { shortName } from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { FORMS } from './forms.ts';
import type { LiveEvent } from './job-card.ts';
import { upscaleScale } from './upscaling.ts';

type RunningEvent = Extract<LiveEvent, { state: 'running' }>;

/** A queued or running job. */
export function liveCard(record: JobRecord, event: LiveEvent): Card {
  const shared = {
    notes: record.notes,
    actions: [{ id: `cancel:${record.id}`, label: 'Cancel' }],
  };
  if (event.state === 'queued') {
    const { state, position, etaSeconds } = event;
    return { ...shared, text: queuedText(event), job: { id: record.id, state, position, etaSeconds } };
  }
  const { state, step, steps, etaSeconds, preview } = event;
  return {
    ...shared,
    text: runningText(event),
    job: { id: record.id, state, step, steps, etaSeconds },
    ...(preview && { preview }),
  };
}

export function queuedText({ position, etaSeconds }: { position: number; etaSeconds: number }): string {
  const order = position <= 1 ? 'Next in line' : `${ordinal(position)} in line`;
  return `${order}, about ${formatSeconds(etaSeconds)}`;
}

/** Before the first step there is no step to name, and after the last one the picture is decoded. */
export function runningText({ step, steps, etaSeconds }: RunningEvent): string {
  if (step === 0) return `Starting, about ${formatSeconds(etaSeconds)} left`;
  if (step >= steps) return 'Finishing';
  return `Step ${step} of ${steps}, ${formatSeconds(etaSeconds)} left`;
}

/** A job that has ended. */
export function endCard(record: JobRecord): Card {
  const { id, state, seconds, error, notes } = record;
  const job = {
    id,
    state,
    ...(seconds !== undefined && { seconds }),
    ...(error && { error }),
  };
  if (state === 'done') return { ...printCard(record), job };
  const actions = [
    { id: `reroll:${id}`, label: 'Try again' },
    { id: `delete:${id}`, label: 'Delete', style: 'danger' as const },
  ];
  if (state === 'cancelled') return { text: 'Cancelled.', job, notes, actions };
  return { text: (error ?? describeError(undefined)).message, job, notes, actions };
}

function printCard(record: JobRecord): Card {
  const { id, request, seconds, notes } = record;
  const pictures = cardPictures(record);
  const seeds =
    request.numImages > 1
      ? `seeds ${request.seed} to ${request.seed + request.numImages - 1}`
      : `seed ${request.seed}`;
  return {
    text: '',
    pictures,
    footer: [
      shortName(request.model),
      seeds,
      ...(seconds === undefined ? [] : [`${seconds.toFixed(1)} s`]),
    ].join(' \u00b7 '),
    notes,
    actions: [
      ...(pictures.length === 1 ? actionsOfOne(record) : actionsOfMany(record)),
      ...(request.upscaleImage === undefined ? [{ id: `reroll:${id}`, label: 'Re-roll' }] : []),
      { id: `recipe:${id}`, label: 'Recipe' },
      { id: `delete:${id}`, label: 'Delete', style: 'danger' },
    ],
  };
}

/** The likeliest first. */
const actionsOfOne = ({ id, request, ...record }: JobRecord): CardAction[] => [
  { id: `vary:${id}`, label: 'Vary', style: 'primary' },
  { id: `edit:${id}`, label: 'Edit' },
  ...(hasRoom(record) ? [{ id: `upscale:${id}`, label: 'Upscale' }] : []),
  { id: `use:${id}`, label: 'Use as', form: FORMS.use },
  ...(request.upscaleImage === undefined ? [{ id: `creative:${id}`, label: 'Upscale (creative)' }] : []),
];

/** Whether pictures may be larger than these here. */
const hasRoom = ({ pictures: [picture], frame }: Pick<JobRecord, 'pictures' | 'frame'>) =>
  picture !== undefined && upscaleScale(picture, frame?.maxSize) !== undefined;

/** U and V with the number of the picture that is meant. */
function actionsOfMany({ id, ...record }: JobRecord): CardAction[] {
  const count = record.pictures.length;
  const each = (verb: string, letter: string) =>
    Array.from({ length: count }, (_, i) => ({ id: `${verb}:${id}:${i + 1}`, label: `${letter}${i + 1}` }));
  return [...(hasRoom(record) ? each('upscale', 'U') : []), ...each('vary', 'V')];
}

function cardPictures({ pictures, request }: JobRecord): CardPicture[] {
  return pictures.map((picture) => ({ ...picture, alt: request.prompt }));
}

export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90) return `${Math.round(seconds / 5) * 5} s`;
  return `${Math.round(seconds / 60)} min`;
}

const PLURAL = new Intl.PluralRules('en', { type: 'ordinal' });
const SUFFIX: Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> = { one: 'st', two: 'nd', few: 'rd' };
const ordinal = (n: number) => `${n}${SUFFIX[PLURAL.select(n)] ?? 'th'}`;
