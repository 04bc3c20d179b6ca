/**
 * The desk where jobs are taken in, followed and handed out: what imagine, edit and the buttons share. It
 * knows requests and records, no platform.
 */
import { randomUUID } from 'node:crypto';
import type { Attachment, Invocation, Platform, Reply, User } from '../adapters/adapter.ts';
import type { Card, CardPicture } from '../adapters/card.ts';
import { DarkroomError, describeError } from '../src/errors.ts';
import { freezeRequest, type GenerationRequest, type RequestDraft } from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { endCard, liveCard } from './cards.ts';
import { followJob, type LiveEvent } from './job-card.ts';
import { Policy } from './policy.ts';
import type { ModelInfo, Ports } from './ports.ts';
import { describeUntaught } from './untaught.ts';

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
  /** The transparent part of an upload, where there is one. */
  readonly transparency?: { readonly share: number; readonly mask: Uint8Array };
  /** What an upload said about how it was made. */
  readonly texts?: ReadonlyMap<string, string>;
}

export interface Order {
  readonly invocation: Invocation;
  readonly reply: Reply;
  readonly model: ModelInfo;
  /** Its pictures are referred to by their roles. */
  readonly draft: RequestDraft;
  readonly pictures?: Partial<Readonly<Record<PictureRole, Source>>>;
}

/** Milliseconds between two looks for ends that nobody shows. */
const SWEEP = 5000;
/** Milliseconds between two looks for pictures that are older than their server keeps them. */
const EXPIRY = 60 * 60 * 1000;
const DAY = 24 * 60 * 60 * 1000;

/** The message of a job, from the adapter of its platform. */
export type Reopen = (record: JobRecord) => Promise<Reply | undefined>;

export class Desk {
  readonly ports: Ports;
  /** The latest state of jobs that wait or run. */
  readonly #live = new Map<string, LiveEvent>();

  #isReleased = false;
  #sweeping: NodeJS.Timeout | undefined;
  #expiring: NodeJS.Timeout | undefined;

  constructor(ports: Ports) {
    this.ports = ports;
  }

  /**
   * Takes an order in and follows it to its end.
   * @throws DarkroomError before anything is shown: the order was refused
   */
  async accept({ invocation, reply, model, draft, pictures = {} }: Order): Promise<void> {
    const policy = await Policy.of(invocation, this.ports);
    policy.requireEntry();
    const { source } = pictures;
    const { request, notes } = freezeRequest(draft, {
      model: model.name,
      defaults: model.defaults,
      ...(source && { imageSize: source }),
    });
    policy.requireAllowed(request);
    const given = Object.entries(pictures);
    const id = randomUUID();
    const kept = await Promise.all(
      given.map(async ([role, one]) => [role, await this.#keep(one, id)] as const),
    );
    // What came with the message is shown with it from now on.
    const inputs = kept.flatMap(([role, one]) => ('name' in pictures[role as PictureRole]!.from ? one : []));
    const record: JobRecord = {
      id,
      at: Date.now(),
      user: invocation.user,
      platform: invocation.platform,
      channel: invocation.channel,
      request,
      inputs: Object.fromEntries(kept.map(([role, { id }]) => [role, id])),
      state: 'queued',
      notes: [
        ...given.flatMap(([, one]) => one.notes),
        ...(await this.#unread(request)),
        ...describeUntaught(request.prompt, model),
        ...notes,
      ],
      frame: {
        ...(inputs.length > 0 && { inputs }),
        ...(policy.value('result_visibility') === 'private' && { isPrivate: true }),
        ...(policy.isOn('thread_per_request') && { thread: request.prompt }),
      },
      pictures: [],
      ...(invocation.where.tenant !== undefined && { share: policy.share(invocation.where.tenant) }),
    };
    try {
      await this.ports.queue.submit(record);
    } catch (error) {
      await this.ports.pictures.removeOf(id);
      throw error;
    }
    await this.#follow(record, reply);
  }

  /** @throws DarkroomError('bad_picture' | 'too_large') */
  async openAttachment({ bytes, name }: Attachment, role: PictureRole = 'source'): Promise<Source> {
    const upload = await this.ports.readUpload(bytes, role === 'source' ? 'picture' : role);
    return { ...upload, from: { name } };
  }

  /**
   * The picture of the message that was replied to; undefined where none was.
   * @throws DarkroomError('bad_request') for a reply to a message without a picture
   */
  async openReplied({ repliedTo, attachments }: Invocation): Promise<Source | undefined> {
    if (repliedTo === undefined) return undefined;
    const [id] = repliedTo.pictureIds;
    if (id === undefined) {
      // Words in a thread of pictures that came along themselves.
      if (attachments.length > 0) return undefined;
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
    return { bytes, ...this.ports.sizeOf(bytes), from: { id }, notes };
  }

  /** @throws DarkroomError('not_found') */
  async job(id: string): Promise<JobRecord> {
    const record = await this.ports.jobs.get(id);
    if (record === undefined) {
      throw new DarkroomError('not_found', 'That job is not here any more. Send its words again.');
    }
    return record;
  }

  /** The job that made a picture. */
  jobOfPicture(picture: string): Promise<JobRecord | undefined> {
    return this.ports.jobs.ofPicture(picture);
  }

  /** A person's jobs that wait or run, oldest first, each with its latest event. */
  async liveJobs(user: User) {
    const records = await this.ports.jobs.aliveOf(user.id);
    return records.map((record) => ({ record, event: this.#live.get(record.id) }));
  }

  /** Says something in another channel; that it cannot be said there is no reason to fail. */
  async post({ platform }: Invocation, channel: string, card: Card): Promise<void> {
    await this.ports.post(platform, channel, card).catch((error: unknown) => this.#report(error));
  }

  async cancel(record: JobRecord): Promise<void> {
    if (!(await this.ports.queue.cancel(record.id))) {
      throw new DarkroomError('bad_request', 'That job has ended already; there is nothing to cancel.');
    }
  }

  /** Forgets a job and its pictures; one that still waits or runs is cancelled. */
  async remove(record: JobRecord): Promise<void> {
    await this.ports.queue.cancel(record.id);
    await this.ports.jobs.remove(record.id);
  }

  /**
   * After a restart: jobs of these platforms that have not ended are followed on, and ends that their threads do
   * not show are shown. From then on ends that were left over are looked for.
   * @param reopen the message of a job, from the adapter of its platform
   * @returns how many jobs are followed on
   */
  async resume(reopen: Reopen, platforms: readonly Platform[]): Promise<number> {
    let followed = 0;
    for (const record of await this.ports.jobs.alive(platforms)) {
      const reply = await reopen(record);
      if (reply === undefined) {
        // Its message was deleted: nobody waits for it. Or another process has shown its end meanwhile.
        if (await this.ports.queue.cancel(record.id)) await this.ports.jobs.remove(record.id);
      } else {
        followed += 1;
        this.#follow(record, reply).catch((error) => this.#report(error));
      }
    }
    await this.#showLeft(reopen, platforms);
    this.#sweeping = setInterval(() => {
      this.#showLeft(reopen, platforms).catch((error) => this.#report(error));
    }, SWEEP);
    this.#sweeping.unref();
    await this.expire();
    this.#expiring = setInterval(() => {
      this.expire().catch((error) => this.#report(error));
    }, EXPIRY);
    this.#expiring.unref();
    return followed;
  }

  /** Forgets the jobs and pictures that are older than picture_retention_days of their server. */
  async expire(now = Date.now()): Promise<void> {
    for (const server of await this.ports.settings.tenantsWith('picture_retention_days')) {
      const rules = await this.ports.settings.rules(server);
      const days = rules.find(({ key }) => key === 'picture_retention_days')?.value;
      if (typeof days !== 'number') continue;
      for (const record of await this.ports.jobs.endedBefore(server, now - days * DAY, 500))
        await this.remove(record);
    }
  }

  /** Shows the ends whose process died, or could not reach the platform, before they were shown. */
  async #showLeft(reopen: Reopen, platforms: readonly Platform[]): Promise<void> {
    for (const id of await this.ports.jobs.endsOf(platforms)) {
      if (this.#live.has(id)) continue;
      const record = await this.ports.jobs.get(id);
      const reply = record && (await reopen(record));
      await this.#showEnd(id, async (card) => reply?.post({ ...record?.frame, ...card }));
    }
  }

  async #follow(record: JobRecord, reply: Reply): Promise<void> {
    const tell = (card: Card) => reply.post({ ...record.frame, ...card });
    let isSeen = true;
    const show = async (event: LiveEvent) => {
      this.#live.set(record.id, event);
      if (isSeen) await tell(liveCard(record, event));
    };
    const onShowError = (error: unknown) => {
      if (!(error instanceof DarkroomError)) return this.#report(error);
      // Nobody can see what becomes of it: its GPU time goes to others.
      isSeen = false;
      this.ports.queue.cancel(record.id).catch((again) => this.#report(again));
      if (error.code !== 'forbidden') return;
      const refusal = describeError(error);
      reply.postEphemeral({ text: refusal.message, error: refusal }).catch((again) => this.#report(again));
    };
    try {
      await followJob(this.ports.queue.watch(record.id), show, onShowError, reply.pace);
      await this.#showEnd(record.id, async (card) => {
        if (isSeen) await tell(card);
      });
    } catch (error) {
      // At a stop the queue's last words are not heard any more. Otherwise the database was away: the job goes on
      // without its chat, and its end is among those that are looked for.
      if (!this.#isReleased) this.#report(error);
    } finally {
      this.#live.delete(record.id);
    }
  }

  /**
   * Shows a job's end in its thread, once: whoever takes it shows it, and it is only then forgotten. What is shown is
   * one message edited in place, so that a second showing after a crash in between changes nothing.
   */
  async #showEnd(id: string, tell: (card: Card) => Promise<unknown>): Promise<void> {
    const record = await this.ports.jobs.takeEnd(id);
    if (record === undefined) return;
    try {
      await tell(endCard(record));
    } catch (error) {
      // Ours: the place is gone or closed. Others may pass, and the end is shown later.
      if (!(error instanceof DarkroomError)) return this.#report(error);
    }
    await this.ports.jobs.endShown(id);
  }

  async #keep({ from, bytes, width, height }: Source, job: string): Promise<CardPicture> {
    if ('id' in from) return { id: from.id, width, height, alt: '' };
    return {
      id: await this.ports.pictures.put(bytes, { job, kind: 'input' }),
      width,
      height,
      alt: from.name,
    };
  }

  /** In the engine's own words, so that its note at the end is no second one. */
  async #unread({ model, prompt, promptSyntax }: GenerationRequest): Promise<string[]> {
    const sentence = await this.ports.models.describeUnread(model, prompt, promptSyntax);
    return sentence === '' ? [] : [sentence];
  }

  /** What has not ended stays as it is, for the next start to resume: the queue's last words are not heard. */
  release(): void {
    this.#isReleased = true;
    clearInterval(this.#sweeping);
    clearInterval(this.#expiring);
  }

  #report(error: unknown): void {
    this.ports.onError?.(error);
  }
}
