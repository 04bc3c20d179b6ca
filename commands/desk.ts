/**
 * The desk where jobs are taken in, followed and handed out: what imagine, edit and the buttons share. It
 * knows requests and records, no platform.
 */
import { randomUUID } from 'node:crypto';
import type { Invocation, Person, Reply } from '../adapters/adapter.ts';
import type { Card, CardPicture } from '../adapters/card.ts';
import { DarkroomError, describeError } from '../src/errors.ts';
import type { Job } from '../src/job.ts';
import { freezeRequest, type GenerationRequest, type RequestDraft } from '../src/request.ts';
import type { JobRecord } from '../src/store/store.ts';
import { endCard, liveCard } from './cards.ts';
import { type End, followJob, type LiveEvent } from './job-card.ts';
import { Policy } from './policy.ts';
import type { ModelInfo, Ports } from './ports.ts';

/** What a request refers to its pictures by. */
export type PictureRole = 'source' | 'mask' | 'control';

/** A picture to start from, checked. */
export interface Source {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Its id in the store, or its file's name where it came with the message and is kept on acceptance. */
  readonly from: { readonly id: string } | { readonly name: string };
  readonly notes: readonly string[];
}

export interface Order {
  readonly invocation: Invocation;
  readonly reply: Reply;
  readonly model: ModelInfo;
  /** Its pictures are referred to by their roles. */
  readonly draft: RequestDraft;
  readonly pictures?: Partial<Readonly<Record<PictureRole, Source>>>;
}

/** The message of a job, from the adapter of its platform. */
export type Reopen = (record: JobRecord) => Promise<Reply | undefined>;

export class Desk {
  readonly ports: Ports;
  /** The latest state of jobs that wait or run. */
  readonly #live = new Map<string, LiveEvent>();

  #isReleased = false;

  constructor(ports: Ports) {
    this.ports = ports;
  }

  /**
   * Takes an order in and follows it to its end.
   * @throws DarkroomError before anything is shown: the order was refused
   */
  async accept({ invocation, reply, model, draft, pictures = {} }: Order): Promise<void> {
    const policy = await Policy.of(invocation, this.ports);
    policy.demandEntry();
    const { source } = pictures;
    const { request, notes } = freezeRequest(source ? { ...draft, image: 'source' } : draft, {
      model: model.name,
      defaults: model.defaults,
      ...(source && { imageSize: source }),
    });
    policy.demandAllowed(request);
    const given = Object.entries(pictures);
    const kept = await Promise.all(given.map(async ([role, one]) => [role, await this.#keep(one)] as const));
    const record: JobRecord = {
      id: randomUUID(),
      at: Date.now(),
      owner: invocation.user,
      platform: invocation.platform,
      place: invocation.place,
      request,
      inputs: Object.fromEntries(kept.map(([role, { id }]) => [role, id])),
      state: 'queued',
      notes: [...given.flatMap(([, one]) => one.notes), ...(await this.#unread(request)), ...notes],
      pictures: [],
      ...(invocation.where.server !== undefined && { share: policy.share(invocation.where.server) }),
    };
    await this.#submit(record, new Map(given.map(([role, { bytes }]) => [role, bytes])));
    // What came with the message is shown with it from now on.
    const inputs = kept.flatMap(([role, one]) => ('name' in pictures[role as PictureRole]!.from ? one : []));
    const frame = {
      ...(inputs.length > 0 && { inputs }),
      ...(policy.value('result_visibility') === 'private' && { isPrivate: true }),
      ...(policy.isOn('thread_per_request') && { thread: request.prompt }),
    };
    await this.#follow(record, reply, frame);
  }

  /**
   * The picture an invocation brings or replies to.
   * @throws DarkroomError('bad_request') for several attachments, or a reply to a message without a picture
   */
  async findSource({ attachments, repliedTo }: Invocation): Promise<Source | undefined> {
    const [attachment, surplus] = attachments;
    if (surplus !== undefined) {
      throw new DarkroomError(
        'bad_request',
        `${attachments.length} pictures came; an edit starts from one. Send one.`,
      );
    }
    if (attachment !== undefined) {
      const { width, height } = await this.ports.checkPicture(attachment.bytes);
      return { bytes: attachment.bytes, width, height, from: { name: attachment.name }, notes: [] };
    }
    if (repliedTo === undefined) return undefined;
    const [id] = repliedTo.pictureIds;
    if (id === undefined) {
      throw new DarkroomError(
        'bad_request',
        'The message you reply to has no picture. Reply to one that has, or send your words without a reply.',
      );
    }
    const count = repliedTo.pictureIds.length;
    return this.openSource(id, count > 1 ? [`Started from the first of ${count} pictures.`] : []);
  }

  /** @throws DarkroomError('not_found') for a picture that was deleted */
  async openSource(id: string, notes: readonly string[] = []): Promise<Source> {
    const bytes = await this.ports.pictures.get(id);
    if (bytes === undefined) {
      throw new DarkroomError('not_found', 'The picture to start from was deleted. Choose another one.');
    }
    const { width, height } = await this.ports.checkPicture(bytes);
    return { bytes, width, height, from: { id }, notes };
  }

  /** @throws DarkroomError('not_found') */
  job(id: string): JobRecord {
    const record = this.ports.jobs.get(id);
    if (record === undefined) {
      throw new DarkroomError('not_found', 'That job is not here any more. Send its words again.');
    }
    return record;
  }

  /** The job that made a picture. */
  jobOfPicture(picture: string): JobRecord | undefined {
    return this.ports.jobs.all().findLast(({ pictures }) => pictures.some(({ id }) => id === picture));
  }

  /** A person's jobs that wait or run, oldest first, each with its latest event. */
  liveJobs(user: Person) {
    return this.ports.jobs
      .all()
      .filter(({ owner, state }) => owner.id === user.id && isLive(state))
      .map((record) => ({ record, event: this.#live.get(record.id) }));
  }

  /** Says something in another channel; that it cannot be said there is no reason to fail. */
  async tell({ platform }: Invocation, channel: string, card: Card): Promise<void> {
    await this.ports.tell(platform, channel, card).catch((error: unknown) => this.#report(error));
  }

  cancel(record: JobRecord): void {
    if (!isLive(record.state) || !this.ports.queue.cancel(record.id)) {
      throw new DarkroomError('bad_request', 'That job has ended already; there is nothing to cancel.');
    }
  }

  /** Forgets a job and its pictures; one that still waits or runs is cancelled. */
  async remove(record: JobRecord): Promise<void> {
    this.ports.queue.cancel(record.id);
    await this.ports.jobs.remove(record.id);
    await Promise.all(record.pictures.map(({ id }) => this.ports.pictures.remove(id)));
  }

  /**
   * After a restart: jobs that had not ended are submitted again, and messages that still show an ended one
   * as alive are brought up to date.
   * @param reopen the message of a job, from the adapter of its platform
   * @returns how many jobs run again
   */
  async resume(reopen: Reopen): Promise<number> {
    let again = 0;
    for (const record of this.ports.jobs.all()) {
      const reply = await reopen(record);
      if (!isLive(record.state)) {
        await reply?.show(endCard(record)).catch((error) => this.#report(error));
      } else if (reply === undefined) {
        // Its message was never seen: nobody waits for it.
        await this.ports.jobs.remove(record.id);
      } else {
        again += 1;
        this.#resumeOne(record, reply).catch((error) => this.#report(error));
      }
    }
    return again;
  }

  async #resumeOne(record: JobRecord, reply: Reply): Promise<void> {
    try {
      const inputs = new Map<string, Uint8Array>();
      for (const [reference, id] of Object.entries(record.inputs)) {
        inputs.set(reference, (await this.openSource(id)).bytes);
      }
      await this.#submit(record, inputs);
    } catch (error) {
      await this.#end(record, { state: 'failed', error: describeError(error) }, (card) => reply.show(card));
      return;
    }
    await this.#follow(record, reply);
  }

  /** On the disk first, then in the queue: what the queue refuses is forgotten again. */
  async #submit(record: JobRecord, inputs: Job['inputs']): Promise<void> {
    const { id, owner, request, share } = record;
    await this.ports.jobs.put(record, { durable: true });
    try {
      this.ports.queue.submit({ id, user: owner.id, request, inputs, ...(share && { share }) });
    } catch (error) {
      await this.ports.jobs.remove(id);
      throw error;
    }
  }

  /** @param frame what each card of the job has besides its state */
  async #follow(record: JobRecord, reply: Reply, frame: Partial<Card> = {}): Promise<void> {
    const tell = (card: Card) => reply.show({ ...frame, ...card });
    let isSeen = true;
    const show = async (event: LiveEvent) => {
      this.#live.set(record.id, event);
      if (isSeen) await tell(liveCard(record, event));
    };
    const onShowError = (error: unknown) => {
      if (!(error instanceof DarkroomError)) return this.#report(error);
      // Nobody can see what becomes of it: its GPU time goes to others.
      isSeen = false;
      this.ports.queue.cancel(record.id);
      if (error.code !== 'forbidden') return;
      const refusal = describeError(error);
      reply.whisper({ text: refusal.message, error: refusal }).catch((again) => this.#report(again));
    };
    try {
      const end = await followJob(this.ports.queue.watch(record.id), show, onShowError, reply.pace);
      await this.#end(record, end, async (card) => {
        if (isSeen) await tell(card);
      });
    } finally {
      this.#live.delete(record.id);
    }
  }

  async #end(record: JobRecord, end: End, tell: (card: Card) => Promise<unknown>): Promise<void> {
    // Deleted while it ran: its message is gone, and nothing of it is kept.
    if (this.#isReleased || this.ports.jobs.get(record.id) === undefined) return;
    const ended = await this.#ended(record, end);
    await this.ports.jobs.put(ended, { durable: true });
    await tell(endCard(ended));
  }

  async #ended(record: JobRecord, end: End): Promise<JobRecord> {
    if (end.state === 'failed') return { ...record, state: 'failed', error: end.error };
    if (end.state === 'cancelled') return { ...record, state: 'cancelled' };
    const seconds = (Date.now() - record.at) / 1000;
    const pictures = [];
    for (const { png, width, height } of end.pictures) {
      pictures.push({ id: await this.ports.pictures.put(png), width, height });
    }
    const notes = [...new Set([...record.notes, ...end.notes])];
    return { ...record, state: 'done', pictures, seconds, notes };
  }

  async #keep({ from, bytes, width, height }: Source): Promise<CardPicture> {
    if ('id' in from) return { id: from.id, width, height, alt: '' };
    return { id: await this.ports.pictures.put(bytes), width, height, alt: from.name };
  }

  /** In the engine's own words, so that its note at the end is no second one. */
  async #unread({ model, prompt, promptSyntax }: GenerationRequest): Promise<string[]> {
    const sentence = await this.ports.models.describeUnread(model, prompt, promptSyntax);
    return sentence === '' ? [] : [sentence];
  }

  /** What has not ended stays as it is, for the next start to resume: the queue's last words are not heard. */
  release(): void {
    this.#isReleased = true;
  }

  #report(error: unknown): void {
    this.ports.onError?.(error);
  }
}

const isLive = (state: JobRecord['state']) => state === 'queued' || state === 'running';
