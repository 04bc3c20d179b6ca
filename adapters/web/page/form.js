// @ts-check
/**
 * The form that a button opens under its message.
 * @import { Form, FormField } from './types.js'
 */
import { el } from './dom.js';
import { say, sayLabel } from './say.js';

/** @typedef {Record<string, string | number>} FormValues */

let count = 0;

/**
 * @param {Form} form its picture fields are left out: pictures are attached at the prompt line
 * @param {{ label: string, onSend: (values: FormValues) => Promise<boolean>, onClose: () => void }} context
 *   `onSend` resolves to whether the server accepted; a refused form stays open
 */
export function drawForm({ title, fields }, { label, onSend, onClose }) {
  const shown = fields.filter(({ kind }) => kind !== 'picture').map(drawField);
  const send = el('button', { type: 'submit', className: 'action primary' }, label);
  const form = el(
    'form',
    {
      className: 'ask',
      'aria-label': sayLabel(title),
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        send.disabled = true;
        const isAccepted = await onSend(Object.fromEntries(shown.flatMap(({ read }) => read())));
        send.disabled = false;
        if (isAccepted) onClose();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        onClose();
      },
    },
    el('h3', {}, sayLabel(title)),
    ...shown.map(({ element }) => element),
    el(
      'div',
      { className: 'action-row' },
      send,
      el('button', { type: 'button', className: 'quiet', onclick: onClose }, say('button.cancel')),
    ),
  );
  return form;
}

/** @param {FormField} field @returns {{ element: HTMLElement, read: () => [string, string | number][] }} */
function drawField(field) {
  count += 1;
  const id = `field-${count}`;
  const input = drawInput(field, id);
  return {
    element: el(
      'div',
      { className: 'ask-field' },
      el('label', { htmlFor: id }, sayLabel(field.label)),
      input,
    ),
    // An empty field is not sent.
    read: () => {
      const text = input.value.trim();
      if (text === '') return [];
      return [[field.name, field.kind === 'number' ? Number(text) : text]];
    },
  };
}

/** @param {FormField} field @param {string} id */
function drawInput(field, id) {
  const { required } = field;
  if (field.kind === 'choice') {
    const options = (field.choices ?? []).map(({ value, label }) => el('option', { value }, sayLabel(label)));
    return el(
      'select',
      { id, required },
      ...(required ? [] : [el('option', { value: '' }, '\u2013')]),
      ...options,
    );
  }
  if (field.kind === 'number') {
    const { value, min, max } = field;
    return el('input', { type: 'number', id, required, min, max, step: 'any', value });
  }
  const { value, placeholder } = field;
  const example = placeholder === undefined ? undefined : sayLabel(placeholder);
  return el('textarea', { id, required, rows: 1, placeholder: example, value });
}
