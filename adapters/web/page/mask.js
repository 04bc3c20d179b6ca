// @ts-check
/** What was painted over a picture: strokes in pixels of the picture, and the mask that they make. */
import { MASK_NAME } from './shared.js';

/** @typedef {{ erases: boolean, width: number, points: [x: number, y: number][] }} Stroke */

export class Mask {
  /**
   * @param {HTMLCanvasElement} canvas shows the strokes in one opaque colour; the style sheet makes it translucent
   * @param {{ width: number, height: number }} size of the picture
   * @param {readonly (Stroke | undefined)[]} strokes of the last time; undefined stands for a Clear
   */
  constructor(canvas, { width, height }, strokes) {
    canvas.width = width;
    canvas.height = height;
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (
      canvas.getContext('2d', { willReadFrequently: true })
    );
    this.strokes = [...strokes];
    this.#redraw();
  }

  get canUndo() {
    return this.strokes.length > 0;
  }

  /** @param {Omit<Stroke, 'points'>} brush @param {number} x @param {number} y */
  begin(brush, x, y) {
    const stroke = { ...brush, points: [/** @type {[number, number]} */ ([x, y])] };
    this.strokes.push(stroke);
    this.#draw(stroke, 0);
  }

  /** @param {number} x @param {number} y */
  extend(x, y) {
    const stroke = this.strokes.at(-1);
    if (stroke === undefined) return;
    stroke.points.push([x, y]);
    this.#draw(stroke, stroke.points.length - 2);
  }

  undo() {
    this.strokes.pop();
    this.#redraw();
  }

  clear() {
    if (this.strokes.at(-1) === undefined) return;
    this.strokes.push(undefined);
    this.#redraw();
  }

  #redraw() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const from = this.strokes.lastIndexOf(undefined) + 1;
    for (const stroke of this.strokes.slice(from)) if (stroke) this.#draw(stroke, 0);
  }

  /** @param {Stroke} stroke @param {number} from index of the first point to draw */
  #draw({ erases, width, points }, from) {
    const { context } = this;
    const [first, ...rest] = points.slice(from);
    if (first === undefined) return;
    context.globalCompositeOperation = erases ? 'destination-out' : 'source-over';
    context.strokeStyle = '#ff6f47';
    context.fillStyle = '#ff6f47';
    context.lineWidth = width;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.beginPath();
    // A canvas draws no line of length zero, and a single touch must leave a dot.
    if (rest.length === 0) {
      context.arc(...first, width / 2, 0, 2 * Math.PI);
      context.fill();
      return;
    }
    context.moveTo(...first);
    for (const point of rest) context.lineTo(...point);
    context.stroke();
  }

  /** @returns {number} the painted share of the picture, 0 to 1 */
  coverage() {
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    let painted = 0;
    for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 127) painted += 1;
    return painted / (width * height);
  }

  /** @param {number} side longest, in pixels @returns {string} `data:` URL of the painted area, for a thumbnail */
  toVeil(side) {
    const { width, height } = this.canvas;
    const scale = side / Math.max(width, height);
    const small = document.createElement('canvas');
    small.width = Math.max(1, Math.round(width * scale));
    small.height = Math.max(1, Math.round(height * scale));
    small.getContext('2d')?.drawImage(this.canvas, 0, 0, small.width, small.height);
    return small.toDataURL();
  }

  /** @returns {Promise<File>} a PNG of the size of the picture: white is drawn again, black is kept */
  async toFile() {
    const { width, height } = this.canvas;
    const canvas = new OffscreenCanvas(width, height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.drawImage(this.canvas, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = 'destination-over';
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    return new File([await canvas.convertToBlob({ type: 'image/png' })], MASK_NAME, { type: 'image/png' });
  }
}
