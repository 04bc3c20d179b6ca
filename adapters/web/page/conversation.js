// @ts-check
/**
 * The conversation as it stands: messages in the server's order, each kept once and edited in place.
 * @import { Author, Job, Message, Picture } from './types.js'
 */

export class Conversation {
  /** @type {Map<string, Message>} */
  #messages = new Map();
  /** What changed since the last load began. @type {Set<string>} */
  #changed = new Set();
  /** @type {Author} */
  me;

  /**
   * @param {Author} me
   * @param {{
   *   onChange: (message: Message, before: Message | undefined) => void, onRemove: (id: string) => void,
   * }} view
   */
  constructor(me, view) {
    this.me = me;
    this.view = view;
  }

  get size() {
    return this.#messages.size;
  }

  /** @param {string | null | undefined} id */
  get(id) {
    return id === null || id === undefined ? undefined : this.#messages.get(id);
  }

  all() {
    return [...this.#messages.values()];
  }

  /** @param {Message} message new, or a newer state of one that is there */
  put(message) {
    const before = this.#messages.get(message.id);
    // A message that comes late says nothing of the preview: the one on the page stays until the print is there.
    const preview = message.job?.preview ?? before?.job?.preview;
    const job = message.job && preview ? { ...message.job, preview } : message.job;
    const after = job ? { ...message, job } : message;
    this.#messages.set(message.id, after);
    this.#changed.add(message.id);
    this.view.onChange(after, before);
  }

  /** @param {Job & { message?: string }} event the numbers of a living job; its end comes as the message itself */
  putJob({ message: id, ...job }) {
    if (!isAlive(job)) return;
    const message = this.get(id) ?? this.all().findLast((candidate) => candidate.job?.id === job.id);
    if (message === undefined) return;
    this.put({ ...message, job: { ...message.job, ...job } });
  }

  /** @param {string} id */
  remove(id) {
    this.#changed.add(id);
    if (this.#messages.delete(id)) this.view.onRemove(id);
  }

  /**
   * Takes all that the server had when it was asked: what is missing there is gone here, but what the events
   * said while the answer was under way is newer.
   * @param {() => Promise<Message[]>} ask
   */
  async load(ask) {
    this.#changed.clear();
    const messages = await ask();
    const newer = new Set(this.#changed);
    const kept = new Set(messages.map(({ id }) => id));
    for (const id of this.#messages.keys()) if (!kept.has(id) && !newer.has(id)) this.remove(id);
    for (const message of messages) if (!newer.has(message.id)) this.put(message);
  }

  /** @param {Message | undefined} message out of the answer to a call, which the events may have overtaken */
  add(message) {
    if (message !== undefined && !this.#messages.has(message.id)) this.put(message);
  }

  /** @param {Message} message whether I asked for it */
  isMine(message) {
    const asker = message.asker ?? message.author;
    return asker.id === this.me.id;
  }

  /** My newest job that still waits or runs: what Esc cancels. */
  myRunning() {
    return this.all().findLast((message) => isAlive(message.job) && this.isMine(message));
  }

  /** Lines I sent, oldest first: what arrow-up recalls. */
  myLines() {
    return this.all()
      .filter(({ author, text }) => author.id === this.me.id && text !== '')
      .map(({ text }) => text);
  }

  /** @returns {{ picture: Picture, message: Message }[]} every picture, oldest first */
  pictures() {
    return this.all().flatMap((message) => message.pictures.map((picture) => ({ picture, message })));
  }
}

/** @param {Job | null | undefined} job */
export const isAlive = (job) => job?.state === 'queued' || job?.state === 'running';

/** @param {Job} job @returns {string} where the job stands, in words and numbers */
export function describeJob(job) {
  const seconds = job.eta_seconds ?? undefined;
  const eta = seconds === undefined ? undefined : formatSeconds(seconds);
  if (job.state === 'queued') {
    const position = job.position ?? undefined;
    const place =
      position === undefined ? 'Accepted' : position <= 1 ? 'Next in line' : `${ordinal(position)} in line`;
    return eta === undefined ? place : `${place}, about ${eta}`;
  }
  if (job.state === 'running') {
    const step = job.steps ? `Step ${job.step ?? 0} of ${job.steps}` : 'Developing';
    return eta === undefined ? step : `${step}, ${eta} left`;
  }
  return { done: 'Done', failed: 'Failed', cancelled: 'Cancelled' }[job.state];
}

/** @param {number} seconds */
export function formatSeconds(seconds) {
  if (seconds < 9.95) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90) return `${Math.round(seconds / 5) * 5} s`;
  return `${Math.round(seconds / 60)} min`;
}

/** @param {number} n */
function ordinal(n) {
  const suffix = { one: 'st', two: 'nd', few: 'rd' };
  const rule = new Intl.PluralRules('en', { type: 'ordinal' }).select(n);
  return `${n}${rule in suffix ? suffix[/** @type {keyof typeof suffix} */ (rule)] : 'th'}`;
}
