// @ts-check
/**
 * One picture, as large as the window allows, with everything that can be done with it. Arrow keys show the picture
 * before and after it.
 * @import { Control } from './controls.js'
 * @import { FormValues } from './form.js'
 * @import { Action, Message, Picture } from './types.js'
 */
import { actionsOf, drawActions, isEdit } from './actions.js';
import { Comparison } from './compare.js';
import { announce, byId, copyText, el, iconButton } from './dom.js';
import { drawForm } from './form.js';
import { leavePlace, linkTo, originPicture } from './places.js';
import { isHidden } from './print.js';
import { say, sayLabel } from './say.js';

/** @typedef {{ picture: Picture, message: Message }} Shown */
/**
 * @typedef {{
 *   all: () => Shown[], hasEarlier: () => boolean, loadEarlier: () => Promise<unknown>,
 * }} PictureList the loaded pictures, oldest first; the server may have earlier ones
 */
/** @typedef {(message: Message, picture: Picture, control?: Control) => void} Reply */

export class Viewer {
  dialog = /** @type {HTMLDialogElement} */ (byId('viewer'));
  /** @type {Shown | undefined} */
  #shown;
  /** Where a touch began, to recognize a swipe. */
  #touchX = 0;

  /**
   * @param {{
   *   pictures: PictureList, onReply: Reply, onShowMessage: (message: Message) => void,
   *   before: (message: Message) => Message | undefined, canRemove: (message: Message) => boolean,
   *   onPress: (message: Message, action: Action, values?: FormValues) => Promise<boolean>,
   * }} context `onPress` resolves to whether the server accepted; `before` finds the message of the picture that another
   *   one was made from
   */
  constructor(context) {
    this.context = context;
    this.image = el('img', {});
    this.caption = el('p', { className: 'viewer-caption' });
    this.foot = el('p', { className: 'viewer-foot' });
    this.actions = el('div', { className: 'viewer-actions' });
    this.refusal = el('p', { className: 'viewer-refusal', role: 'alert' });
    this.ask = el('div', { className: 'viewer-ask', hidden: true });
    this.save = el('a', { className: 'quiet', download: '' }, say('page.save'));
    this.copy = el(
      'button',
      { type: 'button', className: 'quiet', onclick: () => this.#copyLink() },
      say('page.copy_link'),
    );
    this.comparison = new Comparison();
    this.compare = el(
      'button',
      { type: 'button', className: 'quiet', onclick: () => this.#compare() },
      say('page.compare'),
    );
    const inChat = el(
      'button',
      { type: 'button', className: 'quiet', onclick: () => this.#showMessage() },
      say('page.show_in_chat'),
    );
    this.previous = iconButton(say('page.previous_picture'), 'previous', () => this.#move(-1));
    this.next = iconButton(say('page.next_picture'), 'next', () => this.#move(1));
    const close = iconButton(say('page.close'), 'close', () => this.dialog.close());
    close.classList.add('viewer-close');
    this.dialog.append(
      el('div', { className: 'viewer-stage' }, this.previous, this.image, this.comparison.element, this.next),
      el(
        'div',
        { className: 'viewer-line' },
        el('div', { className: 'viewer-words', 'aria-live': 'polite' }, this.caption, this.foot),
        el('div', { className: 'viewer-ways' }, this.compare, inChat, this.copy, this.save),
        this.actions,
        this.refusal,
        this.ask,
      ),
      close,
    );
    this.dialog.addEventListener('close', () => {
      this.#closeForm();
      this.#endComparison();
      leavePlace();
    });
    this.dialog.addEventListener('keydown', (event) => this.#onKey(event));
    // A click beside the picture closes it.
    this.dialog.addEventListener('click', (event) => {
      const { target } = event;
      if (target === this.dialog || (target instanceof HTMLElement && target.className === 'viewer-stage')) {
        this.dialog.close();
      }
    });
    this.dialog.addEventListener(
      'touchstart',
      (event) => {
        this.#touchX = event.touches[0]?.clientX ?? 0;
      },
      { passive: true },
    );
    this.dialog.addEventListener('touchend', (event) => {
      // The slider is moved in the same way.
      if (this.comparison.isShown) return;
      const distance = (event.changedTouches[0]?.clientX ?? 0) - this.#touchX;
      if (Math.abs(distance) > 56) this.#move(distance < 0 ? 1 : -1);
    });
  }

  /** @param {string} id of a picture */
  open(id) {
    this.#show(id);
    if (this.#shown && !this.dialog.open) this.dialog.showModal();
  }

  /** Shows a message's newer state, where its picture is open. @param {Message} message */
  update(message) {
    if (this.dialog.open && this.#shown?.message.id === message.id) this.#show(this.#shown.picture.id);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement) return;
    if (event.key === 'ArrowLeft') this.#move(-1);
    else if (event.key === 'ArrowRight') this.#move(1);
    else return;
    event.preventDefault();
  }

  /** @param {string} id */
  #show(id) {
    const { all, hasEarlier } = this.context.pictures;
    const pictures = all();
    const index = pictures.findIndex(({ picture }) => picture.id === id);
    const shown = pictures[index];
    if (shown === undefined) return;
    const { picture, message } = shown;
    if (this.#shown?.picture.id !== id) {
      this.#closeForm();
      this.#endComparison();
    }
    this.#shown = shown;
    const number = message.pictures.indexOf(picture) + 1;
    this.image.src = picture.url;
    this.image.alt = picture.alt;
    this.image.width = picture.width;
    this.image.height = picture.height;
    this.image.style.setProperty('--ratio', String(picture.width / picture.height));
    this.caption.textContent = picture.alt;
    const position = hasEarlier()
      ? undefined
      : say('page.position', { number: index + 1, count: pictures.length });
    this.foot.textContent = [position, footOf(message, picture)].filter(Boolean).join(' \u00b7 ');
    this.save.href = picture.url;
    this.save.download = `darkroom-${picture.id}.png`;
    this.copy.textContent = say('page.copy_link');
    this.compare.hidden = this.#earlier() === undefined;
    this.previous.disabled = index === 0 && !hasEarlier();
    this.next.disabled = index === pictures.length - 1;
    this.actions.replaceChildren(
      ...drawActions(message, this.#actionsOf(message, number), {
        onPress: (action) => this.#press(action),
        onUse: (control) => this.#reply(control),
      }),
    );
    history.replaceState(null, '', linkTo(message.id, number));
  }

  /** @param {Message} message @param {number} number */
  #actionsOf(message, number) {
    const actions = actionsOf(message, number);
    return this.context.canRemove(message) ? actions : actions.filter(({ id }) => !id.startsWith('delete:'));
  }

  /** The picture that this one was made from, or else the one before it. */
  #earlier() {
    const { message, picture } = /** @type {Shown} */ (this.#shown);
    const source = originPicture(message, this.context.before(message));
    if (source !== undefined) return isHidden(source) ? undefined : source;
    const pictures = this.context.pictures.all();
    const index = pictures.findIndex((one) => one.picture.id === picture.id);
    return pictures[index - 1]?.picture;
  }

  #compare() {
    const earlier = this.#earlier();
    if (this.comparison.isShown || earlier === undefined) return this.#endComparison();
    this.comparison.show(earlier, /** @type {Shown} */ (this.#shown).picture);
    this.image.hidden = true;
    this.compare.setAttribute('aria-pressed', 'true');
  }

  #endComparison() {
    this.comparison.hide();
    this.image.hidden = false;
    this.compare.setAttribute('aria-pressed', 'false');
  }

  /** @param {Action} action */
  async #press(action) {
    const shown = this.#shown;
    if (shown === undefined) return;
    if (isEdit(action)) this.#reply();
    else if (action.form) this.#openForm(action, action.form);
    else await this.#send(action);
  }

  /**
   * What comes of it is in the chat; why it was refused is said here.
   * @param {Action} action @param {FormValues} [values]
   */
  async #send(action, values) {
    const { message } = /** @type {Shown} */ (this.#shown);
    this.refusal.textContent = '';
    const isAccepted = await this.context.onPress(message, action, values);
    if (isAccepted) this.dialog.close();
    else this.refusal.textContent = byId('refusal').textContent;
    return isAccepted;
  }

  /** @param {Action} action @param {import('./types.js').Form} form */
  #openForm(action, form) {
    const drawn = drawForm(form, {
      label: sayLabel(action.label),
      onSend: (values) => this.#send(action, values),
      onClose: () => this.#closeForm(),
    });
    this.ask.replaceChildren(drawn);
    this.ask.hidden = false;
    /** @type {HTMLElement | null} */ (drawn.querySelector('textarea, input, select'))?.focus();
  }

  #closeForm() {
    this.refusal.textContent = '';
    this.ask.replaceChildren();
    this.ask.hidden = true;
  }

  async #copyLink() {
    const { message, picture } = /** @type {Shown} */ (this.#shown);
    await copyText(location.href.split('#')[0] + linkTo(message.id, message.pictures.indexOf(picture) + 1));
    this.copy.textContent = say('page.copied');
    announce(say('page.copied'));
  }

  #showMessage() {
    const shown = this.#shown;
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    if (shown) this.context.onShowMessage(shown.message);
  }

  /** @param {number} step */
  async #move(step) {
    const { all, hasEarlier, loadEarlier } = this.context.pictures;
    const isShown = (/** @type {Shown} */ { picture }) => picture.id === this.#shown?.picture.id;
    while (all().findIndex(isShown) + step < 0 && hasEarlier()) if (!(await loadEarlier())) return;
    const pictures = all();
    const to = pictures[pictures.findIndex(isShown) + step];
    if (to) this.#show(to.picture.id);
  }

  /** @param {Control} [control] how the picture is used; without one it is edited */
  #reply(control) {
    const shown = this.#shown;
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    if (shown) this.context.onReply(shown.message, shown.picture, control);
  }
}

/**
 * The quiet line of a picture. That of its message names the seeds of all its pictures.
 * @param {Message} message @param {Picture} picture
 */
function footOf({ footer, pictures }, { seed, width, height }) {
  const parts = (footer ?? '').split(' \u00b7 ');
  const first = pictures[0]?.seed;
  // Whatever the language of the line: one part of it has the first seed as a number.
  const isOfAll = (/** @type {string} */ part) =>
    pictures.length > 1 && first !== undefined && part.split(/[^0-9]+/).includes(String(first));
  const own = parts.map((part) => (seed !== undefined && isOfAll(part) ? say('page.seed', { seed }) : part));
  return [...own, `${width}\u00d7${height}`].filter(Boolean).join(' \u00b7 ');
}
