// @ts-check
/**
 * The empty state: four prints with their prompts; one press develops one.
 * @import { Example } from './types.js'
 */
import { byId, el } from './dom.js';

/**
 * @param {Example[]} examples
 * @param {string[]} words that a small model knows best
 * @param {(line: string) => void} onPress
 */
export function drawGallery(examples, words, onPress) {
  byId('words').hidden = words.length === 0;
  byId('words-list').textContent = words.join(', ');
  byId('gallery').replaceChildren(
    ...examples.slice(0, 4).map(({ prompt, seed, picture }) =>
      el(
        'li',
        {},
        el(
          'button',
          {
            type: 'button',
            className: 'example',
            onclick: () =>
              onPress(seed === undefined ? `/imagine ${prompt}` : `/imagine ${prompt} --seed ${seed}`),
          },
          drawPicture(picture ?? printOf(prompt, seed)),
          el('span', {}, prompt),
        ),
      ),
    ),
  );
}

/**
 * The print that lies beside the page, made by `darkroom imagine PROMPT --seed SEED` with the embedded model.
 * @param {string} prompt
 * @param {number} [seed]
 */
const printOf = (prompt, seed) =>
  `print-${prompt.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${seed ?? 'any'}.webp`;

/** Another model's examples have no print here: their prompts stand alone. @param {string} url */
function drawPicture(url) {
  const image = el('img', { src: url, alt: '', onerror: () => image.remove() });
  return image;
}
