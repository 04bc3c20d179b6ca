// @ts-check
/**
 * The contact sheet: every picture of the conversation as a grid. Arrow keys walk it, Enter opens.
 * @import { Shown } from './viewer.js'
 */
import { byId, el, iconButton } from './dom.js';

export class Sheet {
  dialog = /** @type {HTMLDialogElement} */ (byId('sheet'));

  /** @param {{ pictures: () => Shown[], onOpen: (id: string) => void }} context */
  constructor(context) {
    this.context = context;
    this.count = el('p', { className: 'sheet-count' });
    this.grid = el('ul', { className: 'frames' });
    this.dialog.append(
      el(
        'header',
        { className: 'sheet-top' },
        el('h2', {}, 'Contact sheet'),
        this.count,
        iconButton('Close', 'close', () => this.dialog.close()),
      ),
      this.grid,
    );
    this.grid.addEventListener('keydown', (event) => this.#onKey(event));
  }

  open() {
    const pictures = this.context.pictures();
    this.count.textContent = pictures.length === 1 ? '1 picture' : `${pictures.length} pictures`;
    this.grid.replaceChildren(
      ...pictures.map(({ picture }, index) =>
        el(
          'li',
          {},
          el(
            'button',
            {
              type: 'button',
              className: 'frame',
              title: picture.alt,
              tabIndex: -1,
              onclick: () => this.context.onOpen(picture.id),
            },
            el('img', { src: picture.url, alt: picture.alt, loading: 'lazy', decoding: 'async' }),
            el(
              'span',
              { className: 'frame-number', 'aria-hidden': 'true' },
              String(index + 1).padStart(2, '0'),
            ),
          ),
        ),
      ),
    );
    this.dialog.showModal();
    this.#focus(pictures.length - 1);
  }

  /** One frame is in the tab order, the others are reached by arrows. @param {number} index */
  #focus(index) {
    const frames = /** @type {NodeListOf<HTMLButtonElement>} */ (this.grid.querySelectorAll('.frame'));
    const frame = frames[index];
    if (frame === undefined) return;
    for (const other of frames) other.tabIndex = other === frame ? 0 : -1;
    frame.focus();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const frames = [...this.grid.querySelectorAll('.frame')];
    const at = document.activeElement === null ? -1 : frames.indexOf(document.activeElement);
    const columns = getComputedStyle(this.grid).gridTemplateColumns.split(' ').length;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - columns,
      ArrowDown: at + columns,
      Home: 0,
      End: frames.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#focus(to);
  }
}
