// @ts-check
/**
 * The messages on the page: a window of the loaded ones, so that a long history costs no more elements than a
 * short one. Scrolling moves the window; what is on the screen stays where it is.
 * @import { Conversation, LoadPage } from './conversation.js'
 * @import { MessageContext } from './message.js'
 * @import { Message } from './types.js'
 */
import { byId } from './dom.js';
import { MessageView } from './message.js';
import { leavePlace } from './places.js';
import { MAX_HISTORY_PAGE } from './shared.js';

/** Messages on the page at most. */
const MAX_SHOWN = 100;
/** Messages by which the window moves. */
const STEP = 25;
/** Distance to the end of the window, in pixels, at which it moves. */
const MARGIN = 800;
/** Distance to the end of the page, in pixels, within which the reader counts as being at its end. */
const END = 96;

export class Timeline {
  /** @type {Map<string, MessageView>} */
  #views = new Map();
  /** The messages below which private answers stand, by the answers' ids. @type {Map<string, MessageView>} */
  #hosts = new Map();
  /** Whether the messages that are shown are the stored ones, not new ones. */
  #isLoading = false;
  /** Whether the window ends with the newest message. Nothing is shown before the first load has ended. */
  #endsNewest = false;
  /** Whether the page scrolls along as it grows: until the reader scrolls up. */
  #follows = true;
  #isMoving = false;

  /**
   * @param {Conversation} conversation
   * @param {MessageContext} context
   * @param {{ load: LoadPage, onError: (error: unknown) => void }} options
   */
  constructor(conversation, context, { load, onError }) {
    this.conversation = conversation;
    this.context = context;
    this.load = load;
    this.onError = onError;
    this.list = byId('conversation');
    this.latest = byId('latest');
    this.latest.addEventListener('click', () => {
      leavePlace();
      this.toEnd();
    });
    addEventListener('scroll', () => this.#onScroll(), { passive: true });
    const growth = new ResizeObserver(() => {
      if (this.#follows && this.#endsNewest) this.toEnd();
    });
    growth.observe(byId('room'));
    growth.observe(byId('composer'));
  }

  /** Id of the first message on the page. */
  get firstId() {
    return idOf(this.list.firstElementChild);
  }

  /** @param {string} id @returns {boolean} whether that message is on the page */
  has(id) {
    return this.#views.has(id);
  }

  /** @param {Message} message new, or changed */
  show(message) {
    const view = this.#views.get(message.id);
    if (view) {
      view.show(message);
      return;
    }
    const host = this.conversation.hostOf(message);
    if (host) {
      this.#addAside(message, host, this.#isLoading ? 'keep' : 'reveal');
      return;
    }
    const last = idOf(this.list.lastElementChild);
    const isNewest = last === undefined || message.id > last;
    if (isNewest && !this.#follows) this.latest.hidden = false;
    // Outside of the window it is shown when the window gets there.
    if (isNewest ? !this.#endsNewest : message.id < /** @type {string} */ (this.firstId)) return;
    const next = isNewest ? null : this.#firstAfter(message.id);
    if (this.#follows) {
      this.#insert(message, next);
      this.#trimStart();
      return;
    }
    this.#keepPlace(() => {
      this.#insert(message, next);
      // The messages that are far from those on the screen make room.
      if (scrollY > document.documentElement.scrollHeight / 2) this.#trimStart();
      else this.#trimEnd();
    });
  }

  /** @param {string} id */
  remove(id) {
    const view = this.#views.get(id);
    const element = view?.element;
    const host = this.#hosts.get(id);
    const next = element?.nextElementSibling;
    if (view && host) host.removeAside(view);
    element?.remove();
    this.#views.delete(id);
    this.#hosts.delete(id);
    if (next && !host) this.#markAnswer(next);
  }

  /**
   * Scrolls to a message, loading the history back to it.
   * @param {string} id
   * @returns {Promise<boolean>} whether there is such a message
   */
  async goTo(id) {
    const { conversation } = this;
    while (conversation.get(id) === undefined && conversation.hasEarlier) {
      if ((conversation.slice(0, 1)[0]?.id ?? '') < id) break;
      if ((await conversation.loadEarlier(this.load, MAX_HISTORY_PAGE)) === 0) break;
    }
    const message = conversation.get(id);
    if (message === undefined) return false;
    const host = conversation.hostOf(message) ?? message;
    if (!this.#views.has(host.id)) this.#showAround(host.id);
    const element = this.#views.get(id)?.element;
    if (element === undefined) return false;
    this.#follows = false;
    element.scrollIntoView({ block: 'center' });
    element.focus({ preventScroll: true });
    element.classList.add('target');
    element.addEventListener('blur', () => element.classList.remove('target'), { once: true });
    return true;
  }

  /** @param {string} id */
  #showAround(id) {
    const index = this.conversation.indexOf(id);
    const to = Math.min(index + STEP, this.conversation.size);
    this.list.replaceChildren();
    this.#views.clear();
    this.#hosts.clear();
    for (const message of this.conversation.slice(Math.max(0, index - STEP), to)) this.#insert(message, null);
    this.#endsNewest = to === this.conversation.size;
    this.latest.hidden = this.#endsNewest;
  }

  /**
   * Shows a private answer below the message that it is about.
   * @param {Message} message
   * @param {Message} host
   * @param {'reveal' | 'keep'} scroll whether the page scrolls to it
   */
  #addAside(message, host, scroll) {
    const hostView = this.#views.get(host.id);
    // Where that message is not on the page, the answer comes with it.
    if (hostView === undefined || this.#views.has(message.id)) return;
    const view = new MessageView(this.context, 'section');
    this.#views.set(message.id, view);
    this.#hosts.set(message.id, hostView);
    view.show(message);
    hostView.addAside(view);
    if (scroll === 'reveal') view.element.scrollIntoView({ block: 'nearest' });
  }

  /** Shows the newest messages and scrolls to them. */
  toEnd() {
    if (!this.#endsNewest) {
      this.list.replaceChildren();
      this.#views.clear();
      this.#hosts.clear();
      for (const message of this.#standing(this.conversation.size, -1)) this.#insert(message, null);
      this.#endsNewest = true;
      // The screen is drawn with these; the ones above it follow.
      requestAnimationFrame(() => this.#fillAbove());
    }
    this.#follows = true;
    // The examples of an empty chat are read from their top.
    if (this.conversation.size > 0) scrollTo({ top: document.documentElement.scrollHeight });
    this.latest.hidden = true;
  }

  #onScroll() {
    const { scrollHeight } = document.documentElement;
    const below = scrollHeight - scrollY - innerHeight;
    this.#follows = this.#endsNewest && below < END;
    this.latest.hidden = this.#follows || (this.latest.hidden && this.#endsNewest);
    if (scrollY < MARGIN) this.#fillAbove();
    else if (below < MARGIN && !this.#endsNewest) this.#move(async () => this.#showLater());
  }

  /** Shows earlier messages until there is enough above the screen: a page without a scroll bar sends no event. */
  #fillAbove() {
    if (scrollY >= MARGIN) return;
    this.#move(async () => {
      if (await this.#showEarlier()) requestAnimationFrame(() => this.#fillAbove());
    });
  }

  /** @param {() => Promise<void>} work */
  async #move(work) {
    if (this.#isMoving) return;
    this.#isMoving = true;
    await work().catch(this.onError);
    this.#isMoving = false;
  }

  /** @returns {Promise<boolean>} whether there were any */
  async #showEarlier() {
    if (this.firstId === undefined) return false;
    if (this.conversation.indexOf(this.firstId) === 0) await this.conversation.loadEarlier(this.load);
    const index = this.conversation.indexOf(/** @type {string} */ (this.firstId));
    const earlier = this.#standing(index, -1);
    if (earlier.length === 0) return false;
    this.#keepPlace(() => {
      const first = this.list.firstElementChild;
      for (const message of earlier) this.#insert(message, first);
      this.#trimEnd();
    });
    return true;
  }

  #showLater() {
    const last = idOf(this.list.lastElementChild);
    const index = last === undefined ? 0 : this.conversation.indexOf(last) + 1;
    this.#keepPlace(() => {
      const later = this.#standing(index, 1);
      for (const message of later) this.#insert(message, null);
      this.#endsNewest = later.length < STEP;
      this.#trimStart();
    });
  }

  /**
   * Messages from an index on that do not stand below others: as many as the window moves by, oldest first.
   * @param {number} index @param {1 | -1} step forwards, or backwards from the one before it
   */
  #standing(index, step) {
    /** @type {Message[]} */
    const found = [];
    for (let at = step === 1 ? index : index - 1; found.length < STEP; at += step) {
      const [message] = at < 0 ? [] : this.conversation.slice(at, at + 1);
      if (message === undefined) break;
      if (this.conversation.hostOf(message) === undefined) found.push(message);
    }
    return step === 1 ? found : found.reverse();
  }

  /** @param {Message} message @param {Element | null} next */
  #insert(message, next) {
    if (this.conversation.hostOf(message)) return;
    const view = new MessageView(this.context);
    this.#views.set(message.id, view);
    view.show(message);
    this.list.insertBefore(view.element, next);
    this.#markAnswer(view.element);
    if (next) this.#markAnswer(next);
    for (const aside of this.conversation.asidesOf(message)) {
      // It stood by itself until this message was loaded.
      this.#views.get(aside.id)?.element.remove();
      this.#views.delete(aside.id);
      this.#addAside(aside, message, 'keep');
    }
  }

  /** Shows stored messages. @param {() => Promise<void>} load */
  async whileLoading(load) {
    this.#isLoading = true;
    await load().finally(() => {
      this.#isLoading = false;
    });
  }

  #trimStart() {
    while (this.list.childElementCount > MAX_SHOWN) this.#drop(this.list.firstElementChild);
  }

  #trimEnd() {
    if (this.list.childElementCount <= MAX_SHOWN) return;
    while (this.list.childElementCount > MAX_SHOWN) this.#drop(this.list.lastElementChild);
    this.#endsNewest = false;
    this.latest.hidden = false;
  }

  /** @param {Element | null} element */
  #drop(element) {
    const id = idOf(element) ?? '';
    const view = this.#views.get(id);
    this.#views.delete(id);
    for (const [aside, host] of this.#hosts) {
      if (host !== view) continue;
      this.#hosts.delete(aside);
      this.#views.delete(aside);
    }
    element?.remove();
  }

  /** @param {string} id @returns {Element | null} the first message on the page after that id */
  #firstAfter(id) {
    return [...this.list.children].find((one) => /** @type {string} */ (idOf(one)) > id) ?? null;
  }

  /** An answer right below its request needs no heading. @param {Element} element */
  #markAnswer(element) {
    const message = this.conversation.get(idOf(element));
    const above = idOf(element.previousElementSibling);
    element.classList.toggle('answer', message?.author.bot === true && above === message.reply_to);
  }

  /** Changes the list, and scrolls so that the first visible message stays where it is. @param {() => void} change */
  #keepPlace(change) {
    const visible = [...this.list.children].find((element) => element.getBoundingClientRect().bottom > 0);
    const before = visible?.getBoundingClientRect().top ?? 0;
    change();
    if (visible?.isConnected) scrollBy(0, visible.getBoundingClientRect().top - before);
  }
}

/** @param {Element | null} element */
const idOf = (element) => (element instanceof HTMLElement ? element.dataset['id'] : undefined);
