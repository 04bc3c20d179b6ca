// @ts-check
/** Elements without markup: every string of the server's or a user's becomes a text node or an attribute. */

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
export function icon(name) {
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

/** @param {string} text spoken by a screen reader when it has a moment */
export function announce(text) {
  byId('announcer').textContent = text;
}
