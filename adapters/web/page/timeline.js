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
  /** Whether the window ends with the newest message. */
  #endsNewest = true;
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
    this.latest.addEventListener('click', () => this.toEnd());
    addEventListener('scroll', () => this.#onScroll(), { passive: true });
    const growth = new ResizeObserver(() => {
      if (this.#follows) this.toEnd();
    });
    growth.observe(byId('room'));
    growth.observe(byId('composer'));
  }

  /** Id of the first message on the page. */
  get firstId() {
    return idOf(this.list.firstElementChild);
  }

  /** @param {Message} message new, or changed */
  show(message) {
    const view = this.#views.get(message.id);
    if (view) {
      view.show(message);
      return;
    }
    const last = idOf(this.list.lastElementChild);
    const isNewest = last === undefined || message.id > last;
    if (isNewest && !this.#follows) this.latest.hidden = false;
    // Outside of the window it is shown when the window gets there.
    if (isNewest ? !this.#endsNewest : message.id < /** @type {string} */ (this.firstId)) return;
    const next = [...this.list.children].find(
      (element) => /** @type {string} */ (idOf(element)) > message.id,
    );
    if (this.#follows) {
      this.#insert(message, next ?? null);
      this.#trimStart();
      return;
    }
    this.#keepPlace(() => {
      this.#insert(message, next ?? null);
      // The messages that are far from those on the screen make room.
      if (scrollY > document.documentElement.scrollHeight / 2) this.#trimStart();
      else this.#trimEnd();
    });
  }

  /** @param {string} id */
  remove(id) {
    const element = this.#views.get(id)?.element;
    const next = element?.nextElementSibling;
    element?.remove();
    this.#views.delete(id);
    if (next) this.#markAnswer(next);
  }

  /** Shows the newest messages and scrolls to them. */
  toEnd() {
    if (!this.#endsNewest) {
      this.list.replaceChildren();
      this.#views.clear();
      const { size } = this.conversation;
      for (const message of this.conversation.slice(size - 2 * STEP, size)) this.#insert(message, null);
      this.#endsNewest = true;
    }
    this.#follows = true;
    scrollTo({ top: document.documentElement.scrollHeight });
    this.latest.hidden = true;
  }

  #onScroll() {
    const { scrollHeight } = document.documentElement;
    const below = scrollHeight - scrollY - innerHeight;
    this.#follows = this.#endsNewest && below < END;
    this.latest.hidden = this.#follows || (this.latest.hidden && this.#endsNewest);
    if (scrollY < MARGIN) this.#move(() => this.#showEarlier());
    else if (below < MARGIN && !this.#endsNewest) this.#move(async () => this.#showLater());
  }

  /** @param {() => Promise<void>} work */
  async #move(work) {
    if (this.#isMoving) return;
    this.#isMoving = true;
    await work().catch(this.onError);
    this.#isMoving = false;
  }

  async #showEarlier() {
    if (this.firstId === undefined) return;
    if (this.conversation.indexOf(this.firstId) === 0) await this.conversation.loadEarlier(this.load);
    const index = this.conversation.indexOf(/** @type {string} */ (this.firstId));
    const earlier = this.conversation.slice(Math.max(0, index - STEP), index);
    if (earlier.length === 0) return;
    this.#keepPlace(() => {
      const first = this.list.firstElementChild;
      for (const message of earlier) this.#insert(message, first);
      this.#trimEnd();
    });
  }

  #showLater() {
    const last = idOf(this.list.lastElementChild);
    const index = last === undefined ? 0 : this.conversation.indexOf(last) + 1;
    this.#keepPlace(() => {
      for (const message of this.conversation.slice(index, index + STEP)) this.#insert(message, null);
      this.#endsNewest = index + STEP >= this.conversation.size;
      this.#trimStart();
    });
  }

  /** @param {Message} message @param {Element | null} next */
  #insert(message, next) {
    const view = new MessageView(this.context);
    this.#views.set(message.id, view);
    view.show(message);
    this.list.insertBefore(view.element, next);
    this.#markAnswer(view.element);
    if (next) this.#markAnswer(next);
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
    this.#views.delete(idOf(element) ?? '');
    element?.remove();
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
