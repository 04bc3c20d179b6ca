// @ts-check
/**
 * Two pictures over each other: a slider says where the earlier one ends and the later one begins.
 * @import { Picture } from './types.js'
 */
import { el } from './dom.js';
import { say } from './say.js';

export class Comparison {
  constructor() {
    this.before = el('img', { className: 'compare-before' });
    this.after = el('img', { className: 'compare-after' });
    this.range = el('input', { type: 'range', min: '0', max: '100', className: 'compare-range' });
    this.range.setAttribute('aria-label', say('page.compare_slider'));
    this.range.addEventListener('input', () => this.#place());
    this.element = el(
      'div',
      { className: 'compare', hidden: true },
      this.before,
      this.after,
      el('span', { className: 'compare-line', 'aria-hidden': 'true' }),
      this.range,
    );
  }

  get isShown() {
    return !this.element.hidden;
  }

  /** @param {Picture} before @param {Picture} after both fill the place of the later one */
  show(before, after) {
    this.before.src = before.url;
    this.after.src = after.url;
    this.before.alt = say('page.before', { alt: before.alt });
    this.after.alt = say('page.after', { alt: after.alt });
    this.element.style.setProperty('--ratio', String(after.width / after.height));
    this.range.value = '50';
    this.#place();
    this.element.hidden = false;
    this.range.focus();
  }

  hide() {
    this.element.hidden = true;
  }

  #place() {
    this.element.style.setProperty('--at', `${this.range.value}%`);
  }
}
