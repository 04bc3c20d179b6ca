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
import { el } from './dom.js';
import { drawForm } from './form.js';
import { Grid } from './grid.js';
import {
  drawCells,
  drawDeleted,
  drawFields,
  drawHead,
  drawJob,
  drawNotes,
  drawOrigin,
  drawText,
} from './message-parts.js';
import { originPicture } from './places.js';
import { drawPrint, expectedRatio, Plate } from './print.js';
import { say, sayLabel } from './say.js';

/**
 * @typedef {{
 *   isMine: (message: Message) => boolean,
 *   originOf: (message: Message) => { id: string, message: Message | undefined } | undefined, repliedTo: (message: Message) => Message | undefined,
 *   onOpen: (picture: Picture) => void, onReply: (message: Message) => void,
 *   onPress: (message: Message, action: Action, values?: FormValues) => Promise<boolean>,
 *   onUse: (message: Message, control: Control) => void, onCancel: (message: Message) => void,
 *   onDelete: (message: Message) => Promise<void>, onUndelete: (message: Message) => void,
 *   deletedBy: (message: Message) => 'itself' | 'request' | undefined, canRemove: (message: Message) => boolean,
 * }} MessageContext `onPress` resolves to whether the server accepted; `deletedBy` for a message that is about to go, by its
 *   own button or with the words that it answers
 */

const PARTS = /** @type {const} */ ([
  'gone',
  'head',
  'text',
  'origin',
  'plate',
  'cells',
  'job',
  'error',
  'fields',
  'foot',
  'actions',
  'notes',
  'ask',
  'asides',
]);
export class MessageView {
  /** @type {Map<string, { slot: HTMLElement, shown: string }>} */
  #parts = new Map();
  /** @type {Plate | undefined} */
  #plate;
  /** @type {Grid | undefined} of a request for several pictures, while they are drawn */
  #grid;

  /** @param {MessageContext} context @param {'li' | 'section'} [tag] a section where it stands in another message */
  constructor(context, tag = 'li') {
    this.context = context;
    // It takes the focus of a button that is gone.
    this.element = el(tag, { className: 'message', tabIndex: -1 });
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
    const name = mine && !bot ? say('page.you') : message.author.name;
    const asker =
      message.asker && (mine ? say('page.for_you') : say('page.for', { name: message.asker.name }));
    const canRemove = this.context.canRemove(message);
    const canDelete = bot ? mine && message.private === true : canRemove;
    const deletedBy = this.context.deletedBy(message);
    this.element.hidden = deletedBy === 'request';
    this.element.classList.toggle('deleted', deletedBy === 'itself');
    this.#draw('gone', deletedBy === 'itself' ? 'gone' : '', () =>
      drawDeleted(() => {
        this.context.onUndelete(message);
        this.element.focus();
      }),
    );
    this.#draw('head', [name, asker, message.at, message.private, canDelete], () =>
      drawHead(message, name, asker, canDelete ? () => this.#delete(message) : undefined),
    );
    // The job line shows the text of a live job; the text of a refusal is shown once, as the error.
    const text = live || message.text === error?.message ? '' : message.text;
    this.#draw('text', text, () => drawText(text, bot));
    const origin = this.context.originOf(message);
    const from = originPicture(message, origin?.message);
    this.#draw('origin', origin ? [origin.id, from?.id] : '', () =>
      drawOrigin(/** @type {string} */ (origin?.id), origin?.message, from),
    );
    this.#drawPlate(message, live);
    this.#draw('job', live && job ? [message.text, job.step, job.steps, canRemove] : '', () =>
      drawJob(/** @type {Job} */ (job), message.text, canRemove, () => this.context.onCancel(message)),
    );
    this.#draw('error', error ?? '', () => [el('p', {}, error?.message)]);
    this.#draw('fields', message.fields?.length ? message.fields : '', () =>
      drawFields(message.fields ?? []),
    );
    this.#draw('notes', message.notes?.length ? message.notes : '', () => drawNotes(message.notes ?? []));
    this.#draw('foot', message.footer ?? '', () => [el('p', {}, message.footer)]);
    this.#draw('cells', message.cells?.length ? message.cells : '', () =>
      drawCells(message.cells ?? [], (cell) => this.context.onPress(message, cell)),
    );
    // The job line has a Cancel button of its own.
    const actions = message.actions.filter(
      ({ id }) => !(live && id.startsWith('cancel')) && (canRemove || !id.startsWith('delete:')),
    );
    const isShown = actions.length > 0 || (pictures.length > 0 && !live);
    this.#draw('actions', isShown ? [actions, pictures.length] : '', () =>
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
    const focused = focusIn(entry.slot);
    entry.slot.replaceChildren(...(data === '' ? [] : draw()));
    if (focused) (findAgain(entry.slot, focused) ?? this.element).focus({ preventScroll: true });
  }

  /** Shows a private answer about this message below it. @param {MessageView} view */
  addAside(view) {
    const slot = this.#parts.get('asides')?.slot;
    if (slot === undefined || slot.contains(view.element)) return;
    slot.append(view.element);
    slot.hidden = false;
  }

  /** @param {MessageView} view */
  removeAside(view) {
    view.element.remove();
    const slot = this.#parts.get('asides')?.slot;
    if (slot) slot.hidden = slot.childElementCount === 0;
  }

  /** @param {Message} message @param {boolean} live */
  #drawPlate(message, live) {
    const entry = this.#parts.get('plate');
    if (entry === undefined) return;
    if (live && message.job && ((message.job.count ?? 1) > 1 || message.pictures.length > 0)) {
      if (this.#grid === undefined) {
        const ratio = expectedRatio(message, this.context.repliedTo(message));
        this.#plate = undefined;
        this.#grid = new Grid(ratio, (picture) => this.context.onOpen(picture));
        entry.slot.replaceChildren(this.#grid.element);
        entry.slot.hidden = false;
      }
      this.#grid.show(message.job, message.pictures);
      entry.shown = '';
      return;
    }
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
    const plate = this.#plate ?? this.#grid;
    const preview = this.#plate?.preview;
    if (this.#grid !== undefined && message.job && message.pictures.length > 1) {
      // Those that are there already stay as they are, with what has the focus.
      this.#grid.show({ ...message.job, count: message.pictures.length }, message.pictures);
      entry.shown = JSON.stringify(message.pictures);
    } else if (plate) entry.shown = '';
    this.#plate = undefined;
    this.#grid = undefined;
    this.#draw('plate', message.pictures.length > 0 ? message.pictures : '', () => [
      el(
        'div',
        { className: message.pictures.length > 1 ? 'prints many' : 'prints' },
        ...message.pictures.map((picture) =>
          // The preview of several is a sheet of them all.
          drawPrint(picture, message.pictures.length === 1 ? preview : undefined, () =>
            this.context.onOpen(picture),
          ),
        ),
      ),
    ]);
    if (plate && message.pictures.length === 0) entry.slot.hidden = true;
  }

  /** @param {Message} message */
  async #delete(message) {
    await this.context.onDelete(message);
    /** @type {HTMLElement | null | undefined} */ (
      this.#parts.get('gone')?.slot.querySelector('button')
    )?.focus();
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
      label: sayLabel(action.label),
      onSend: (values) => this.context.onPress(message, action, values),
      onClose: close,
    });
    this.#draw('ask', action.id, () => [drawn]);
    /** @type {HTMLElement | null} */ (drawn.querySelector('textarea, input, select'))?.focus();
  }
}

/** @param {HTMLElement} slot @returns {string | undefined} what the element with the focus is called */
function focusIn(slot) {
  const { activeElement: active } = document;
  return active !== null && slot.contains(active) ? nameOf(active) : undefined;
}

/** @param {HTMLElement} slot @param {string} name @returns {HTMLElement | undefined} */
const findAgain = (slot, name) =>
  /** @type {HTMLElement[]} */ ([...slot.querySelectorAll('button, a')]).find((one) => nameOf(one) === name);

/** @param {Element} element */
const nameOf = (element) => element.getAttribute('aria-label') ?? element.textContent ?? '';
