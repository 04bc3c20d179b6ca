/** What Darkroom says of a job, at every stage of its life. */
import {
  type Card,
  type CardAbout,
  type CardAction,
  type CardPicture,
  NOTE_CHARACTERS,
} from '../adapters/card.ts';
import { describeError } from '../src/errors.ts';
import { builtInUpscaler, shortName } from '../src/request.ts';
import type { JobRecord, OriginVerb } from '../src/store/jobs.ts';
import { useForm } from './forms.ts';
import type { LiveEvent } from './job-card.ts';
import { upscaleScale } from './upscaling.ts';
import { usesOf } from './uses.ts';

type RunningEvent = Extract<LiveEvent, { state: 'running' }>;

/** A queued or running job. */
export function liveCard(record: JobRecord, event: LiveEvent): Card {
  const shared = {
    ...frameOf(record),
    about: aboutOf(record),
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

/** What all cards of a job have. */
function frameOf({ frame, notes }: JobRecord): Pick<Card, 'inputs' | 'isPrivate' | 'thread' | 'notes'> {
  const { inputs, isPrivate, thread, told = [] } = frame ?? {};
  return {
    ...(inputs && { inputs }),
    ...(isPrivate !== undefined && { isPrivate }),
    ...(thread !== undefined && { thread }),
    notes: notes.filter((note) => !told.includes(note)),
  };
}

const ORIGINS: Readonly<Record<OriginVerb, string>> = {
  again: 'Made again',
  vary: 'Variation',
  edit: 'Edit',
  upscale: 'Upscaled',
  creative: 'Redrawn larger',
  use: 'Made with the shape',
  reroll: 'Re-roll',
};

function aboutOf({ request, user, frame }: JobRecord): CardAbout {
  const { origin } = frame ?? {};
  return {
    prompt: request.prompt,
    asker: user.name,
    ...(origin && {
      origin: { text: ORIGINS[origin.verb], ...(origin.job !== undefined && { job: origin.job }) },
    }),
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
  const { id, state, seconds, error } = record;
  const job = {
    id,
    state,
    ...(seconds !== undefined && { seconds }),
    ...(error && { error }),
  };
  const shared = { ...frameOf(record), about: aboutOf(record), job };
  if (state === 'done') return { ...shared, ...printCard(record) };
  const isCancelled = state === 'cancelled';
  return {
    ...shared,
    text: isCancelled ? 'Cancelled.' : (error ?? describeError(undefined)).message,
    actions: [
      { id: `again:${id}`, label: isCancelled ? 'Undo' : 'Try again' },
      { id: `delete:${id}`, label: 'Delete', style: 'danger' },
    ],
  };
}

/** What stands in the place of a deleted picture for some seconds. */
export const deletedCard = ({ id }: JobRecord): Card => ({
  text: 'Deleted.',
  actions: [{ id: `undelete:${id}`, label: 'Undo' }],
});

/** One picture of several, with its own buttons. */
export function pictureCard(record: JobRecord, index: number): Card {
  const { id, request } = record;
  const numbered = ({ id: action, ...rest }: CardAction) => ({ ...rest, id: `${action}:${index + 1}` });
  const pictures = cardPictures(record).slice(index, index + 1);
  return {
    text: '',
    pictures,
    about: aboutOf(record),
    footer: [shortName(request.model), `seed ${request.seed + index}`].join(' \u00b7 '),
    actions: actionsOfOne({ ...record, pictures: record.pictures.slice(index, index + 1) }).map(numbered),
    more: [{ id: `recipe:${id}:${index + 1}`, label: 'Recipe' }],
  };
}

function printCard(record: JobRecord): Pick<Card, 'text' | 'pictures' | 'footer' | 'actions' | 'more'> {
  const { id, request, seconds } = record;
  const pictures = cardPictures(record);
  const isOne = pictures.length === 1;
  const seeds =
    request.numImages > 1
      ? `seeds ${request.seed} to ${request.seed + request.numImages - 1}`
      : `seed ${request.seed}`;
  const isDrawing = request.upscaleImage === undefined;
  return {
    text: '',
    pictures,
    footer: [
      shortName(request.model),
      ...(isDrawing ? [seeds] : [...enlargedBy(record), `${pictures[0]?.width}x${pictures[0]?.height}`]),
      ...(seconds === undefined ? [] : [`${seconds.toFixed(1)} s`]),
    ].join(' \u00b7 '),
    actions: isOne ? actionsOfOne(record) : actionsOfMany(record),
    more: [
      ...(isOne ? [] : pictures.map((_, i) => ({ id: `show:${id}:${i + 1}`, label: `Picture ${i + 1}` }))),
      ...otherStarts(record),
      ...(isDrawing ? [{ id: `reroll:${id}`, label: 'Re-roll' }] : []),
      ...(isOne && isDrawing ? [{ id: `creative:${id}`, label: 'Upscale (creative)' }] : []),
      { id: `recipe:${id}`, label: 'Recipe' },
      ...(isFolded(record) ? [{ id: `notes:${id}`, label: 'Notes' }] : []),
      { id: `delete:${id}`, label: 'Delete', style: 'danger' },
    ],
  };
}

/** The upscaler, where it is one that somebody chose. */
function enlargedBy({ request: { upscaleImage } }: JobRecord): string[] {
  const name = upscaleImage?.upscaler;
  return name === undefined || builtInUpscaler(name) !== undefined ? [] : [name];
}

/** Whether a card has no room for all of its notes. */
const isFolded = (record: JobRecord) => (frameOf(record).notes ?? []).join(' ').length > NOTE_CHARACTERS;

/** Where the first of several pictures was taken, the others are offered. */
const otherStarts = ({ id, frame }: JobRecord): CardAction[] =>
  Array.from({ length: (frame?.origin?.of ?? 1) - 1 }, (_, i) => ({
    id: `from:${id}:${i + 2}`,
    label: `Start from picture ${i + 2}`,
  }));

/** The likeliest first. */
const actionsOfOne = ({ id, ...record }: JobRecord): CardAction[] => [
  { id: `vary:${id}`, label: 'Vary', style: 'primary' },
  { id: `edit:${id}`, label: 'Edit' },
  ...(hasRoom(record) ? [{ id: `upscale:${id}`, label: 'Upscale' }] : []),
  ...useOf({ id, ...record }),
];

/** Not offered where nothing can be taken from the picture. */
function useOf(record: JobRecord): CardAction[] {
  const form = useForm(usesOf(record));
  return form === undefined ? [] : [{ id: `use:${record.id}`, label: 'Use as', form }];
}

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
  const { prompt, seed } = request;
  const many = pictures.length;
  return pictures.map((picture, i) => ({
    ...picture,
    // Pictures of a grid need names that differ for those who hear them.
    alt: many > 1 ? `${prompt} (${i + 1} of ${many})` : prompt,
    seed: seed + i,
  }));
}

export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90) return `${Math.round(seconds / 5) * 5} s`;
  return `${Math.round(seconds / 60)} min`;
}

const PLURAL = new Intl.PluralRules('en', { type: 'ordinal' });
const SUFFIX: Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> = { one: 'st', two: 'nd', few: 'rd' };
const ordinal = (n: number) => `${n}${SUFFIX[PLURAL.select(n)] ?? 'th'}`;
