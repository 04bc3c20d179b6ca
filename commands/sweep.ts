/** /sweep: the same picture with one to three options in several values each, as one labelled grid. */
import { randomInt, randomUUID } from 'node:crypto';
import type { Attachment, Invocation } from '../adapters/adapter.ts';
import type { Card } from '../adapters/card.ts';
import { DarkroomError } from '../src/errors.ts';
import type { Moderation } from '../src/job.ts';
import { LIMITS } from '../src/request.ts';
import { type Say, sentence, type Words } from '../src/sentences.ts';
import type { JobRecord, PlannedCell } from '../src/store/jobs.ts';
import { aboutOf, endCard, frameOf } from './cards.ts';
import { type Context, defineCommand, lineOptions, parseValues } from './command.ts';
import { DRAFT_OPTIONS, type DraftValues, TYPED_OPTIONS } from './draft.ts';
import type { Follower } from './follow.ts';
import { type DrawPorts, imagine, orderOf } from './imagine.ts';
import { requireLicences } from './licences.ts';
import { quote, quoteWord } from './line-tokens.ts';
import { Policy, tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';
import { timeText } from './progress-text.ts';
import { requirePromptRules } from './prompt-rules.ts';
import { removeJob } from './retention.ts';
import { type Prepared, requireChecked, type Submit } from './submit.ts';
import { type Axis, cellValues, countCells, SWEEP_LIMITS, takeAxes } from './sweep-axes.ts';

export type SweepCommandPorts = DrawPorts &
  Pick<Submit, 'prepare' | 'keepUploads'> &
  Pick<Ports, 'queue' | 'jobs' | 'pictures' | 'hasClassifier'> & {
    readonly follower: Pick<Follower, 'follow'>;
  };

/** A value that leaves an option out: a picture without a LoRA beside those with one. */
const NONE = 'none';

export const sweep = defineCommand({
  name: 'sweep',
  description: 'describe.sweep',
  options: {
    prompt: {
      type: 'text',
      description: 'describe.sweep.prompt',
      example: 'a red mug on a table steps=5,10,20 cfg=2..6+2',
    },
    picture: { type: 'picture', description: 'describe.imagine.picture' },
    mask: { type: 'picture', description: 'describe.imagine.mask' },
    control_picture: { type: 'picture', description: 'describe.imagine.control_picture' },
  },
  typed: { ...DRAFT_OPTIONS, ...TYPED_OPTIONS },
  examples: [
    '/sweep a red mug on a table steps=5,10,20 cfg=2..6+2',
    '/sweep a blue boat sampler=euler,dpmpp_2m,ddim --seed 7',
  ],
  async run(given: DraftValues, context: Context<SweepCommandPorts>) {
    const { invocation, reply, say, ports } = context;
    const policy = await Policy.of(invocation, ports);
    policy.requireEntry();
    const { axes, values } = readAxes(given);
    requireFew(axes, policy);
    if ((values.n ?? 1) > 1) throw new DarkroomError('bad_request', sentence('sweep.one_each'));
    if (values.draft === 'on') throw new DarkroomError('bad_request', sentence('sweep.no_draft'));
    const isSeedSwept = axes.some(({ option }) => option === 'seed');
    const seed = values.seed === undefined || values.seed === -1 ? randomInt(LIMITS.seed.max) : values.seed;
    const base: DraftValues = isSeedSwept ? values : { ...values, seed };
    const prepared = await prepareCells(base, axes, context);
    const id = randomUUID();
    const line = lineOf(base, axes);
    const seconds = await ports.queue.sweeps.requireRoom(prepared.map(({ record }) => record));
    try {
      const record = await plan({ id, axes, line }, prepared, ports);
      await ports.queue.sweeps.plan(record);
      await reply.post(offerCard(record, seconds, policy, say));
    } catch (error) {
      await ports.pictures.removeOf(id);
      throw error;
    }
  },
});

/** Axes may stand anywhere in the words, also behind what a picture should not show. */
function readAxes(given: DraftValues): { axes: readonly Axis[]; values: DraftValues } {
  const axes: Axis[] = [];
  const read = (text: string | undefined) => {
    if (text === undefined) return undefined;
    const taken = takeAxes(text, imagine);
    axes.push(...taken.axes);
    return taken.rest;
  };
  const { prompt = '', no, ...rest } = given;
  const [words, without] = [read(prompt), read(no)];
  const twice = axes.find(({ option }, i) => axes.findIndex((one) => one.option === option) !== i);
  if (twice !== undefined) {
    throw new DarkroomError('bad_request', sentence('sweep.axis_twice', { option: twice.option }));
  }
  return { axes, values: { ...rest, prompt: words ?? '', ...(without !== undefined && { no: without }) } };
}

function requireFew(axes: readonly Axis[], policy: Policy): void {
  const count = countCells(axes);
  const most = policy.number('max_sweep');
  if (most === undefined || count <= most) return;
  throw new DarkroomError(
    'forbidden',
    sentence('policy.at_most', {
      asked: sentence('sweep.of_pictures', { count }),
      whose: policy.source('max_sweep'),
      limit: Math.min(most, SWEEP_LIMITS.cells),
      key: 'max_sweep',
    }),
  );
}

async function prepareCells(
  base: DraftValues,
  axes: readonly Axis[],
  { invocation, ports, notes = [] }: Context<SweepCommandPorts>,
): Promise<Prepared[]> {
  const shared = readOnce(invocation, ports);
  const prepared: Prepared[] = [];
  for (const cell of cellValues(axes)) {
    const named = Object.entries(cell).filter(([, value]) => value.toLowerCase() !== NONE);
    const own = parseValues(imagine, Object.fromEntries(named), invocation.platform);
    const left = Object.entries(base).filter(([name]) => !Object.hasOwn(cell, name));
    const order = await orderOf({ ...Object.fromEntries(left), ...own }, { ...shared, notes }, 'imagine');
    // All of them together are asked for later.
    prepared.push(await ports.prepare(order, async () => undefined));
  }
  return prepared;
}

/** Each picture of the invocation is fetched and read once for all of the sweep's. */
function readOnce<P extends Pick<Ports, 'readUpload'>>(invocation: Invocation, ports: P) {
  const attachments = invocation.attachments.map((one): Attachment => {
    let reading: Promise<Uint8Array> | undefined;
    const read = () => {
      reading ??= one.read();
      return reading;
    };
    return { ...one, read };
  });
  const uploads = new Map<Uint8Array, Map<string, ReturnType<P['readUpload']>>>();
  const readUpload: Ports['readUpload'] = (bytes, use, turned) => {
    const known = uploads.get(bytes) ?? new Map();
    uploads.set(bytes, known);
    const found = known.get(use) ?? ports.readUpload(bytes, use, turned);
    known.set(use, found);
    return found;
  };
  return { invocation: { ...invocation, attachments }, ports: { ...ports, readUpload } };
}

/** The sweep's own job with what its pictures will be; uploads are stored for it. */
async function plan(
  { id, axes, line }: { readonly id: string; readonly axes: readonly Axis[]; readonly line: string },
  prepared: readonly Prepared[],
  { keepUploads }: Pick<Submit, 'keepUploads'>,
): Promise<JobRecord> {
  const kept = new Map<Uint8Array, string>();
  const cells: JobRecord[] = [];
  for (const { record, sources, isOfHidden } of prepared) {
    const known = sources.map(([role, source]) => {
      const picture = kept.get(source.bytes);
      return [role, picture === undefined ? source : { ...source, from: { id: picture } }] as const;
    });
    const cell = await keepUploads({ record: { ...record, id }, sources: known, isOfHidden });
    for (const [role, { bytes }] of sources) kept.set(bytes, cell.inputs[role]!);
    cells.push(cell);
  }
  const [first] = cells;
  const isCommon = (note: Words) =>
    cells.every(({ notes }) => notes.some((one) => JSON.stringify(one) === JSON.stringify(note)));
  const common = first!.notes.filter(isCommon);
  const planned = cells.map(({ request, inputs, notes }): PlannedCell => ({ request, inputs, notes }));
  return {
    ...first!,
    state: 'cancelled',
    notes: common,
    frame: { ...first!.frame, sweep: { axes, line, cells: cells.map(() => randomUUID()), planned } },
  };
}

/** What it costs, before anything is drawn. */
function offerCard(record: JobRecord, seconds: number, policy: Policy, say: Say): Card {
  const { axes, cells } = record.frame!.sweep!;
  const daily = policy.number('quota_gpu_seconds_per_day');
  const waiting = policy.number('quota_waiting');
  const quota = [
    ...(daily === undefined
      ? []
      : [say('sweep.of_day', { seconds: rounded(seconds), limit: rounded(daily) })]),
    ...(waiting === undefined ? [] : [say('sweep.of_waiting', { count: cells.length, limit: waiting })]),
  ];
  return {
    ...frameOf(record),
    about: aboutOf(record, say),
    text: [say('sweep.offer', { count: cells.length, time: timeText(seconds, say) }), ...quota].join(' '),
    fields: axes.map(({ option, values }) => ({ name: option, value: values.join(', ') })),
    actions: [
      { id: `start:${record.id}`, label: say('button.start'), style: 'primary' },
      { id: `drop:${record.id}`, label: say('button.cancel') },
    ],
  };
}

const rounded = (seconds: number) =>
  String(seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds));

/** The Start button: the offer's message becomes that of the sweep. */
export async function startSweep(record: JobRecord, context: Context<SweepCommandPorts>): Promise<void> {
  const { invocation, reply, ports } = context;
  requireAsker(record, invocation);
  const { planned, ...sweepFrame } = record.frame!.sweep!;
  if (planned === undefined) throw new DarkroomError('bad_request', sentence('sweep.is_started'));
  const policy = await Policy.of(invocation, ports);
  policy.requireEntry();
  requireFew(sweepFrame.axes, policy);
  const tenant = tenantOf(invocation);
  let moderation: Moderation | undefined;
  // Everything that may have changed since it was offered.
  for (const { request } of planned) {
    policy.requireAllowed(request);
    await requireLicences(request, tenant, ports);
    await requirePromptRules(request, policy, { settings: ports.settings, tenant });
    moderation = requireChecked(policy, await ports.models.resolve(request.model), ports);
  }
  const { inputs: _inputs, sweep: _sweep, thread: _thread, moderation: _moderation, ...kept } = record.frame!;
  const frame = { ...kept, ...(moderation !== undefined && { moderation }) };
  const at = Date.now();
  const share = invocation.where.tenant === undefined ? {} : { share: policy.share(tenantOf(invocation)) };
  const cells = planned.map(
    (cell, i): JobRecord => ({
      ...{ ...record, ...cell, ...share, at, id: sweepFrame.cells[i]!, state: 'queued', pictures: [] },
      frame: { ...frame, cell: { sweep: record.id } },
    }),
  );
  const { moderation: _before, ...ofSweep } = record.frame!;
  const started: JobRecord = {
    ...{ ...record, at, state: 'running' },
    frame: { ...ofSweep, ...(moderation !== undefined && { moderation }), sweep: sweepFrame },
  };
  await ports.queue.sweeps.start(started, byModel(cells));
  if (invocation.input.kind === 'action') await reply.take(invocation.input.message);
  await ports.follower.follow(started, reply);
}

/** Pictures of the same model and LoRAs go together, so that each is opened once. */
function byModel(cells: readonly JobRecord[]): JobRecord[] {
  const keyOf = ({ request: { model, loras = [], vae = '' } }: JobRecord) =>
    JSON.stringify([model, loras.map(({ file }) => file), vae]);
  const models = Map.groupBy(cells, ({ request }) => request.model);
  return [...models.values()].flatMap((group) => [...Map.groupBy(group, keyOf).values()].flat());
}

/** The Cancel button of an offer. */
export async function dropSweep(record: JobRecord, context: Context<SweepCommandPorts>): Promise<void> {
  const { invocation, reply, ports } = context;
  requireAsker(record, invocation);
  if (record.frame?.sweep?.planned === undefined) {
    throw new DarkroomError('bad_request', sentence('sweep.is_started'));
  }
  await removeJob(record, ports);
  if (invocation.input.kind === 'action') await reply.delete(invocation.input.message);
}

function requireAsker({ user }: JobRecord, invocation: Invocation): void {
  if (user.id === invocation.user.id) return;
  throw new DarkroomError('forbidden', sentence('sweep.not_yours', { name: user.name }));
}

/** One picture of a sweep by itself. */
export async function openCell(record: JobRecord, { reply, say }: Context<unknown>): Promise<void> {
  const { job: _job, thread: _thread, ...card } = endCard(record);
  const more = (card.more ?? []).filter(({ id }) => !id.startsWith('delete:'));
  if (record.pictures.length === 0) {
    throw new DarkroomError('not_found', record.error?.sentence ?? sentence('action.no_picture_yet'));
  }
  const { isPrivate: _private, ...shown } = card;
  await reply.postEphemeral({ ...shown, locale: say.locale, more });
}

/** The line that makes the sweep again. */
function lineOf({ prompt = '', ...values }: DraftValues, axes: readonly Axis[]): string {
  const options = lineOptions(imagine);
  const flags = Object.entries(values).flatMap(([name, value]) => {
    const { flag, type } = options[name] ?? {};
    if (flag === undefined) return [];
    return [`${flag} ${type === 'text' ? quote(String(value)) : quoteWord(String(value))}`];
  });
  const swept = axes.map(({ option, values: all }) => `${option}=${all.map(quoteValue).join(',')}`);
  return [prompt, ...swept, ...flags].filter((part) => part !== '').join(' ');
}

const quoteValue = (value: string) => (/[\s,"]/.test(value) ? `"${value.replaceAll('"', '')}"` : value);
