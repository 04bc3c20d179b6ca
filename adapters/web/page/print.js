// @ts-check
/**
 * A picture on the page: first the plate on which it comes up, then the print.
 * @import { Job, Message, Picture } from './types.js'
 */
import { el } from './dom.js';

/** The picture as it comes up: grey grain, then form, then colour. */
export class Plate {
  constructor() {
    this.image = el('img', { className: 'latent', alt: '', hidden: true });
    this.element = el('div', { className: 'plate' }, grain(), this.image);
  }

  /** The last preview, which stays beneath the print until that has loaded. */
  get preview() {
    return this.image.hidden ? undefined : this.image.src;
  }

  /** @param {Job} job */
  show(job) {
    if (job.preview && this.image.src !== job.preview) {
      this.image.src = job.preview;
      this.image.hidden = false;
    }
    const developed = job.steps ? (job.step ?? 0) / job.steps : 0;
    this.element.style.setProperty('--developed', developed.toFixed(3));
  }
}

/** Grey noise, the look of a latent at the first step. */
function grain() {
  const side = 360;
  const canvas = el('canvas', { className: 'grain', width: side, height: side, 'aria-hidden': 'true' });
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  const pixels = context.createImageData(side, side);
  for (let i = 0; i < pixels.data.length; i += 4) {
    // The sum of three draws is near enough to Gaussian.
    const level = 128 + 150 * (Math.random() + Math.random() + Math.random() - 1.5);
    pixels.data.set([level, level * 0.98, level * 0.95, 255], i);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * Width / height that the print will likely have, so that it does not jump when it is there.
 * @param {Message} message
 * @param {Message | undefined} request
 */
export function expectedRatio(message, request) {
  const size = /--(?:ar|size)[ =](\d+)[:x](\d+)/.exec(request?.text ?? '');
  if (size?.[1] && size[2]) return Number(size[1]) / Number(size[2]);
  const source = message.pictures[0] ?? request?.pictures[0];
  return source ? source.width / source.height : 1;
}

/** @param {Picture} picture @param {string | undefined} preview @param {() => void} onclick */
export function drawPrint(picture, preview, onclick) {
  const image = el('img', {
    src: picture.url,
    alt: picture.alt,
    width: picture.width,
    height: picture.height,
    loading: preview ? 'eager' : 'lazy',
    decoding: 'async',
  });
  const button = el('button', { type: 'button', className: 'print', title: 'Open', onclick }, image);
  button.style.setProperty('--ratio', String(picture.width / picture.height));
  button.style.setProperty('--native', `${picture.width}px`);
  button.dataset['picture'] = picture.id;
  if (preview) {
    const latent = el('img', { className: 'latent', src: preview, alt: '' });
    button.prepend(latent);
    image.classList.add('coming');
    image
      .decode()
      .catch(() => undefined) // a picture that cannot be shown says so by its alt text
      .then(() => image.classList.remove('coming'));
    image.addEventListener('transitionend', () => latent.remove(), { once: true });
  }
  return button;
}
