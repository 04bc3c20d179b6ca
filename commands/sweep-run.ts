/** A sweep on its way: what its pictures do as one job, and the one picture of them all at its end. */
import { DarkroomError, describeError, wordsOf } from '../src/errors.ts';
import type { JobEvent } from '../src/job.ts';
import { isHiddenUntilOpened } from '../src/moderation/hidden.ts';
import { sayIn, sayWords, sentence, type Words } from '../src/sentences.ts';
import type { JobRecord, SweepFrame } from '../src/store/jobs.ts';
import type { Ports, SweepEnd } from './ports.ts';

export type SweepPorts = Pick<Ports, 'queue' | 'jobs' | 'pictures' | 'drawGrid' | 'sizeOf'>;

/** Longest side of the grid as it fills, and milliseconds between two of them. */
const PREVIEW = { side: 768, pace: 1500 };
/** Failed pictures whose reasons the notes name. */
const MOST_REASONS = 3;

type Ended = Exclude<JobEvent, { state: 'queued' | 'running' }>;
const isEnded = (event: JobEvent | undefined): event is Ended =>
  event !== undefined && event.state !== 'queued' && event.state !== 'running';

/** `steps 10, cfg 3`: what is particular to one picture. @param index in the order of `cells` */
export function labelOfCell({ axes }: Pick<SweepFrame, 'axes'>, index: number): string {
  let rest = index;
  return axes
    .map(({ option, values }) => {
      const value = values[rest % values.length];
      rest = Math.floor(rest / values.length);
      return `${option} ${value}`;
    })
    .join(', ');
}

/**
 * The sweep's state as its pictures change, to its end. Steps are pictures here.
 * @throws where the queue stops before the sweep has ended
 */
export async function* watchSweep(record: JobRecord, ports: SweepPorts): AsyncGenerator<JobEvent> {
  const { cells } = record.frame!.sweep!;
  const events = new Map<string, JobEvent>();
  let changed = Promise.withResolvers<void>();
  const watching = Promise.all(
    cells.map(async (id) => {
      for await (const event of ports.queue.watch(id)) {
        events.set(id, event);
        changed.resolve();
      }
    }),
  );
  watching.catch(() => undefined);
  let preview: Uint8Array | undefined;
  let shown = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    changed = Promise.withResolvers();
    const known = [...events.values()];
    const ended = known.filter(isEnded).length;
    if (ended === cells.length) break;
    // What is checked has no previews.
    if (
      record.frame?.moderation === undefined &&
      ended > shown &&
      performance.now() - drawnAt > PREVIEW.pace
    ) {
      preview = await gridOf(record, await cellsOf(record, ports), ports, PREVIEW.side).catch(
        () => undefined,
      );
      shown = ended;
      drawnAt = performance.now();
    }
    const event = stateOf(known, cells.length, ended);
    if (event !== undefined) yield event.state === 'running' && preview ? { ...event, preview } : event;
    const isOver = await Promise.race([changed.promise.then(() => false), watching.then(() => true)]);
    if (isOver && [...events.values()].filter(isEnded).length < cells.length) {
      throw new Error('the events of a sweep ended before the sweep did');
    }
  }
  await endCells(await cellsOf(record, ports), ports);
  yield await finishSweep(record, ports);
}

function stateOf(known: readonly JobEvent[], steps: number, step: number) {
  const alive = known.filter((event) => !isEnded(event));
  const [first] = alive;
  if (first === undefined) return undefined;
  const etaSeconds = Math.max(...alive.map((one) => ('etaSeconds' in one ? one.etaSeconds : 0)));
  const hasBegun = step > 0 || alive.some(({ state }) => state === 'running');
  if (hasBegun) return { state: 'running', step, steps, etaSeconds } as const;
  const position = Math.min(...alive.map((one) => (one.state === 'queued' ? one.position : 1)));
  return { state: 'queued', position, etaSeconds } as const;
}

/** In the order of `cells`; undefined for one that is gone. */
async function cellsOf({ frame }: JobRecord, { jobs }: SweepPorts): Promise<(JobRecord | undefined)[]> {
  const { cells } = frame!.sweep!;
  const found = new Map((await jobs.getAll(cells)).map((one) => [one.id, one]));
  return cells.map((id) => found.get(id));
}

/** They have no messages of their own, so that nobody shows their ends. */
async function endCells(cells: readonly (JobRecord | undefined)[], { jobs }: SweepPorts): Promise<void> {
  for (const cell of cells) {
    // A reviewer is still to be shown one that waits (follow.ts).
    if (cell !== undefined && cell.frame?.review !== 'held') await jobs.endShown(cell.id);
  }
}

/** Of a sweep that nobody follows, since its process has died. */
export async function finishSweepIfEnded(record: JobRecord, ports: SweepPorts): Promise<void> {
  const cells = await cellsOf(record, ports);
  if (cells.some((cell) => cell?.state === 'queued' || cell?.state === 'running')) return;
  await endCells(cells, ports);
  await finishSweep(record, ports);
}

async function finishSweep(record: JobRecord, ports: SweepPorts): Promise<Ended> {
  const cells = await cellsOf(record, ports);
  const sweep = withDrawn(record, cells);
  const end = await endOf(record, cells, ports);
  const isEnd = await ports.queue.sweeps.finish(record.id, sweep, end);
  if (!isEnd) await removeGrid(end, ports);
  // A reviewer may have decided while the grid was drawn.
  else if (record.frame?.moderation === 'hold') {
    const now = withDrawn(record, await cellsOf(record, ports));
    if (idsOf(now) !== idsOf(sweep)) await redrawSweep(record.id, ports);
  }
  return end.state === 'done' ? { state: 'done' } : end;
}

/**
 * Draws the grid of a sweep once more, since a reviewer has decided about one of its pictures. Of a sweep that has not
 * ended, its end will have it.
 */
export async function redrawSweep(id: string, ports: SweepPorts): Promise<void> {
  for (let i = 0; i < REDRAWS; i++) {
    const record = await ports.jobs.get(id);
    const isEnded = record?.state === 'done' || record?.state === 'failed';
    if (!isEnded || record.frame?.sweep === undefined) return;
    const cells = await cellsOf(record, ports);
    const sweep = withDrawn(record, cells);
    const end = await endOf(record, cells, ports);
    if (end.state === 'cancelled') return;
    const before = record.pictures.map((picture) => picture.id);
    if (await ports.queue.sweeps.change(id, before, sweep, end)) {
      await Promise.all(before.map((picture) => ports.pictures.remove(picture)));
      return;
    }
    // Another process has drawn it meanwhile, from what it knew.
    await removeGrid(end, ports);
  }
}

/** Tries where several decisions come at once. */
const REDRAWS = 5;

const idsOf = ({ drawn = [] }: SweepFrame) => drawn.map((one) => one?.id ?? '').join();

const isHeld = (cell: JobRecord | undefined) => cell?.frame?.review === 'held';

const withDrawn = ({ frame }: JobRecord, cells: readonly (JobRecord | undefined)[]): SweepFrame => ({
  ...frame!.sweep!,
  drawn: cells.map((cell) => cell?.pictures[0] ?? null),
});

/** What the pictures of a sweep make of it; a grid is stored by now. */
async function endOf(
  record: JobRecord,
  cells: readonly (JobRecord | undefined)[],
  ports: SweepPorts,
): Promise<SweepEnd> {
  const { pictures, sizeOf } = ports;
  if (cells.every((cell) => cell?.pictures[0] === undefined)) {
    const error = cells.some(isHeld)
      ? describeError(
          new DarkroomError(
            'forbidden',
            sentence(cells.filter(isHeld).length > 1 ? 'review.held_several' : 'review.held'),
          ),
        )
      : cells.find((cell) => cell?.state === 'failed')?.error;
    return error === undefined ? { state: 'cancelled' } : { state: 'failed', error };
  }
  let png: Uint8Array;
  try {
    png = await gridOf(record, cells, ports);
  } catch (error) {
    return { state: 'failed', error: describeError(error) };
  }
  const id = await pictures.put(png, { job: record.id, kind: 'result' });
  const picture = { id, ...sizeOf(png), ...findingOf(record, cells) };
  return { state: 'done', pictures: [picture], notes: notesOf(record.frame!.sweep!, cells) };
}

async function removeGrid(end: SweepEnd, { pictures }: SweepPorts): Promise<void> {
  if (end.state === 'done') await Promise.all(end.pictures.map(({ id }) => pictures.remove(id)));
}

/** What was found in the pictures of a grid: those that wait, or were refused, are not in it. */
function findingOf(
  { frame }: JobRecord,
  cells: readonly (JobRecord | undefined)[],
): Pick<JobRecord['pictures'][number], 'finding'> {
  if (frame?.moderation === undefined) return {};
  const found = cells.flatMap((cell) => cell?.pictures.map(({ finding }) => finding) ?? []);
  const flagged = found.find((finding) => finding?.isFlagged !== false);
  const isFlagged = found.some((finding) => isHiddenUntilOpened(frame.moderation, finding));
  return { finding: { label: flagged?.label ?? '-', score: flagged?.score ?? 0, isFlagged } };
}

function notesOf(sweep: SweepFrame, cells: readonly (JobRecord | undefined)[]): Words[] {
  const failed = cells.flatMap((cell, i) =>
    cell?.state === 'failed' && cell.error !== undefined
      ? [sentence('sweep.cell_failed', { label: labelOfCell(sweep, i), reason: wordsOf(cell.error) })]
      : [],
  );
  const cancelled = cells.filter((cell) => cell?.state === 'cancelled').length;
  const more = failed.length - MOST_REASONS;
  return [
    ...(cancelled > 0 ? [sentence('sweep.cancelled_cells', { count: cancelled, of: cells.length })] : []),
    ...failed.slice(0, MOST_REASONS),
    ...(more > 0 ? [sentence('sweep.more_failed', { count: more })] : []),
  ];
}

async function gridOf(
  { frame, request }: JobRecord,
  cells: readonly (JobRecord | undefined)[],
  { pictures, drawGrid }: SweepPorts,
  longest?: number,
): Promise<Uint8Array> {
  const { axes } = frame!.sweep!;
  const [columns = [], rows, panels] = axes.map(({ option, values }) =>
    values.map((value) => `${option} ${value}`),
  );
  const opened = await Promise.all(
    cells.map(async (cell) => {
      const [picture] = cell?.pictures ?? [];
      return { cell, picture: picture === undefined ? undefined : await pictures.get(picture.id) };
    }),
  );
  const size = cells.find((cell) => cell?.pictures[0] !== undefined)?.pictures[0] ?? request;
  return drawGrid(
    {
      columns,
      ...(rows && { rows }),
      ...(panels && { panels }),
      cells: opened.map(({ cell, picture }) => ({ picture, missing: missingText(cell) })),
      cell: { width: size.width, height: size.height },
      isEdit: request.image !== undefined || request.referenceImages !== undefined,
    },
    longest,
  );
}

/** In English: the font of the labels has no other letters than Latin ones. */
function missingText(cell: JobRecord | undefined): string {
  const say = sayIn('en');
  if (cell === undefined) return say('sweep.cell_gone');
  if (cell.state === 'failed')
    return say('sweep.failed_here', {
      reason: sayWords('en', wordsOf(cell.error ?? describeError(undefined))),
    });
  if (isHeld(cell)) return say('sweep.held_here');
  return cell.state === 'cancelled' ? say('sweep.cancelled_here') : '';
}
