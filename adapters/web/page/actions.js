// @ts-check
/**
 * The buttons of a message: at most five in a row, the most used first; the others are in the menu More.
 * @import { Action, Message } from './types.js'
 */
import { useButton } from './controls.js';
import { confirmedButton, el, whilePressed } from './dom.js';
import { opensPopup } from './popup.js';
import { say, sayLabel } from './say.js';

/** @typedef {{ onPress: (action: Action) => Promise<void>, onUse: (control: import('./controls.js').Control) => void }} ActionsContext */

const ROW = 5;
/** The likeliest beside one picture. */
const FIRST = ['vary', 'edit', 'upscale', 'use'];

/** In the web chat an edit is a reply: the prompt line is the form. @param {Action} action */
export const isEdit = ({ id }) => verbOf(id) === 'edit';

/** @param {string} id `verb:JOB` or `verb:JOB:NUMBER` */
const verbOf = (id) => id.split(':')[0] ?? '';
/** A deletion can be undone in its message; what else is dangerous must be pressed twice. @param {Action} action */
const needsConfirmation = ({ id, style }) => style === 'danger' && verbOf(id) !== 'delete';
/** Whether a button is for one picture of several. @param {Action} action */
const isNumbered = ({ id }) => /^[a-z]+:[^:]+:\d+$/.test(id);

/**
 * What can be done with one picture of a message.
 * @param {Message} message
 * @param {number} number of the picture, from 1
 * @returns {Action[]}
 */
export function actionsOf({ actions, pictures }, number) {
  const own =
    pictures.length === 1
      ? actions
      : actions
          .filter((action) => !isNumbered(action) || action.id.endsWith(`:${number}`))
          .map((action) =>
            isNumbered(action) ? { ...action, label: wordOf(action.id), isOne: true } : action,
          );
  // These two work with every picture, also where the card of several has no button for one of them.
  const always = [
    { id: 'edit', label: say('button.edit') },
    { id: 'use', label: say('button.use') },
  ].filter(({ id }) => !own.some((action) => verbOf(action.id) === id));
  const rank = (/** @type {Action} */ { id }) => [...FIRST, verbOf(id)].indexOf(verbOf(id));
  return [...own, ...always].toSorted((a, b) => rank(a) - rank(b));
}

/** `U2` is a button for many pictures; beside one picture there is room for the word. @param {string} id */
const wordOf = (id) => say(verbOf(id) === 'upscale' ? 'button.upscale' : 'button.vary');

/**
 * @param {Message} message
 * @param {(Action & { isOne?: boolean })[]} actions `isOne` for an action that stands beside its own picture
 * @param {ActionsContext} context
 * @returns {HTMLElement[]} rows
 */
export function drawActions(message, actions, context) {
  const isOfMany = (/** @type {Action & { isOne?: boolean }} */ action) =>
    isNumbered(action) && !action.isOne;
  const numbered = actions.filter(isOfMany);
  let others = actions.filter((action) => !isOfMany(action));
  if (numbered.length > 0) {
    const rows = Object.values(Object.groupBy(numbered, ({ id }) => verbOf(id))).map((group = []) =>
      group.map((action) => drawAction(action, context)),
    );
    // With up to four pictures the other buttons end the rows: one in the first, the rest in the second.
    if (rows.every((row) => row.length < ROW)) {
      const [first, ...rest] = others;
      if (first) rows[0]?.push(drawAction(first, context));
      if (rest.length > 0) (rows[1] ?? rows[0])?.push(drawMore(rest, context));
      return rows.map(drawRow);
    }
    return [...rows.map(drawRow), drawRow(fold(others, context))];
  }
  // Every picture can be replied to, also where the card has no Edit button.
  if (message.pictures.length > 0 && !others.some(isEdit))
    others = [{ id: 'edit', label: say('button.edit') }, ...others];
  return others.length > 0 ? [drawRow(fold(others, context))] : [];
}

/** @param {Action[]} actions @param {ActionsContext} context */
function fold(actions, context) {
  const shown = actions.length > ROW ? actions.slice(0, ROW - 1) : actions;
  const rest = actions.slice(shown.length);
  const buttons = shown.map((action) => drawAction(action, context));
  return rest.length > 0 ? [...buttons, drawMore(rest, context)] : buttons;
}

/** @param {HTMLElement[]} buttons */
const drawRow = (buttons) => el('div', { className: 'action-row' }, ...buttons);

/** @param {Action[]} actions @param {ActionsContext} context */
function drawMore(actions, { onPress }) {
  const button = el('button', { type: 'button', className: 'action' }, say('page.more'));
  opensPopup(button, say('page.more'), () =>
    actions.map((action) => ({
      label: sayLabel(action.label),
      danger: needsConfirmation(action),
      onChoose: () => onPress(action),
    })),
  );
  return button;
}

/** @param {Action} action @param {ActionsContext} context */
function drawAction(action, { onPress, onUse }) {
  if (verbOf(action.id) === 'use') {
    const choices = action.form?.fields.find(({ name }) => name === 'control')?.choices;
    return useButton(
      'action',
      onUse,
      choices?.map(({ value }) => value),
    );
  }
  const number = isNumbered(action) ? action.id.split(':')[2] : undefined;
  const verb = verbOf(action.id) === 'upscale' ? 'page.upscale_picture' : 'page.vary_picture';
  const title = number && say(verb, { number });
  const label = sayLabel(action.label);
  const className = `action ${action.style ?? ''}`;
  if (needsConfirmation(action)) return confirmedButton(label, className, () => onPress(action), title);
  const button = el('button', { type: 'button', className, title }, label);
  return whilePressed(button, () => onPress(action));
}
