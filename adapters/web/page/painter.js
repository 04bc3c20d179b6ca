// @ts-check
/** Paints a mask over a picture with a mouse, finger, pen or keys. */
import { announce, byId, el, iconButton } from './dom.js';
import { Mask } from './mask.js';
import { say } from './say.js';

/**
 * @typedef {Mask['strokes']} Strokes
 * @typedef {{ mask: File, veil: string, strokes: Strokes }} Painted `veil` is a `data:` URL of the painted area
 * @typedef {{
 *   url: string, alt: string, words: string, strokes: Strokes,
 *   onDone: (painted: Painted | undefined, words: string, send: boolean) => void,
 * }} PaintTask `strokes` are those of the last time; `painted` is undefined if nothing is painted
 */

/**
 * Widths of the brush, in percent of the shorter side of the picture. The smallest is a latent block, 8 pixels, of a
 * picture of 200 pixels.
 */
const BRUSH = { min: 4, max: 50, start: 14, step: 2 };
/** Distance that an arrow key moves the brush, in widths of the brush. */
const KEY_STEP = 0.5;
/** `button` of the eraser end of a pen. */
const PEN_ERASER = 5;
/** Longer side of the painted area over a thumbnail, in pixels. */
const VEIL = 160;

export class Painter {
  dialog = /** @type {HTMLDialogElement} */ (byId('painter'));
  /** @type {PaintTask | undefined} */
  #task;
  /** @type {Mask | undefined} */
  #mask;
  /** The pointer that is painting; others are ignored. @type {number | undefined} */
  #pointer;
  #erases = false;
  /** Position of the brush, in pixels of the picture. */
  #at = { x: 0, y: 0 };

  constructor() {
    this.image = el('img', { alt: '' });
    this.canvas = el('canvas', {
      className: 'veil',
      tabIndex: 0,
      role: 'application',
      'aria-label': say('page.paint_on'),
      'aria-describedby': 'painter-keys',
    });
    this.ring = el('div', { className: 'brush-ring', 'aria-hidden': 'true', hidden: true });
    this.sheet = el('div', { className: 'painter-sheet' }, this.image, this.canvas, this.ring);
    this.brush = this.#tool(say('page.brush'), () => this.#erase(false));
    this.eraser = this.#tool(say('page.eraser'), () => this.#erase(true));
    this.undo = this.#tool(say('page.undo'), () => this.#undo());
    this.clear = this.#tool(say('page.clear'), () => this.#clear());
    const { min, max, start, step } = BRUSH;
    this.size = el('input', {
      type: 'range',
      min,
      max,
      step,
      value: start,
      'aria-label': say('page.brush_size'),
      oninput: () => this.#showRing(),
    });
    this.words = el('input', {
      className: 'painter-words',
      placeholder: say('page.describe_part'),
      'aria-label': say('page.painted_becomes'),
      autocomplete: 'off',
      enterKeyHint: 'send',
      oninput: () => this.#refresh(),
    });
    this.send = el('button', { type: 'submit', className: 'action primary' }, say('page.send'));
    this.note = el('p', { className: 'painter-note', role: 'status' });
    this.dialog.append(
      el(
        'header',
        { className: 'sheet-top' },
        el('h2', {}, say('page.paint_changes')),
        this.note,
        iconButton(say('page.close'), 'close', () => this.dialog.close()),
      ),
      el('div', { className: 'painter-stage' }, this.sheet),
      el(
        'div',
        { className: 'painter-tools', role: 'toolbar', 'aria-label': say('page.brush') },
        this.brush,
        this.eraser,
        el('label', { className: 'painter-size' }, el('span', {}, say('page.size')), this.size),
        this.undo,
        this.clear,
      ),
      el(
        'form',
        {
          className: 'painter-line',
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            if (!this.send.disabled) this.#finish(true);
          },
        },
        this.words,
        this.send,
      ),
      el('p', { className: 'hint keys', id: 'painter-keys' }, say('page.paint_keys')),
    );
    this.#listen();
  }

  /** @param {PaintTask} task */
  async open(task) {
    this.#task = task;
    this.image.src = task.url;
    this.image.alt = task.alt;
    await this.image.decode();
    const { naturalWidth: width, naturalHeight: height } = this.image;
    this.#mask = new Mask(this.canvas, { width, height }, task.strokes);
    this.#at = { x: width / 2, y: height / 2 };
    this.sheet.style.setProperty('--ratio', String(width / height));
    this.words.value = task.words;
    this.#erase(false);
    this.#refresh();
    this.dialog.showModal();
    this.canvas.focus();
  }

  /** @param {string} label @param {() => void} onclick */
  #tool(label, onclick) {
    return el('button', { type: 'button', className: 'action', onclick }, label);
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      if (this.#pointer !== undefined || ![0, PEN_ERASER].includes(event.button)) return;
      event.preventDefault();
      canvas.focus();
      this.#pointer = event.pointerId;
      canvas.setPointerCapture(event.pointerId);
      this.#move(event);
      this.#dab(event.button === PEN_ERASER);
    });
    canvas.addEventListener('pointermove', (event) => {
      // A pen reports several positions for each frame of the page.
      const all = event.getCoalescedEvents();
      for (const one of all.length > 0 ? all : [event]) {
        if (this.#pointer !== undefined && this.#pointer !== event.pointerId) return;
        this.#move(one);
        if (this.#pointer === event.pointerId) this.#mask?.extend(this.#at.x, this.#at.y);
      }
    });
    for (const end of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(end, (event) => {
        if (!(event instanceof PointerEvent) || event.pointerId !== this.#pointer) return;
        this.#pointer = undefined;
        this.#refresh();
      });
    }
    canvas.addEventListener('pointerleave', () => {
      this.ring.hidden = true;
    });
    canvas.addEventListener('focus', () => this.#showRing());
    canvas.addEventListener('blur', () => {
      this.ring.hidden = true;
    });
    canvas.addEventListener('keydown', (event) => this.#onKey(event));
    this.dialog.addEventListener('close', () => this.#finish(false));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { key, shiftKey } = event;
    /** @type {Record<string, [x: number, y: number]>} */
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[key];
    if (move) {
      const step = this.#width() * KEY_STEP;
      if (shiftKey) this.#dab();
      this.#moveTo(this.#at.x + move[0] * step, this.#at.y + move[1] * step);
      if (shiftKey) this.#mask?.extend(this.#at.x, this.#at.y);
      this.#refresh();
    } else if (key === ' ' || key === 'Enter') {
      this.#dab();
      this.#refresh();
    } else if (key === '[' || key === ']') {
      this.size.valueAsNumber += key === '[' ? -BRUSH.step : BRUSH.step;
      this.#showRing();
    } else if (key.toLowerCase() === 'z') this.#undo();
    else if (key.toLowerCase() === 'e') this.#erase(!this.#erases);
    else return;
    event.preventDefault();
  }

  /** @param {boolean} [byPen] with the eraser end of a pen */
  #dab(byPen = false) {
    const { x, y } = this.#at;
    this.#mask?.begin({ erases: byPen || this.#erases, width: this.#width() }, x, y);
  }

  /** Width of the brush, in pixels of the picture. */
  #width() {
    const { width, height } = this.canvas;
    return (Math.min(width, height) * this.size.valueAsNumber) / 100;
  }

  /** @param {PointerEvent} event */
  #move({ clientX, clientY }) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / width;
    this.#moveTo((clientX - left) * scale, (clientY - top) * scale, true);
  }

  /** @param {number} x @param {number} y @param {boolean} [beyond] whether the position may be outside of the picture, as a pointer's may */
  #moveTo(x, y, beyond = false) {
    const { width, height } = this.canvas;
    this.#at = beyond
      ? { x, y }
      : { x: Math.max(0, Math.min(width, x)), y: Math.max(0, Math.min(height, y)) };
    this.#showRing();
  }

  #showRing() {
    const { width, height } = this.canvas;
    const { style } = this.ring;
    style.left = `${(this.#at.x / width) * 100}%`;
    style.top = `${(this.#at.y / height) * 100}%`;
    style.width = `${(this.#width() / width) * 100}%`;
    this.ring.hidden = false;
  }

  /** @param {boolean} erases */
  #erase(erases) {
    this.#erases = erases;
    this.brush.setAttribute('aria-pressed', String(!erases));
    this.eraser.setAttribute('aria-pressed', String(erases));
    if (this.dialog.open) announce(say(erases ? 'page.eraser' : 'page.brush'));
  }

  #undo() {
    this.#mask?.undo();
    this.#refresh();
  }

  #clear() {
    this.#mask?.clear();
    this.#refresh();
  }

  /** Updates the note and the buttons after a change of the mask. */
  #refresh() {
    if (this.#mask === undefined) return;
    const painted = this.#mask.coverage();
    this.undo.disabled = !this.#mask.canUndo;
    this.clear.disabled = painted === 0;
    this.send.disabled = painted === 0 || this.words.value.trim() === '';
    this.note.textContent = say('page.painted_share', { percent: Math.ceil(painted * 100) });
  }

  /** Hands the mask back, also if the painter was only closed. @param {boolean} send */
  async #finish(send) {
    const task = this.#task;
    const mask = this.#mask;
    if (task === undefined || mask === undefined) return;
    this.#task = undefined;
    this.#mask = undefined;
    const painted =
      mask.coverage() === 0
        ? undefined
        : { mask: await mask.toFile(), veil: mask.toVeil(VEIL), strokes: mask.strokes };
    if (this.dialog.open) this.dialog.close();
    task.onDone(painted, this.words.value, send);
  }
}
