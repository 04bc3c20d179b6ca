// @ts-check
/**
 * The empty chat: four example pictures with their prompts. A press on one generates it.
 * @import { Example } from './types.js'
 */
import { byId, el } from './dom.js';

/**
 * @param {Example[]} examples
 * @param {string[]} words that the model was trained on; empty for a general model
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
 * The file next to the page, made with the embedded model: `darkroom imagine PROMPT --seed SEED`.
 * @param {string} prompt
 * @param {number} [seed]
 */
const printOf = (prompt, seed) =>
  `print-${prompt.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${seed ?? 'any'}.webp`;

/** The examples of other models have no file here; only their prompts are shown. @param {string} url */
function drawPicture(url) {
  const image = el('img', { src: url, alt: '', onerror: () => image.remove() });
  return image;
}
