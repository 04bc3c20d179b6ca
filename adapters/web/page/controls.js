// @ts-check
/** What a new picture can take from another one: the kinds of /imagine's --control. */
import { el } from './dom.js';
import { opensPopup } from './popup.js';

/** @typedef {{ value: string, label: string }} Control */

/** @type {readonly Control[]} */
export const CONTROLS = [
  { value: 'canny', label: 'Edges' },
  { value: 'openpose', label: 'Pose' },
  { value: 'scribble', label: 'Scribble' },
  { value: 'lineart', label: 'Line art' },
  { value: 'depth', label: 'Depth' },
];

/** @param {(control: Control) => void} onChoose @returns {import('./popup.js').PopupItem[]} */
export const controlItems = (onChoose) =>
  CONTROLS.map((control) => ({ label: control.label, onChoose: () => onChoose(control) }));

/** A button whose menu asks what to take. @param {string} className @param {(control: Control) => void} onChoose */
export function useButton(className, onChoose) {
  const button = el('button', { type: 'button', className }, 'Use as\u2026');
  opensPopup(button, 'Use this picture as', () => controlItems(onChoose));
  return button;
}

/**
 * The line that draws a new picture by a control picture that comes with it.
 * @param {string} words plain, or already a command with flags
 * @param {Control} control
 */
export function controlLine(words, { value }) {
  const line = words.startsWith('/') ? words : `/imagine ${words}`;
  return /\s--control\b/.test(line) ? line : `${line} --control ${value}`;
}
