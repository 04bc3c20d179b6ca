// @ts-check
/**
 * One message on the page. A part of it is drawn again only when its data changed, so that focus, an expanded
 * text and a picture that fades in survive the many edits of a running job.
 * @import { Control } from './controls.js'
 * @import { FormValues } from './form.js'
 * @import { Action, Job, Message, Picture } from './types.js'
 */
import { drawActions, isEdit } from './actions.js';
import { isLive } from './conversation.js';
import { announce, confirmedButton, copyText, el } from './dom.js';
import { drawForm } from './form.js';
import { drawPrint, expectedRatio, Plate } from './print.js';

/**
 * @typedef {{
 *   isMine: (message: Message) => boolean, repliedTo: (message: Message) => Message | undefined,
 *   onOpen: (picture: Picture) => void, onReply: (message: Message) => void,
 *   onPress: (message: Message, action: Action, values?: FormValues) => Promise<boolean>,
 *   onUse: (message: Message, control: Control) => void, onCancel: (message: Message) => void,
 *   onDelete: (message: Message) => Promise<boolean>,
 * }} MessageContext `onPress` and `onDelete` resolve to whether the server accepted
 */

const PARTS = /** @type {const} */ ([
  'head',
  'text',
  'plate',
  'job',
  'error',
  'fields',
  'notes',
  'foot',
  'actions',
  'ask',
]);
/** Longer texts are folded, so that a prompt of 5,000 characters does not hide its picture. */
const FOLD_CHARACTERS = 600;

export class MessageView {
  /** @type {Map<string, { slot: HTMLElement, shown: string }>} */
  #parts = new Map();
  /** @type {Plate | undefined} */
  #plate;

  /** @param {MessageContext} context */
  constructor(context) {
    this.context = context;
    this.element = el('li', { className: 'message' });
    for (const part of PARTS) {
      const slot = el('div', { className: `message-${part}`, hidden: true });
      this.#parts.set(part, { slot, shown: '' });
      this.element.append(slot);
    }
  }

  /** @param {Message} message */
  show(message) {
    const { job, pictures } = message;
    const live = isLive(job);
    const bot = message.author.bot === true;
    const error = message.error ?? job?.error;
    this.element.dataset['id'] = message.id;
    this.element.classList.toggle('bot', bot);
    this.element.classList.toggle('alive', live);
    this.element.classList.toggle('private', message.private === true);

    const mine = this.context.isMine(message);
    const name = mine && !bot ? 'You' : message.author.name;
    const asker = mine ? message.asker && 'you' : message.asker?.name;
    const canDelete = mine && (!bot || message.private === true);
    this.#draw('head', [name, asker, message.at, message.private, canDelete], () =>
      drawHead(message, name, asker, canDelete ? () => this.context.onDelete(message) : undefined),
    );
    // The job line shows the text of a live job; the text of a refusal is shown once, as the error.
    const text = live || message.text === error?.message ? '' : message.text;
    this.#draw('text', text, () => drawText(text, bot));
    this.#drawPlate(message, live);
    this.#draw('job', live && job ? [message.text, job.step, job.steps] : '', () =>
      drawJob(/** @type {Job} */ (job), message.text, mine, () => this.context.onCancel(message)),
    );
    this.#draw('error', error ?? '', () => [el('p', {}, error?.message)]);
    this.#draw('fields', message.fields?.length ? message.fields : '', () =>
      drawFields(message.fields ?? []),
    );
    this.#draw('notes', message.notes?.length ? message.notes : '', () =>
      (message.notes ?? []).map((note) => el('p', {}, note)),
    );
    this.#draw('foot', message.footer ?? '', () => [el('p', {}, message.footer)]);
    // The job line has a Cancel button of its own.
    const actions = message.actions.filter(({ id }) => !(live && id.startsWith('cancel')));
    this.#draw('actions', pictures.length + actions.length > 0 ? [actions, pictures.length] : '', () =>
      drawActions(message, actions, {
        onPress: (action) => this.#press(message, action),
        onUse: (control) => this.context.onUse(message, control),
      }),
    );
  }

  /**
   * @param {typeof PARTS[number]} part
   * @param {unknown} data what the part shows; '' hides the part
   * @param {() => Node[]} draw
   */
  #draw(part, data, draw) {
    const entry = this.#parts.get(part);
    const shown = JSON.stringify(data);
    if (entry === undefined || entry.shown === shown) return;
    entry.shown = shown;
    entry.slot.hidden = data === '';
    entry.slot.replaceChildren(...(data === '' ? [] : draw()));
  }

  /** @param {Message} message @param {boolean} live */
  #drawPlate(message, live) {
    const entry = this.#parts.get('plate');
    if (entry === undefined) return;
    if (live && message.job) {
      if (this.#plate === undefined) {
        const ratio = expectedRatio(message, this.context.repliedTo(message));
        this.element.style.setProperty('--ratio', String(ratio));
        this.#plate = new Plate();
        entry.slot.replaceChildren(this.#plate.element);
        entry.slot.hidden = false;
        entry.shown = '';
      }
      this.#plate.show(message.job);
      return;
    }
    const plate = this.#plate;
    this.#plate = undefined;
    if (plate) entry.shown = '';
    this.#draw('plate', message.pictures.length > 0 ? message.pictures : '', () => [
      el(
        'div',
        { className: message.pictures.length > 1 ? 'prints many' : 'prints' },
        ...message.pictures.map((picture) =>
          drawPrint(picture, plate?.preview, () => this.context.onOpen(picture)),
        ),
      ),
    ]);
    if (plate && message.pictures.length === 0) entry.slot.hidden = true;
  }

  /** @param {Message} message @param {Action} action */
  async #press(message, action) {
    if (isEdit(action)) this.context.onReply(message);
    else if (action.form) this.#ask(message, action, action.form);
    else await this.context.onPress(message, action);
  }

  /** Opens the form of a button; pressing the button again closes it. @param {Message} message @param {Action} action @param {import('./types.js').Form} form */
  #ask(message, action, form) {
    const entry = this.#parts.get('ask');
    if (entry === undefined) return;
    const close = () => {
      this.#draw('ask', '', () => []);
      /** @type {HTMLElement | null} */ (this.element.querySelector('.message-actions button'))?.focus();
    };
    if (entry.shown === JSON.stringify(action.id)) {
      close();
      return;
    }
    const drawn = drawForm(form, {
      label: action.label,
      onSend: (values) => this.context.onPress(message, action, values),
      onClose: close,
    });
    this.#draw('ask', action.id, () => [drawn]);
    /** @type {HTMLElement | null} */ (drawn.querySelector('textarea, input, select'))?.focus();
  }
}

/**
 * @param {Message} message
 * @param {string} name
 * @param {string | undefined} asker
 * @param {(() => Promise<boolean>) | undefined} onDelete
 * @returns {Node[]}
 */
function drawHead({ at, private: isPrivate }, name, asker, onDelete) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const shown = date.toLocaleString(
    [],
    today ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' },
  );
  return [
    el('span', {}, el('span', { className: 'author' }, name), asker && !isPrivate ? ` for ${asker}` : null),
    el('time', { dateTime: date.toISOString(), title: date.toLocaleString() }, shown),
    ...(isPrivate ? [el('span', { className: 'only' }, 'Only you can see this')] : []),
    ...(onDelete
      ? [
          confirmedButton(
            'Delete',
            'quiet head-action',
            onDelete,
            'Delete this message, its answer and their pictures',
          ),
        ]
      : []),
  ];
}

/** @param {string} text @param {boolean} bot @returns {Node[]} */
function drawText(text, bot) {
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
        button.textContent = folded ? 'Show all' : 'Show less';
      },
    },
    'Show all',
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
 * @param {boolean} mine
 * @param {() => void} onCancel
 * @returns {Node[]}
 */
function drawJob(job, text, mine, onCancel) {
  const step = job.state === 'running' ? (job.step ?? 0) : 0;
  const steps = job.steps ?? 1;
  const bar = el('div', {
    className: 'bar',
    role: 'progressbar',
    'aria-label': 'Progress',
    'aria-valuemin': 0,
    'aria-valuemax': steps,
    'aria-valuenow': step,
    'aria-valuetext': text,
  });
  bar.style.setProperty('--done', String(step / steps));
  return [
    bar,
    el('p', {}, text),
    ...(mine ? [el('button', { type: 'button', className: 'quiet', onclick: onCancel }, 'Cancel')] : []),
  ];
}

/** @param {import('./types.js').Field[]} fields @returns {Node[]} */
function drawFields(fields) {
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

/** @param {string} text */
function copyButton(text) {
  const button = el(
    'button',
    {
      type: 'button',
      className: 'quiet',
      onclick: async () => {
        await copyText(text);
        button.textContent = 'Copied';
        announce('Copied');
        setTimeout(() => (button.textContent = 'Copy'), 2000);
      },
    },
    'Copy',
  );
  return button;
}
