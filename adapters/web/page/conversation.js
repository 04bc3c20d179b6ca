// @ts-check
/**
 * The messages that the page has loaded: the newest ones without a gap, in the order of the server, each edited
 * in place. Earlier ones are loaded page by page.
 * @import { Author, Job, Me, Message, Picture } from './types.js'
 */
import { isHidden } from './print.js';
import { HISTORY_PAGE } from './shared.js';

/** @typedef {(before: string | undefined, limit?: number) => Promise<Message[]>} LoadPage the newest messages before an id, oldest first */

export class Conversation {
  /** Sorted by id: ids grow with time. @type {Message[]} */
  #messages = [];
  /** Messages with a queued or running job, by id. @type {Map<string, Message>} */
  #live = new Map();
  /** What changed since the last load began. @type {Set<string>} */
  #changed = new Set();
  #pictureCount = 0;
  /** Ids of private answers, by the message that they are about. @type {Map<string, Set<string>>} */
  #asides = new Map();
  /** Whether the server has messages before the first loaded one. */
  hasEarlier = false;
  /** @type {Author & Partial<Me>} */
  me;

  /**
   * @param {Author & Partial<Me>} me
   * @param {{
   *   onChange: (message: Message, before: Message | undefined) => void, onRemove: (id: string) => void,
   * }} view
   */
  constructor(me, view) {
    this.me = me;
    this.view = view;
  }

  get size() {
    return this.#messages.length;
  }

  get hasPictures() {
    return this.#pictureCount > 0;
  }

  get hasLive() {
    return this.#live.size > 0;
  }

  /** @param {string | null | undefined} id */
  get(id) {
    if (id === null || id === undefined) return undefined;
    const message = this.#messages[this.indexOf(id)];
    return message?.id === id ? message : undefined;
  }

  /** @param {number} from @param {number} to the message there is not included */
  slice(from, to) {
    return this.#messages.slice(from, to);
  }

  /** Where a message is, or would be inserted. @param {string} id */
  indexOf(id) {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (/** @type {Message} */ (this.#messages[middle]).id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {Message} message a new one, or a newer state of one */
  put(message) {
    const { before, after } = this.#insert(message);
    this.#changed.add(message.id);
    this.view.onChange(after, before);
  }

  /** @param {Job & { message?: string, text?: string }} event of a queued or running job; its end arrives as a message */
  putJob({ message: id, text, ...job }) {
    if (!isLive(job)) return;
    const message =
      this.get(id) ?? [...this.#live.values()].findLast((candidate) => candidate.job?.id === job.id);
    if (message === undefined) return;
    this.put({ ...message, ...(text !== undefined && { text }), job: { ...message.job, ...job } });
  }

  /** @param {string} id */
  remove(id) {
    this.#changed.add(id);
    if (this.#delete(id)) this.view.onRemove(id);
  }

  /**
   * Loads the newest messages again. Loaded messages that the server no longer has are removed. What events
   * changed during the load is newer than the answer and stays.
   * @param {LoadPage} load
   * @param {string | undefined} until pages are loaded back to this id
   */
  async reload(load, until) {
    this.#changed.clear();
    /** @type {Message[]} */
    let messages = [];
    let page = await load(undefined);
    messages = page;
    while (page.length === HISTORY_PAGE && page[0] && until !== undefined && page[0].id > until) {
      page = await load(page[0].id);
      messages = [...page, ...messages];
    }
    const newer = new Set(this.#changed);
    const kept = new Set(messages.map(({ id }) => id));
    for (const { id } of [...this.#messages]) if (!kept.has(id) && !newer.has(id)) this.remove(id);
    for (const message of messages) if (!newer.has(message.id)) this.put(message);
    this.hasEarlier = page.length === HISTORY_PAGE;
  }

  /**
   * Loads the page before the first message.
   * @param {LoadPage} load
   * @param {number} [limit] messages of the page
   * @returns {Promise<number>} messages added
   */
  async loadEarlier(load, limit = HISTORY_PAGE) {
    if (!this.hasEarlier) return 0;
    const page = await load(this.#messages[0]?.id, limit);
    this.hasEarlier = page.length === limit;
    const added = page.filter(({ id }) => this.get(id) === undefined);
    for (const message of added.toReversed()) this.#insert(message);
    return added.length;
  }

  /** @param {Message | undefined} message of the answer to a call; an event may have brought it already */
  add(message) {
    if (message !== undefined && this.get(message.id) === undefined) this.put(message);
  }

  /** @param {Message} message @returns {boolean} whether I asked for it */
  isMine(message) {
    const asker = message.asker ?? message.author;
    return asker.id === this.me.id;
  }

  /** Whether I may delete it and cancel its job: what I asked for, and an admin everything. @param {Message} message */
  canRemove(message) {
    return this.isMine(message) || (this.me.role ?? 'member') !== 'member';
  }

  /** My newest queued or running job: what Esc cancels. */
  myRunning() {
    return [...this.#live.values()].findLast((message) => this.isMine(message));
  }

  /** Lines that I sent, oldest first: what the up arrow recalls. */
  myLines() {
    return this.#messages
      .filter(({ author, text }) => author.id === this.me.id && text !== '')
      .map(({ text }) => text);
  }

  /** @returns {{ picture: Picture, message: Message }[]} every loaded picture that was made here, oldest first */
  pictures() {
    return this.#messages
      .filter(isResult)
      .flatMap((message) => message.pictures.map((picture) => ({ picture, message })))
      .filter(({ picture }) => !isHidden(picture));
  }

  /**
   * The message below which a private answer stands: the one whose button was pressed.
   * @param {Message} message
   * @returns {Message | undefined}
   */
  hostOf(message) {
    const about = aboutOf(message);
    const host = about === undefined ? undefined : this.get(about);
    return host?.author.bot ? (this.hostOf(host) ?? host) : undefined;
  }

  /** Private answers about a message, oldest first. @param {Message} message @returns {Message[]} */
  asidesOf({ id, author }) {
    if (!author.bot) return [];
    return [...(this.#asides.get(id) ?? [])]
      .flatMap((aside) => this.get(aside) ?? [])
      .flatMap((aside) => [aside, ...this.asidesOf(aside)]);
  }

  /**
   * The message that another one started from: a picture that was edited or varied, or a message replied to.
   * @param {Message} message
   * @returns {{ id: string, message: Message | undefined } | undefined}
   */
  originOf(message) {
    const id = message.reply_to ?? undefined;
    const parent = this.get(id);
    // An answer stands below its own request, and a private one below the message that it is about.
    if (id === undefined || (message.private === true && !message.job)) return undefined;
    if (message.author.bot && parent !== undefined && !parent.author.bot) return undefined;
    if (message.author.bot && parent === undefined) return undefined;
    return { id, message: parent };
  }

  /** The message of the picture that another one was made from: by a button, or by words in reply to it. @param {Message} message */
  parentOf(message) {
    const request = this.get(message.reply_to ?? undefined);
    const origin = this.originOf(message) ?? (request && this.originOf(request));
    return origin?.message;
  }

  /** What the bot said to words of a user. @param {string | null | undefined} id of their message */
  answersTo(id) {
    const request = this.get(id);
    if (request === undefined || request.author.bot) return [];
    const from = this.indexOf(request.id) + 1;
    return this.#messages.slice(from).filter(({ author, reply_to: to }) => author.bot && to === request.id);
  }

  /** @param {Message} message */
  #insert(message) {
    const index = this.indexOf(message.id);
    const found = this.#messages[index];
    const before = found?.id === message.id ? found : undefined;
    // A message without a preview does not replace the preview on the page: it stays until the picture is there.
    const preview = message.job?.preview ?? before?.job?.preview;
    const job = message.job && preview ? { ...message.job, preview } : message.job;
    const after = job ? { ...message, job } : message;
    this.#messages.splice(index, before ? 1 : 0, after);
    if (isResult(after)) this.#pictureCount += after.pictures.length - (before?.pictures.length ?? 0);
    const about = aboutOf(after);
    if (about !== undefined) this.#asides.set(about, (this.#asides.get(about) ?? new Set()).add(after.id));
    if (isLive(after.job)) this.#live.set(after.id, after);
    else this.#live.delete(after.id);
    return { before, after };
  }

  /** @param {string} id */
  #delete(id) {
    const message = this.get(id);
    if (message === undefined) return false;
    this.#messages.splice(this.indexOf(id), 1);
    if (isResult(message)) this.#pictureCount -= message.pictures.length;
    this.#asides.get(aboutOf(message) ?? '')?.delete(id);
    this.#live.delete(id);
    return true;
  }
}

/** @param {Job | null | undefined} job */
export const isLive = (job) => job?.state === 'queued' || job?.state === 'running';

/** Uploads and masks stand in the message that they came with. @param {Message} message */
const isResult = ({ author }) => author.bot === true;

/** What a private answer is about, where it is not the answer to words. @param {Message} message */
const aboutOf = ({ author, private: isPrivate, job, reply_to: about }) =>
  author.bot && isPrivate && !job && about ? about : undefined;
