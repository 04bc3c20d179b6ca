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
          picture ? el('img', { src: picture, alt: '' }) : null,
          el('span', {}, prompt),
        ),
      ),
    ),
  );
}
