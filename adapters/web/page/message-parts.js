// @ts-check
/**
 * The parts of a message: heading, text, origin, job line and fields.
 * @import { Field, Job, Message, Picture } from './types.js'
 */
import { announce, copyText, el, iconButton, whilePressed } from './dom.js';
import { linkTo } from './places.js';
import { drawSmall } from './print.js';
import { say, sayDate } from './say.js';

/** Longer texts are folded, so that a prompt of 5,000 characters does not hide its picture. */
const FOLD_CHARACTERS = 600;
/** Notes that are longer are folded. */
const LINE_CHARACTERS = 90;

/**
 * @param {Message} message
 * @param {string} name
 * @param {string | undefined} asker for whom the bot answers: `for Ada`
 * @param {(() => Promise<void>) | undefined} onDelete
 * @returns {Node[]}
 */
export function drawHead({ id, at, author, private: isPrivate }, name, asker, onDelete) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const shown = sayDate(date, { ...(!today && { dateStyle: 'medium' }), timeStyle: 'short' });
  const title = say('page.link_to_message', { time: sayDate(date) });
  return [
    el('span', {}, el('span', { className: 'author' }, name), asker && !isPrivate ? ` ${asker}` : null),
    el(
      'a',
      { className: 'time', href: linkTo(id), title },
      el('time', { dateTime: date.toISOString() }, shown),
    ),
    ...(isPrivate ? [el('span', { className: 'only' }, say('page.only_you'))] : []),
    ...(onDelete ? [drawDelete(isPrivate === true && author.bot === true, onDelete)] : []),
  ];
}

/** @param {boolean} isAnswer a private one, which is only dismissed @param {() => Promise<void>} onDelete */
function drawDelete(isAnswer, onDelete) {
  if (isAnswer) {
    const button = iconButton(say('page.dismiss'), 'close', onDelete);
    button.classList.add('dismiss');
    return button;
  }
  return el(
    'button',
    { type: 'button', className: 'quiet head-action', title: say('page.delete_hint'), onclick: onDelete },
    say('button.delete'),
  );
}

/** What stands in the place of a message that was deleted, until that can no longer be undone. @param {() => void} onUndo */
export function drawDeleted(onUndo) {
  return [
    el('p', {}, say('page.deleted')),
    el('button', { type: 'button', className: 'action', onclick: onUndo }, say('button.undo')),
  ];
}

/**
 * What a message starts from: the message that it replies to, or whose button was pressed.
 * @param {string} id of that message
 * @param {Message | undefined} parent undefined where it is not loaded
 * @param {Picture | undefined} picture of it
 * @returns {Node[]}
 */
export function drawOrigin(id, parent, picture) {
  const words = picture?.alt || parent?.text || '';
  return [
    el(
      'a',
      { className: 'origin', href: linkTo(id), title: say('page.from_hint') },
      picture ? drawSmall(picture) : null,
      el('span', { className: 'origin-label' }, say('page.from')),
      el('span', { className: 'origin-words' }, words || say('page.earlier_message')),
    ),
  ];
}

/** @param {string} text @param {boolean} bot @returns {Node[]} */
export function drawText(text, bot) {
  const paragraph = el('p', {}, ...(bot ? [text] : drawLine(text)));
  if (text.length <= FOLD_CHARACTERS) return [paragraph];
  paragraph.classList.add('folded');
  const button = el(
    'button',
    {
      type: 'button',
      className: 'unfold',
      'aria-expanded': 'false',
      onclick: () => {
        const folded = paragraph.classList.toggle('folded');
        button.setAttribute('aria-expanded', String(!folded));
        button.textContent = folded ? say('page.show_all') : say('page.show_less');
      },
    },
    say('page.show_all'),
  );
  return [paragraph, button];
}

/** A command line with its command and flags set off from the prompt. @param {string} text */
function drawLine(text) {
  return text
    .split(/(^\/\S+|(?<=\s)--[a-z_-]+(?:[ =](?:"[^"]*"|[^\s-]\S*))?)/i)
    .filter((part) => part !== '')
    .map((part) => (/^(\/|--)/.test(part) ? el('span', { className: 'syntax' }, part) : part));
}

/**
 * @param {Job} job
 * @param {string} text where the job stands
 * @param {boolean} canCancel
 * @param {() => void} onCancel
 * @returns {Node[]}
 */
export function drawJob(job, text, canCancel, onCancel) {
  const step = job.state === 'running' ? (job.step ?? 0) : 0;
  const steps = job.steps ?? 1;
  const bar = el('div', {
    className: 'bar',
    role: 'progressbar',
    'aria-label': say('page.progress'),
    'aria-valuemin': 0,
    'aria-valuemax': steps,
    'aria-valuenow': step,
    'aria-valuetext': text,
  });
  bar.style.setProperty('--done', String(step / steps));
  return [
    bar,
    el('p', {}, text),
    ...(canCancel
      ? [el('button', { type: 'button', className: 'quiet', onclick: onCancel }, say('button.cancel'))]
      : []),
  ];
}

/** @param {Field[]} fields @returns {Node[]} */
export function drawFields(fields) {
  return [
    el(
      'dl',
      {},
      ...fields.flatMap(({ name, value }) => {
        const lines = value.split('\n');
        if (!lines.every((line) => line.startsWith('/'))) return [el('dt', {}, name), el('dd', {}, value)];
        const commands = lines.map((line) =>
          el('div', { className: 'command' }, el('code', {}, line), copyButton(line)),
        );
        return [el('dt', {}, name), el('dd', {}, ...commands)];
      }),
    ),
  ];
}

/**
 * The pictures of a sweep, each of which opens by itself.
 * @param {import('./types.js').Cell[]} cells
 * @param {(cell: import('./types.js').Cell) => Promise<unknown>} onOpen
 * @returns {Node[]}
 */
export function drawCells(cells, onOpen) {
  return [
    el(
      'div',
      { className: 'cells' },
      ...cells.map((cell) =>
        whilePressed(
          el(
            'button',
            { type: 'button', className: 'cell' },
            drawSmall(cell.picture),
            el('span', {}, cell.label),
          ),
          async () => void (await onOpen(cell)),
        ),
      ),
    ),
  ];
}

/** Sentences about how the request was read: one line, folded where they are longer. @param {string[]} notes @returns {Node[]} */
export function drawNotes(notes) {
  const [first = '', ...others] = notes;
  if (notes.join(' ').length <= LINE_CHARACTERS) return [el('p', {}, notes.join(' '))];
  const summary = el('summary', {}, el('span', {}, first));
  return [el('details', { className: 'notes' }, summary, ...others.map((note) => el('p', {}, note)))];
}

/** @param {string} text */
function copyButton(text) {
  const button = el(
    'button',
    {
      type: 'button',
      className: 'quiet',
      onclick: async () => {
        await copyText(text);
        button.textContent = say('page.copied');
        announce(say('page.copied'));
        setTimeout(() => (button.textContent = say('page.copy')), 2000);
      },
    },
    say('page.copy'),
  );
  return button;
}
