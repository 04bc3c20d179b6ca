// @ts-check
/**
 * The pictures of one request: each place shows its picture as soon as it is finished, and until then how it comes up.
 * @import { Job, Picture } from './types.js'
 */
import { el } from './dom.js';
import { drawPrint, Plate } from './print.js';

export class Grid {
  element = el('div', { className: 'prints many' });
  /** @type {(Plate | string)[]} of each place: what comes up, or the id of its picture */
  #places = [];

  /** @param {number} ratio width / height that its pictures will probably have @param {(picture: Picture) => void} onOpen */
  constructor(ratio, onOpen) {
    this.element.style.setProperty('--ratio', String(ratio));
    this.onOpen = onOpen;
  }

  /** @param {Job} job @param {Picture[]} pictures those that are finished, the first ones */
  show(job, pictures) {
    const count = Math.max(job.count ?? 1, pictures.length);
    const steps = (job.steps ?? 0) / count;
    // The preview is a sheet of them all, in as many columns as rows.
    const columns = Math.ceil(Math.sqrt(count));
    for (let i = 0; i < count; i++) {
      const picture = pictures[i];
      if (picture !== undefined) {
        if (this.#places[i] !== picture.id)
          this.#put(
            i,
            picture.id,
            drawPrint(picture, undefined, () => this.onOpen(picture)),
          );
        continue;
      }
      let plate = this.#places[i];
      if (!(plate instanceof Plate)) {
        plate = new Plate();
        this.#put(i, plate, plate.element);
      }
      const developed = steps > 0 ? Math.min(1, Math.max(0, (job.step ?? 0) / steps - i)) : 0;
      plate.show(job, { developed, columns, column: i % columns, row: Math.floor(i / columns) });
    }
    for (const place of [...this.element.children].slice(count)) place.remove();
    this.#places.length = count;
  }

  /** @param {number} i @param {Plate | string} place @param {HTMLElement} element */
  #put(i, place, element) {
    const before = this.element.children[i];
    if (before === undefined) this.element.append(element);
    else before.replaceWith(element);
    this.#places[i] = place;
  }
}
