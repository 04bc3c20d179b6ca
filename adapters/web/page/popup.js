// @ts-check
/** A menu that a button opens: arrow keys move in it, Enter chooses, Escape closes it and focuses the button. */
import { announce, el } from './dom.js';
import { say } from './say.js';

/** @typedef {{ label: string, title?: string, danger?: boolean, onChoose: () => unknown }} PopupItem */

const EDGE = 8;
/** Closes the open menu; only one can be open. @type {(() => void) | undefined} */
let closeOpen;
let count = 0;

/**
 * Makes a button open a menu.
 * @param {HTMLButtonElement} button
 * @param {string} label of the menu
 * @param {() => PopupItem[]} items
 */
export function opensPopup(button, label, items) {
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  /** @type {(() => void) | undefined} */
  let close;
  button.addEventListener('click', () => {
    if (close !== undefined) {
      close();
      return;
    }
    close = openPopup(button, label, items(), () => {
      close = undefined;
    });
  });
  button.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' || close !== undefined) return;
    event.preventDefault();
    button.click();
  });
}

/**
 * @param {HTMLButtonElement} button
 * @param {string} label
 * @param {PopupItem[]} items
 * @param {() => void} onClosed
 * @returns {() => void} closes it
 */
function openPopup(button, label, items, onClosed) {
  closeOpen?.();
  count += 1;
  const entries = items.map((item) => drawItem(item, () => close(true)));
  const menu = el(
    'div',
    { className: 'popup', id: `popup-${count}`, role: 'menu', 'aria-label': label, popover: 'manual' },
    ...entries,
  );
  // Elements outside of an open dialog cannot be used, and those outside of landmarks are missed by screen readers.
  (button.closest('dialog, main, footer, header') ?? document.body).append(menu);
  menu.showPopover();
  button.setAttribute('aria-expanded', 'true');
  button.setAttribute('aria-controls', menu.id);

  const place = () => {
    if (!button.isConnected) close();
    else placeBeside(menu, button);
  };
  /** @param {Event} event */
  const onPress = ({ target }) => {
    if (target instanceof Node && !menu.contains(target) && !button.contains(target)) close();
  };
  /** @param {boolean} [refocus] */
  const close = (refocus = false) => {
    if (closeOpen !== close) return;
    closeOpen = undefined;
    removeEventListener('scroll', place, true);
    removeEventListener('resize', place);
    document.removeEventListener('pointerdown', onPress, true);
    menu.remove();
    button.setAttribute('aria-expanded', 'false');
    button.removeAttribute('aria-controls');
    if (refocus && button.isConnected) button.focus();
    onClosed();
  };
  closeOpen = close;
  addEventListener('scroll', place, true);
  addEventListener('resize', place);
  document.addEventListener('pointerdown', onPress, true);
  menu.addEventListener('keydown', (event) => onKey(event, entries, () => close(true)));
  place();
  entries[0]?.focus();
  return close;
}

/** @param {KeyboardEvent} event @param {HTMLElement[]} entries @param {() => void} close */
function onKey(event, entries, close) {
  const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  /** @type {Record<string, number>} */
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 };
  const to = moves[event.key];
  if (to !== undefined) entries[(to + entries.length) % entries.length]?.focus();
  else if (event.key === 'Escape' || event.key === 'Tab') close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** @param {PopupItem} item @param {() => void} close */
function drawItem({ label, title, danger, onChoose }, close) {
  const button = el(
    'button',
    { type: 'button', className: 'popup-item', role: 'menuitem', tabIndex: -1, title },
    label,
  );
  let isArmed = false;
  button.addEventListener('click', () => {
    // What cannot be undone must be pressed twice.
    if (danger && !isArmed) {
      isArmed = true;
      button.classList.add('armed');
      button.textContent = say('page.for_good', { label });
      announce(say('page.press_again'));
      return;
    }
    close();
    onChoose();
  });
  return button;
}

/** Below the button if there is room, otherwise above it; always inside the window. @param {HTMLElement} menu @param {HTMLElement} button */
function placeBeside(menu, button) {
  const { left, top, bottom } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = bottom + 4;
  const isBelow = below + height <= innerHeight - EDGE || top < height + EDGE;
  menu.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - width - EDGE))}px`;
  menu.style.top = `${isBelow ? Math.max(EDGE, Math.min(below, innerHeight - height - EDGE)) : top - 4 - height}px`;
}
