/** The buttons of a card: `verb:JOB`, so that they work after a restart too. */
import { DarkroomError, offer } from '../src/errors.ts';
import { inWordsOf, otherFiles } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { deletedCard, endCard, pictureCard, revealedCard } from './cards.ts';
import type { Context } from './command.ts';
import type { Deletions } from './deletions.ts';
import {
  again,
  edit,
  finish,
  from,
  redraw,
  reroll,
  upscale,
  use,
  vary,
  varyStrong,
  varySubtle,
} from './derive.ts';
import { findNext } from './find.ts';
import { requireDeletedJob, requireJob, requireOwnJob } from './job-access.ts';
import { haltDownload } from './model-add.ts';
import { OUTPAINT_ACTIONS } from './outpaint.ts';
import type { Ports } from './ports.ts';
import { showRecipe } from './recipe.ts';
import { removeJob } from './retention.ts';
import { decide, isReviewVerb } from './review.ts';
import { type ConfigPorts, undoById } from './setting-change.ts';
import { dropSweep, openCell, type SweepCommandPorts, startSweep } from './sweep.ts';
import { showSheets } from './usage.ts';

export type ActionPorts = SweepCommandPorts &
  ConfigPorts &
  Pick<
    Ports,
    | 'jobs'
    | 'queue'
    | 'pictures'
    | 'gallery'
    | 'unpost'
    | 'replace'
    | 'findPosted'
    | 'arePixelsEqual'
    | 'readPictureText'
    | 'downloads'
    | 'onError'
  > & {
    readonly deletions: Deletions;
  } & Pick<Ports, 'reviews' | 'usage'>;
type ActionContext = Context<ActionPorts>;

/** @param index of the picture that is meant */
type Action = (record: JobRecord, context: ActionContext, index: number) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  reroll,
  finish,
  again: startAgain,
  vary,
  vary_subtle: varySubtle,
  vary_strong: varyStrong,
  ...OUTPAINT_ACTIONS,
  from,
  edit,
  upscale,
  creative: redraw,
  use,
  show,
  reveal,
  notes: showNotes,
  star,
  recipe: showRecipe,
  start: startSweep,
  drop: dropSweep,
  cell: openCell,
  delete: remove,
  remove: removeNow,
  cancel,
};

/** @throws DarkroomError for an unknown button, a job that is gone, or one that is another's */
export async function act(action: string, context: ActionContext): Promise<void> {
  const [verb = '', job = '', picture] = action.split(':');
  if (verb === 'undo') return undoById(job, context);
  if (verb === 'halt') return haltDownload(job, context);
  if (verb === 'undelete') return undelete(job, context);
  if (verb === 'csv') return showSheets(action, context);
  if (verb === 'find') return findNext(action, context);
  if (isReviewVerb(verb)) return decide(verb, job, picture !== undefined, context);
  const known = Object.hasOwn(ACTIONS, verb) ? ACTIONS[verb] : undefined;
  if (known === undefined) {
    throw new DarkroomError(
      'bad_request',
      sentence('action.unknown', { verb, offer: offer(verb, Object.keys(ACTIONS)) }),
    );
  }
  const record = await requireJob(job, context.invocation, context.ports);
  requireFitting(verb, record);
  const index = Number(picture ?? 1) - 1;
  const one = picture === undefined ? record : { ...record, request: inWordsOf(record.request, index) };
  await known(one, context, index);
}

/** What can be done with a sweep as a whole; the rest is for one of its pictures. */
const OF_SWEEP = ['start', 'drop', 'recipe', 'notes', 'reveal', 'delete', 'remove', 'cancel'];
const ONLY_OF_SWEEP = ['start', 'drop'];

function requireFitting(verb: string, { frame }: JobRecord): void {
  const count = frame?.sweep?.cells.length;
  if (count === undefined && ONLY_OF_SWEEP.includes(verb)) {
    throw new DarkroomError('bad_request', sentence('sweep.is_none'));
  }
  if (count !== undefined && !OF_SWEEP.includes(verb)) {
    throw new DarkroomError('bad_request', sentence('sweep.open_one', { count }));
  }
}

/** In the message of the job that was cancelled or failed. */
async function startAgain(record: JobRecord, context: ActionContext): Promise<void> {
  const { invocation, reply } = context;
  const isOver = record.state === 'cancelled' || record.state === 'failed';
  if (isOver && invocation.input.kind === 'action') await reply.take(invocation.input.message);
  const { id } = await again(record, context);
  if (!isOver) await compare(record, id, context);
}

/** Whether a picture that was made again is the same to the pixel, or which of its files are others by now, on its card. */
async function compare(record: JobRecord, id: string, { reply, say, ports }: ActionContext): Promise<void> {
  const made = await ports.jobs.get(id);
  if (made?.state !== 'done') return;
  const pairs = record.pictures.map((picture, i) => [picture.id, made.pictures[i]?.id] as const);
  const replaced = new Set<string>();
  const equal = await Promise.all(
    pairs.map(async ([one, other]) => {
      const [before, after] = await Promise.all([
        ports.pictures.get(one),
        other === undefined ? undefined : ports.pictures.get(other),
      ]);
      if (before === undefined || after === undefined) return false;
      for (const name of otherFiles(ports.readPictureText(before), ports.readPictureText(after)))
        replaced.add(name);
      return ports.arePixelsEqual(before, after);
    }),
  );
  const note = equal.every(Boolean)
    ? say('action.same_pixels')
    : replaced.size > 0
      ? say('action.other_files', { names: [...replaced] })
      : say('action.other_pixels');
  const card = endCard(made);
  await reply.post({ ...card, notes: [...(card.notes ?? []), note] });
}

/** One picture of several, with its own buttons. */
async function show(record: JobRecord, { reply, say }: ActionContext, index: number): Promise<void> {
  if (record.pictures[index] === undefined) {
    throw new DarkroomError(
      'bad_request',
      sentence('action.no_such_picture', { count: record.pictures.length }),
    );
  }
  await reply.postEphemeral(pictureCard(record, index, say));
}

/** Per person: pressed again, it is taken back. */
async function star(
  record: JobRecord,
  { invocation, reply, say, ports }: ActionContext,
  index: number,
): Promise<void> {
  const picture = record.pictures[index];
  if (picture === undefined) throw new DarkroomError('bad_request', sentence('star.which'));
  const { isStarred, stars } = await ports.gallery.toggleStar(picture.id, invocation.user.id);
  await reply.postEphemeral({ text: isStarred ? say('star.given', { count: stars }) : say('star.taken') });
}

/** Pictures that were kept from sight, for whoever wants to see them; one of them where it was shown by itself. */
async function reveal(
  record: JobRecord,
  { invocation, reply, say }: ActionContext,
  index: number,
): Promise<void> {
  const isOne = invocation.input.kind === 'action' && invocation.input.action.split(':').length > 2;
  const card = revealedCard(record, say);
  const pictures = isOne ? card.pictures?.slice(index, index + 1) : card.pictures;
  if (!pictures?.length) throw new DarkroomError('not_found', sentence('action.job_gone'));
  await reply.postEphemeral({ ...card, pictures });
}

/** All of what a card has no room for. */
async function showNotes(record: JobRecord, { reply, say }: ActionContext): Promise<void> {
  await reply.postEphemeral({ text: record.notes.map(say.words).join('\n') });
}

/** The picture goes from its message at once; the rest follows when nobody has undone it. */
async function remove(record: JobRecord, { invocation, reply, say, ports }: ActionContext): Promise<void> {
  await requireOwnJob(record, 'delete', invocation, ports);
  // Words stand in another message than the picture, where nobody would find the Undo: they are asked about first.
  if (invocation.input.kind !== 'action') {
    const sure = { id: `remove:${record.id}`, label: say('button.delete'), style: 'danger' } as const;
    return void (await reply.postEphemeral({ text: say('action.delete_sure'), actions: [sure] }));
  }
  const { message } = invocation.input;
  await ports.queue.cancel(record.id);
  await ports.jobs.setDeleted(record.id, true);
  await reply.take(message);
  await reply.post(deletedCard(record));
  ports.deletions.finishLater(record, () => reply.delete(message));
}

async function undelete(id: string, { invocation, reply, ports }: ActionContext): Promise<void> {
  const record = await requireDeletedJob(id, invocation, ports);
  await requireOwnJob(record, 'delete', invocation, ports);
  await ports.deletions.undo(record);
  if (invocation.input.kind === 'action') await reply.take(invocation.input.message);
  await reply.post(endCard(record));
}

/** For good, where whoever asks has been asked whether they mean it. */
async function removeNow(record: JobRecord, { invocation, ports }: ActionContext): Promise<void> {
  await requireOwnJob(record, 'delete', invocation, ports);
  await removeJob(record, ports);
}

async function cancel(record: JobRecord, { invocation, ports }: ActionContext): Promise<void> {
  await requireOwnJob(record, 'cancel', invocation, ports);
  if (await ports.queue.cancel(record.id)) return;
  throw new DarkroomError('bad_request', sentence('action.ended'));
}
