// @ts-check
/**
 * A picture in a message: first its preview while it is generated, then the picture.
 * @import { Job, Message, Picture } from './types.js'
 */
import { el } from './dom.js';
import { say } from './say.js';

/** Longer side, in pixels, of a preview of inpainting; other previews have one pixel per latent. */
const MASKED_PREVIEW = 192;

/** The preview: grey noise, then shapes, then colours. */
export class Plate {
  constructor() {
    this.image = el('img', { className: 'latent', alt: '', hidden: true });
    this.element = el('div', { className: 'plate' }, grain(), this.image);
  }

  /** The last preview, which stays below the picture until that has loaded. */
  get preview() {
    return this.image.hidden ? undefined : this.image.src;
  }

  /**
   * @param {Job} job
   * @param {{ developed: number, columns: number, column: number, row: number }} [place] in the preview of several
   */
  show(job, place) {
    if (job.preview && this.image.src !== job.preview) {
      this.image.src = job.preview;
      this.image.hidden = false;
      // Around a part that is drawn, the preview shows a picture: that needs no blur.
      this.image.decode().then(
        () => {
          const { naturalWidth, naturalHeight } = this.image;
          this.element.classList.toggle('part', Math.max(naturalWidth, naturalHeight) === MASKED_PREVIEW);
        },
        () => undefined, // the next preview came first
      );
    }
    if (place !== undefined) {
      const { columns, column, row } = place;
      // Of the sheet only its own place is seen.
      const part = [columns, column, row].map((number) => `${100 * number}%`);
      Object.assign(this.image.style, {
        width: part[0],
        height: part[0],
        left: `-${part[1]}`,
        top: `-${part[2]}`,
      });
    }
    const developed = place?.developed ?? (job.steps ? (job.step ?? 0) / job.steps : 0);
    this.element.style.setProperty('--developed', developed.toFixed(3));
  }
}

/** Grey noise, like the latents at the first step. */
function grain() {
  const side = 360;
  const canvas = el('canvas', { className: 'grain', width: side, height: side, 'aria-hidden': 'true' });
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  const pixels = context.createImageData(side, side);
  for (let i = 0; i < pixels.data.length; i += 4) {
    // The sum of three uniform numbers is close enough to a normal distribution.
    const level = 128 + 150 * (Math.random() + Math.random() + Math.random() - 1.5);
    pixels.data.set([level, level * 0.98, level * 0.95, 255], i);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * Width / height that the picture will probably have, so that the page does not jump when it arrives.
 * @param {Message} message
 * @param {Message | undefined} request
 */
export function expectedRatio(message, request) {
  const size = /--(?:ar|size)[ =](\d+)[:x](\d+)/.exec(request?.text ?? '');
  if (size?.[1] && size[2]) return Number(size[1]) / Number(size[2]);
  const source = message.pictures[0] ?? request?.pictures[0];
  return source ? source.width / source.height : 1;
}

/** Ids of pictures that were hidden and that somebody has opened here. @type {Set<string>} */
const opened = new Set();
/** Tells `opened` when one more is. */
export const openings = new EventTarget();

/** Whether the check of pictures hid it, and nobody has opened it here. @param {Picture} picture */
export const isHidden = ({ id, spoiler }) => spoiler === true && !opened.has(id);

/** A picture where it is small and stands for its message; a grey field where it is hidden. @param {Picture} picture */
export const drawSmall = (picture) =>
  isHidden(picture)
    ? el('span', { className: 'hidden-small', 'aria-hidden': 'true' })
    : el('img', { src: picture.url, alt: '', loading: 'lazy' });

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
  const button = el(
    'button',
    {
      type: 'button',
      className: 'print',
      title: say('page.open'),
      onclick: () => {
        if (!isHidden(picture)) return onclick();
        opened.add(picture.id);
        openings.dispatchEvent(new Event('opened'));
        button.classList.remove('veiled');
        button.title = say('page.open');
        image.alt = picture.alt;
      },
    },
    image,
  );
  if (isHidden(picture)) {
    button.classList.add('veiled');
    button.title = say('page.show_hidden');
    image.alt = say('page.show_hidden');
  }
  button.style.setProperty('--ratio', String(picture.width / picture.height));
  button.style.setProperty('--native', `${picture.width}px`);
  button.dataset['picture'] = picture.id;
  if (preview) {
    const latent = el('img', { className: 'latent', src: preview, alt: '' });
    button.prepend(latent);
    image.classList.add('coming');
    image
      .decode()
      .catch(() => undefined) // the browser shows the alt text of a picture that it cannot load
      .then(() => image.classList.remove('coming'));
    image.addEventListener('transitionend', () => latent.remove(), { once: true });
  }
  return button;
}
