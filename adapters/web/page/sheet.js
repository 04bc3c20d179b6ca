// @ts-check
/**
 * The contact sheet: the pictures of the conversation as a grid. Arrow keys move in it, Enter opens a picture.
 * @import { PictureList } from './viewer.js'
 */
import { byId, el, iconButton } from './dom.js';
import { say } from './say.js';

/** Pictures in the grid at most. */
const MAX_SHOWN = 120;
/** Pictures by which Earlier and Later move the grid. */
const STEP = 60;

export class Sheet {
  dialog = /** @type {HTMLDialogElement} */ (byId('sheet'));
  /** Index after the last picture of the grid, among all loaded pictures. */
  #end = 0;

  /** @param {{ pictures: PictureList, onOpen: (id: string) => void }} context */
  constructor(context) {
    this.context = context;
    this.count = el('p', { className: 'sheet-count' });
    this.grid = el('ul', { className: 'frames' });
    this.earlier = this.#button(say('page.earlier_pictures'), () => this.#showEarlier());
    this.later = this.#button(say('page.later_pictures'), () => this.#show(this.#end + STEP));
    this.dialog.append(
      el(
        'header',
        { className: 'sheet-top' },
        el('h2', {}, say('page.sheet')),
        this.count,
        el('a', { className: 'action', href: 'gallery' }, say('page.gallery')),
        iconButton(say('page.close'), 'close', () => this.dialog.close()),
      ),
      this.earlier,
      this.grid,
      this.later,
    );
    this.grid.addEventListener('keydown', (event) => this.#onKey(event));
  }

  open() {
    this.#show(Number.POSITIVE_INFINITY);
    this.dialog.showModal();
    this.#focus(this.grid.childElementCount - 1);
  }

  /** @param {string} label @param {() => unknown} onclick */
  #button(label, onclick) {
    return el('button', { type: 'button', className: 'action sheet-more', onclick }, label);
  }

  async #showEarlier() {
    const { all, loadEarlier } = this.context.pictures;
    const before = all().length;
    if (this.#end <= MAX_SHOWN) await loadEarlier();
    // Loaded pictures are inserted before those of the grid.
    this.#show(Math.max(MAX_SHOWN, this.#end + all().length - before - STEP));
  }

  /** @param {number} end index after the last picture to show */
  #show(end) {
    const { all, hasEarlier } = this.context.pictures;
    const pictures = all();
    this.#end = Math.min(end, pictures.length);
    const start = Math.max(0, this.#end - MAX_SHOWN);
    this.count.textContent = countOf(pictures.length, hasEarlier());
    this.earlier.hidden = start === 0 && !hasEarlier();
    this.later.hidden = this.#end === pictures.length;
    this.grid.replaceChildren(
      ...pictures.slice(start, this.#end).map(({ picture }, index) =>
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
              hasEarlier() ? '' : String(start + index + 1).padStart(2, '0'),
            ),
          ),
        ),
      ),
    );
  }

  /** Tab reaches one frame, arrow keys reach the others. @param {number} index */
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
    const to = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined;
    if (to === undefined) return;
    event.preventDefault();
    this.#focus(to);
  }
}

/** @param {number} count @param {boolean} hasEarlier */
const countOf = (count, hasEarlier) => say(hasEarlier ? 'page.latest_pictures' : 'page.pictures', { count });
