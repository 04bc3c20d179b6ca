// @ts-check
/**
 * One picture, as large as the window allows. Arrow keys show the picture before and after it.
 * @import { Control } from './controls.js'
 * @import { Message, Picture } from './types.js'
 */
import { useButton } from './controls.js';
import { byId, el, iconButton } from './dom.js';

/** @typedef {{ picture: Picture, message: Message }} Shown */
/**
 * @typedef {{
 *   all: () => Shown[], hasEarlier: () => boolean, loadEarlier: () => Promise<unknown>,
 * }} PictureList the loaded pictures, oldest first; the server may have earlier ones
 */
/** @typedef {(message: Message, picture: Picture, control?: Control) => void} Reply */

export class Viewer {
  dialog = /** @type {HTMLDialogElement} */ (byId('viewer'));
  /** @type {string | undefined} */
  #id;
  /** Where a touch began, to recognize a swipe. */
  #touchX = 0;

  /** @param {{ pictures: PictureList, onReply: Reply }} context */
  constructor(context) {
    this.context = context;
    this.image = el('img', {});
    this.caption = el('p', { className: 'viewer-caption' });
    this.foot = el('p', { className: 'viewer-foot' });
    this.save = el('a', { className: 'action', download: '' }, 'Save');
    this.previous = iconButton('Previous picture', 'previous', () => this.#move(-1));
    this.next = iconButton('Next picture', 'next', () => this.#move(1));
    const close = iconButton('Close', 'close', () => this.dialog.close());
    close.classList.add('viewer-close');
    const edit = el('button', { type: 'button', className: 'action', onclick: () => this.#reply() }, 'Edit');
    const use = useButton('action', (control) => this.#reply(control));
    this.dialog.append(
      el('div', { className: 'viewer-stage' }, this.previous, this.image, this.next),
      el(
        'div',
        { className: 'viewer-line' },
        el('div', { className: 'viewer-words', 'aria-live': 'polite' }, this.caption, this.foot),
        el('div', { className: 'viewer-actions' }, edit, use, this.save),
      ),
      close,
    );
    this.dialog.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowLeft') this.#move(-1);
      else if (event.key === 'ArrowRight') this.#move(1);
      else return;
      event.preventDefault();
    });
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
      const distance = (event.changedTouches[0]?.clientX ?? 0) - this.#touchX;
      if (Math.abs(distance) > 56) this.#move(distance < 0 ? 1 : -1);
    });
  }

  /** @param {string} id of a picture */
  open(id) {
    this.#show(id);
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** @param {string} id */
  #show(id) {
    const { all, hasEarlier } = this.context.pictures;
    const pictures = all();
    const index = pictures.findIndex(({ picture }) => picture.id === id);
    const shown = pictures[index];
    if (shown === undefined) return;
    const { picture, message } = shown;
    this.#id = id;
    this.image.src = picture.url;
    this.image.alt = picture.alt;
    this.image.width = picture.width;
    this.image.height = picture.height;
    this.image.style.setProperty('--ratio', String(picture.width / picture.height));
    this.caption.textContent = picture.alt;
    const position = hasEarlier() ? undefined : `${index + 1} of ${pictures.length}`;
    this.foot.textContent = [position, message.footer].filter(Boolean).join(' \u00b7 ');
    this.save.href = picture.url;
    this.save.download = `darkroom-${picture.id}.png`;
    this.previous.disabled = index === 0 && !hasEarlier();
    this.next.disabled = index === pictures.length - 1;
  }

  /** @param {number} step */
  async #move(step) {
    const { all, hasEarlier, loadEarlier } = this.context.pictures;
    const isShown = (/** @type {Shown} */ { picture }) => picture.id === this.#id;
    while (all().findIndex(isShown) + step < 0 && hasEarlier()) if (!(await loadEarlier())) return;
    const pictures = all();
    const to = pictures[pictures.findIndex(isShown) + step];
    if (to) this.#show(to.picture.id);
  }

  /** @param {Control} [control] how the picture is used; without one it is edited */
  #reply(control) {
    const shown = this.context.pictures.all().find(({ picture }) => picture.id === this.#id);
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    if (shown) this.context.onReply(shown.message, shown.picture, control);
  }
}
