/** What Darkroom says of a job, at every stage of its life. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Card,
  type CardAbout,
  type CardAction,
  type CardPicture,
  NOTE_CHARACTERS,
} from '../adapters/card.ts';
import { describeError, wordsOf } from '../src/errors.ts';
import { isHiddenUntilOpened } from '../src/moderation/hidden.ts';
import { builtInUpscaler, seedOfPicture, shortName } from '../src/request.ts';
import { type PlainKey, type Say, sayIn, type Words } from '../src/sentences.ts';
import type { JobRecord, OriginVerb, SweepFrame } from '../src/store/jobs.ts';
import type { LiveEvent } from './job-card.ts';
import { actionsOfMany, actionsOfOne, furtherActions, otherStarts } from './picture-buttons.ts';
import { queuedText, runningText } from './progress-text.ts';
import { labelOfCell } from './sweep-run.ts';

/** The message of a job is in the language of whoever asked for it. */
const sayOf = ({ frame }: Pick<JobRecord, 'frame'>): Say => sayIn(frame?.locale ?? 'en');

/** A queued or running job. */
export function liveCard(record: JobRecord, event: LiveEvent): Card {
  const say = sayOf(record);
  const { numImages } = record.request;
  const count = numImages > 1 && { count: numImages };
  const shared = {
    ...frameOf(record),
    about: aboutOf(record, say),
    actions: [{ id: `cancel:${record.id}`, label: say('button.cancel') }],
  };
  if (event.state === 'queued') {
    const { state, position, etaSeconds } = event;
    return {
      ...shared,
      text: queuedText(event, say),
      job: { id: record.id, state, position, etaSeconds, ...count },
    };
  }
  const { state, step, steps, etaSeconds, loading, preview, finished } = event;
  return {
    ...shared,
    text: runningText(event, record, say),
    job: {
      ...{ id: record.id, state, step, steps, etaSeconds },
      ...count,
      ...(loading && { loading }),
    },
    ...(preview && { preview }),
    ...(finished && { finished: cardPictures({ ...record, pictures: finished }, say) }),
  };
}

/** Whether a note need not be said again: the earlier one names the same things, and maybe more. */
function saysAsMuch(before: Words, note: Words): boolean {
  if (typeof before === 'string' || typeof note === 'string') return before === note;
  if (before.key !== note.key) return false;
  return Object.entries(note.args ?? {}).every(([name, value]) => {
    const earlier = before.args?.[name];
    return Array.isArray(value) && Array.isArray(earlier)
      ? value.every((one) => earlier.some((other) => isDeepStrictEqual(one, other)))
      : isDeepStrictEqual(value, earlier);
  });
}

/** What all cards of a job have. */
export function frameOf({
  frame,
  notes,
}: JobRecord): Pick<Card, 'locale' | 'inputs' | 'isPrivate' | 'thread' | 'notes'> {
  const { inputs, isPrivate, thread, told = [] } = frame ?? {};
  const say = sayOf({ ...(frame && { frame }) });
  return {
    locale: say.locale,
    // Uploads are not checked: hidden are those that are copies of what was.
    ...(inputs && {
      inputs: inputs.map((picture) => ({ ...picture, isSpoiler: picture.isSpoiler === true })),
    }),
    ...(isPrivate !== undefined && { isPrivate }),
    ...(thread !== undefined && { thread }),
    notes: notes.filter((note) => !told.some((before) => saysAsMuch(before, note))).map(say.words),
  };
}

const ORIGINS = {
  again: 'origin.again',
  vary: 'origin.vary',
  vary_subtle: 'origin.vary_subtle',
  vary_strong: 'origin.vary_strong',
  edit: 'origin.edit',
  upscale: 'origin.upscale',
  creative: 'origin.creative',
  use: 'origin.use',
  reroll: 'origin.reroll',
  finish: 'origin.finish',
  zoom: 'origin.zoom',
  pan: 'origin.pan',
} as const satisfies Readonly<Record<OriginVerb, PlainKey>>;

/** How a picture was edited: by the words, or by redrawing it. */
function originText(verb: OriginVerb, request: JobRecord['request'], say: Say): string {
  const { referenceImages, maskImage, strength } = request;
  if (verb === 'edit' && referenceImages !== undefined) return say('origin.instructed');
  if (verb !== 'edit' || maskImage !== undefined || strength === undefined) return say(ORIGINS[verb]);
  return say('origin.redrawn', { strength });
}

export function aboutOf({ request, user, frame }: JobRecord, say: Say): CardAbout {
  const { origin } = frame ?? {};
  return {
    // Pictures with words of their own have only what was typed in common.
    prompt: (request.pictureWords && request.templates?.prompt) ?? request.prompt,
    asker: user.name,
    ...(origin && {
      origin: {
        text: originText(origin.verb, request, say),
        ...(origin.job !== undefined && { job: origin.job }),
        ...(origin.picture !== undefined && { picture: origin.picture }),
      },
    }),
  };
}

/** A job that has ended. */
export function endCard(record: JobRecord): Card {
  const { id, state, seconds, error, frame } = record;
  const say = sayOf(record);
  const message = say.words(wordsOf(error ?? describeError(undefined)));
  const job = {
    id,
    state,
    ...(seconds !== undefined && { seconds }),
    ...(error && { error: { code: error.code, message } }),
  };
  const shared = { ...frameOf(record), about: aboutOf(record, say), job };
  const isModerated = record.frame?.moderation !== undefined;
  const remove: CardAction = { id: `delete:${id}`, label: say('button.delete'), style: 'danger' };
  if (record.frame?.review === 'held')
    return {
      ...shared,
      text: say(record.request.numImages > 1 ? 'review.held_several' : 'review.held'),
      actions: [remove],
    };
  if (state === 'done' && frame?.sweep !== undefined) return { ...shared, ...sweepCard(record, frame.sweep) };
  if (state === 'done') return { ...shared, ...printCard(record, say) };
  // Drawn again it would be the same picture.
  if (state === 'failed' && isModerated && error?.code === 'forbidden')
    return { ...shared, text: message, actions: [remove] };
  const isCancelled = state === 'cancelled';
  return {
    ...shared,
    text: isCancelled ? say('job.cancelled') : message,
    actions: [
      // A sweep is asked for again by its line.
      frame?.sweep === undefined
        ? { id: `again:${id}`, label: say(isCancelled ? 'button.undo' : 'button.try_again') }
        : { id: `recipe:${id}`, label: say('button.recipe') },
      remove,
    ],
  };
}

/** The pictures of a job that were kept from sight. */
export const revealedCard = (record: JobRecord, say: Say): Card => ({
  locale: say.locale,
  text: '',
  pictures: (record.frame?.sweep === undefined
    ? cardPictures(record, say)
    : sweepPictures(record, record.frame.sweep, say)
  ).map((picture) => ({ ...picture, isSpoiler: false })),
});

/** Offered where a picture is hidden. @param number of the picture that is meant, from 1 */
const revealOf = ({ id }: JobRecord, pictures: readonly CardPicture[], number?: number) =>
  pictures.some(({ isSpoiler }) => isSpoiler) && {
    reveal: ['reveal', id, ...(number === undefined ? [] : [number])].join(':'),
  };

/** What stands in the place of a deleted picture for some seconds. */
export function deletedCard({ id, frame }: JobRecord): Card {
  const say = sayOf({ ...(frame && { frame }) });
  return { text: say('job.deleted'), actions: [{ id: `undelete:${id}`, label: say('button.undo') }] };
}

/** One picture of several, with its own buttons. */
export function pictureCard(record: JobRecord, index: number, say: Say): Card {
  const { id, request } = record;
  const numbered = ({ id: action, ...rest }: CardAction) => ({ ...rest, id: `${action}:${index + 1}` });
  const pictures = cardPictures(record, say).slice(index, index + 1);
  return {
    locale: say.locale,
    text: '',
    pictures,
    ...revealOf(record, pictures, index + 1),
    about: aboutOf(record, say),
    footer: [shortName(request.model), say('job.seed', { seed: seedOfPicture(request, index) })].join(
      ' \u00b7 ',
    ),
    actions: actionsOfOne({ ...record, pictures: record.pictures.slice(index, index + 1) }, say).map(
      numbered,
    ),
    more: [
      { id: `star:${id}:${index + 1}`, label: say('button.star') },
      { id: `recipe:${id}:${index + 1}`, label: say('button.recipe') },
    ],
  };
}

function printCard(
  record: JobRecord,
  say: Say,
): Pick<Card, 'text' | 'pictures' | 'reveal' | 'footer' | 'actions' | 'more'> {
  const { id, request, seconds } = record;
  const pictures = cardPictures(record, say);
  const isOne = pictures.length === 1;
  const seeds =
    request.numImages > 1
      ? say('job.seeds', { first: request.seed, last: seedOfPicture(request, request.numImages - 1) })
      : say('job.seed', { seed: request.seed });
  const isDrawing = request.upscaleImage === undefined;
  return {
    text: '',
    pictures,
    ...revealOf(record, pictures),
    footer: [
      ...(record.frame?.finish === undefined ? [] : [say('job.draft')]),
      shortName(request.model),
      ...(isDrawing ? [seeds] : [...enlargedBy(record), `${pictures[0]?.width}x${pictures[0]?.height}`]),
      ...(seconds === undefined ? [] : [say('job.seconds', { seconds: seconds.toFixed(1) })]),
    ].join(' \u00b7 '),
    actions: isOne ? actionsOfOne(record, say) : actionsOfMany(record, say),
    more: [
      ...(isOne
        ? []
        : pictures.map((_, i) => ({
            id: `show:${id}:${i + 1}`,
            label: say('button.picture_number', { number: i + 1 }),
          }))),
      ...otherStarts(record, say),
      ...(isDrawing ? [{ id: `reroll:${id}`, label: say('button.reroll') }] : []),
      ...(isOne && isDrawing ? [{ id: `creative:${id}`, label: say('button.creative') }] : []),
      ...(isOne ? furtherActions(record, say) : []),
      ...(isOne ? [{ id: `star:${id}`, label: say('button.star') }] : []),
      { id: `recipe:${id}`, label: say('button.recipe') },
      ...(isFolded(record) ? [{ id: `notes:${id}`, label: say('button.notes') }] : []),
      { id: `delete:${id}`, label: say('button.delete'), style: 'danger' },
    ],
  };
}

/** The upscaler, where it is one that somebody chose. */
function enlargedBy({ request: { upscaleImage } }: JobRecord): string[] {
  const name = upscaleImage?.upscaler;
  return name === undefined || builtInUpscaler(name) !== undefined ? [] : [name];
}

/** Its pictures as one, and each to be opened. */
function sweepCard(
  record: JobRecord,
  sweep: SweepFrame,
): Pick<Card, 'text' | 'pictures' | 'reveal' | 'footer' | 'cells' | 'actions' | 'more'> {
  const say = sayOf(record);
  const { id, request, seconds } = record;
  const { drawn = [], cells, axes } = sweep;
  const own = drawn.flatMap((picture, i) => {
    if (picture === null) return [];
    const label = labelOfCell(sweep, i);
    const alt = say('sweep.cell_alt', { prompt: request.prompt, label });
    return [{ id: `cell:${cells[i]}`, label, picture: cardPicture(record, picture, alt) }];
  });
  const pictures = sweepPictures(record, sweep, say);
  const named = (option: string) => axes.some((one) => one.option === option);
  return {
    text: '',
    pictures,
    ...revealOf(record, pictures),
    footer: [
      say('sweep.pictures', { count: own.length }),
      ...(named('model') ? [] : [shortName(request.model)]),
      ...(named('seed') ? [] : [say('job.seed', { seed: request.seed })]),
      ...(seconds === undefined ? [] : [say('job.seconds', { seconds: seconds.toFixed(1) })]),
    ].join(' \u00b7 '),
    cells: own,
    actions: [
      { id: `recipe:${id}`, label: say('button.recipe') },
      ...(isFolded(record) ? [{ id: `notes:${id}`, label: say('button.notes') }] : []),
      { id: `delete:${id}`, label: say('button.delete'), style: 'danger' },
    ],
  };
}

/** Whether a card has no room for all of its notes. */
const isFolded = (record: JobRecord) => (frameOf(record).notes ?? []).join(' ').length > NOTE_CHARACTERS;

function cardPictures(record: JobRecord, say: Say): CardPicture[] {
  const { prompt, seed, numImages } = record.request;
  // Of a job that goes on only some are there.
  const count = Math.max(record.pictures.length, numImages);
  return record.pictures.map((picture, i) => {
    // Pictures of a grid need names that differ for those who hear them.
    const alt = count > 1 ? say('job.picture_of_many', { prompt, number: i + 1, count }) : prompt;
    return { ...cardPicture(record, picture, alt), seed: seed + i };
  });
}

/** The grid of a sweep. */
function sweepPictures(record: JobRecord, { axes }: SweepFrame, say: Say): CardPicture[] {
  const { prompt } = record.request;
  const alt = say('sweep.alt', { prompt, options: axes.map(({ option }) => option) });
  return record.pictures.map((picture) => cardPicture(record, picture, alt));
}

const cardPicture = (
  { frame }: JobRecord,
  { id, width, height, finding }: JobRecord['pictures'][number],
  alt: string,
): CardPicture => ({
  ...{ id, width, height, alt },
  isSpoiler: isHiddenUntilOpened(frame?.moderation, finding),
});
