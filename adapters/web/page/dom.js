// @ts-check
/** Creates elements. Strings become text nodes and attributes, never markup. */
import { say } from './say.js';

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [properties] properties of the element; names with a dash are attributes,
 *   `on…` functions are listeners, undefined is left out
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), /** @type {any} */ (value));
    else if (name.includes('-') || name === 'role') element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/** @param {string} name of a symbol in index.html */
function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(space, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * @param {string} label what it does, for the eye (a title) and the ear
 * @param {string} symbol
 * @param {(event: MouseEvent) => void} onclick
 */
export function iconButton(label, symbol, onclick) {
  return el(
    'button',
    { type: 'button', className: 'icon', title: label, 'aria-label': label, onclick },
    icon(symbol),
  );
}

/**
 * An element that index.html is known to have.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return /** @type {T} */ (element);
}

/** @param {string} text that screen readers read out after what they are reading now */
export function announce(text) {
  byId('announcer').textContent = text;
}

/** @param {string} text */
export async function copyText(text) {
  // Browsers have a clipboard only over HTTPS and on localhost.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = el('textarea', { className: 'unseen', value: text });
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/**
 * Calls something when a button is pressed, once at a time. The button is not disabled meanwhile: it would lose the
 * focus, and with it somebody who uses the keyboard their place.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} onPress
 */
export function whilePressed(button, onPress) {
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    await onPress();
    button.removeAttribute('aria-disabled');
  });
  return button;
}

/**
 * A button for what cannot be undone: it must be pressed twice.
 * @param {string} label
 * @param {string} className
 * @param {() => Promise<unknown>} onPress
 * @param {string} [title]
 */
export function confirmedButton(label, className, onPress, title) {
  const button = el('button', { type: 'button', className, title }, label);
  let isArmed = false;
  /** @param {boolean} armed */
  const arm = (armed) => {
    isArmed = armed;
    button.classList.toggle('armed', armed);
    button.textContent = armed ? say('page.for_good', { label }) : label;
  };
  button.addEventListener('blur', () => arm(false));
  return whilePressed(button, async () => {
    if (!isArmed) {
      arm(true);
      announce(say('page.press_again'));
      return;
    }
    await onPress();
    arm(false);
  });
}
