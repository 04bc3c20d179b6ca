// @ts-check
/** The kinds of control images: the values of --control that the page offers. */
import { el } from './dom.js';
import { opensPopup } from './popup.js';
import { say } from './say.js';

/** @typedef {{ value: string, label: string }} Control */

/** @type {readonly Control[]} */
export const CONTROLS = [
  { value: 'canny', label: say('page.control.canny') },
  { value: 'openpose', label: say('page.control.openpose') },
  { value: 'scribble', label: say('page.control.scribble') },
  { value: 'lineart', label: say('page.control.lineart') },
  { value: 'depth', label: say('page.control.depth') },
];

/**
 * @param {(control: Control) => void} onChoose
 * @param {readonly string[]} [kinds] that are offered; all where left out
 * @returns {import('./popup.js').PopupItem[]}
 */
const controlItems = (onChoose, kinds) =>
  CONTROLS.filter(({ value }) => kinds?.includes(value) ?? true).map((control) => ({
    label: control.label,
    onChoose: () => onChoose(control),
  }));

/**
 * A button with a menu of the kinds.
 * @param {string} className @param {(control: Control) => void} onChoose @param {readonly string[]} [kinds]
 */
export function useButton(className, onChoose, kinds) {
  const button = el('button', { type: 'button', className }, say('page.use_as'));
  opensPopup(button, say('page.use_this_as'), () => controlItems(onChoose, kinds));
  return button;
}

/**
 * The command line for a picture that follows an attached control image.
 * @param {string} words a prompt, or a command line
 * @param {Control} control
 */
export function controlLine(words, { value }) {
  const line = words.startsWith('/') ? words : `/imagine ${words}`;
  return /\s--control\b/.test(line) ? line : `${line} --control ${value}`;
}
