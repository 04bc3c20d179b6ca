// @ts-check
/**
 * One message on the page. Each of its parts is drawn again only where its data changed, so that focus, an
 * opened text and a picture that fades in survive the many edits of a running job.
 * @import { Action, Job, Message, Picture } from './types.js'
 */
import { describeJob, isAlive } from './conversation.js';
import { announce, el } from './dom.js';

/**
 * @typedef {{
 *   isMine: (message: Message) => boolean, repliedTo: (message: Message) => Message | undefined,
 *   onOpen: (picture: Picture) => void, onReply: (message: Message) => void,
 *   onPress: (message: Message, action: Action) => Promise<void>, onCancel: (message: Message) => void,
 * }} MessageContext
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
]);
/** Texts beyond this are folded, so that a prompt of 5,000 characters does not hide its picture. */
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
    const alive = isAlive(job);
    const bot = message.author.bot === true;
    const error = message.error ?? job?.error;
    this.element.dataset['id'] = message.id;
    this.element.classList.toggle('bot', bot);
    this.element.classList.toggle('alive', alive);
    this.element.classList.toggle('private', message.private === true);

    const mine = this.context.isMine(message);
    const name = mine && !bot ? 'You' : message.author.name;
    const asker = mine ? message.asker && 'you' : message.asker?.name;
    this.#draw('head', [name, asker, message.at, message.private], () => drawHead(message, name, asker));
    // While a job is alive its own line says where it stands; a refusal says its sentence once.
    const sentence = message.text === '' && job?.state === 'cancelled' ? 'Cancelled.' : message.text;
    const text = alive || sentence === error?.message ? '' : sentence;
    this.#draw('text', text, () => drawText(text, bot));
    this.#drawPlate(message, alive);
    this.#draw('job', alive && job ? [describeJob(job), job.step, job.steps] : '', () =>
      drawJob(/** @type {Job} */ (job), mine, () => this.context.onCancel(message)),
    );
    this.#draw('error', error ?? '', () => [el('p', {}, error?.message)]);
    this.#draw('fields', message.fields?.length ? message.fields : '', () =>
      drawFields(message.fields ?? []),
    );
    this.#draw('notes', message.notes?.length ? message.notes : '', () =>
      (message.notes ?? []).map((note) => el('p', {}, note)),
    );
    this.#draw('foot', message.footer ?? '', () => [el('p', {}, message.footer)]);
    // The job line has its own Cancel beside the numbers.
    const actions = message.actions.filter(({ id }) => !(alive && id.startsWith('cancel')));
    this.#draw('actions', pictures.length + actions.length > 0 ? [actions, pictures.length] : '', () =>
      this.#drawActions(message, actions),
    );
  }

  /**
   * @param {typeof PARTS[number]} part
   * @param {unknown} data what the part shows; '' hides it
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

  /** @param {Message} message @param {boolean} alive */
  #drawPlate(message, alive) {
    const entry = this.#parts.get('plate');
    if (entry === undefined) return;
    if (alive && message.job) {
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

  /** @param {Message} message @param {Action[]} actions @returns {Node[]} */
  #drawActions(message, actions) {
    const buttons = actions.map((action) => drawAction(action, () => this.#press(message, action)));
    // Every picture can be replied to; where a card offers Edit, that button is it.
    if (message.pictures.length > 0 && !actions.some(isEdit)) {
      const edit = { id: 'edit', label: 'Edit' };
      buttons.unshift(drawAction(edit, () => this.#press(message, edit)));
    }
    return buttons;
  }

  /** @param {Message} message @param {Action} action */
  async #press(message, action) {
    if (isEdit(action)) this.context.onReply(message);
    else await this.context.onPress(message, action);
  }
}

/** On the web an edit is a reply with words: the prompt line is the form. @param {Action} action */
const isEdit = ({ id }) => id === 'edit' || id.startsWith('edit:');

/** The picture as it comes up: grey grain, then form, then colour. */
class Plate {
  constructor() {
    this.image = el('img', { className: 'latent', alt: '', hidden: true });
    this.element = el('div', { className: 'plate' }, grain(), this.image);
  }

  /** The last preview, which stays beneath the print until that has loaded. */
  get preview() {
    return this.image.hidden ? undefined : this.image.src;
  }

  /** @param {Job} job */
  show(job) {
    if (job.preview && this.image.src !== job.preview) {
      this.image.src = job.preview;
      this.image.hidden = false;
    }
    const developed = job.steps ? (job.step ?? 0) / job.steps : 0;
    this.element.style.setProperty('--developed', developed.toFixed(3));
  }
}

/** Grey noise, the look of a latent at the first step. */
function grain() {
  const side = 360;
  const canvas = el('canvas', { className: 'grain', width: side, height: side, 'aria-hidden': 'true' });
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  const pixels = context.createImageData(side, side);
  for (let i = 0; i < pixels.data.length; i += 4) {
    // The sum of three draws is near enough to Gaussian.
    const level = 128 + 150 * (Math.random() + Math.random() + Math.random() - 1.5);
    pixels.data.set([level, level * 0.98, level * 0.95, 255], i);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * Width / height that the print will likely have, so that it does not jump when it is there.
 * @param {Message} message
 * @param {Message | undefined} request
 */
function expectedRatio(message, request) {
  const size = /--(?:ar|size)[ =](\d+)[:x](\d+)/.exec(request?.text ?? '');
  if (size?.[1] && size[2]) return Number(size[1]) / Number(size[2]);
  const source = message.pictures[0] ?? request?.pictures[0];
  return source ? source.width / source.height : 1;
}

/** @param {Message} message @param {string} name @param {string | undefined} asker @returns {Node[]} */
function drawHead({ at, private: isPrivate }, name, asker) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const shown = date.toLocaleString(
    [],
    today ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' },
  );
  return [
    el('span', {}, el('span', { className: 'author' }, name), asker && !isPrivate ? ` for ${asker}` : null),
    el('time', { dateTime: date.toISOString(), title: date.toLocaleString() }, shown),
    ...(isPrivate ? [el('span', { className: 'only' }, 'Only you see this')] : []),
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

/** A command line: its verb and flags step back, its words stand out. @param {string} text */
function drawLine(text) {
  return text
    .split(/(^\/\S+|(?<=\s)--[a-z_-]+(?:[ =](?:"[^"]*"|[^\s-]\S*))?)/i)
    .filter((part) => part !== '')
    .map((part) => (/^(\/|--)/.test(part) ? el('span', { className: 'syntax' }, part) : part));
}

/** @param {Job} job @param {boolean} mine @param {() => void} onCancel @returns {Node[]} */
function drawJob(job, mine, onCancel) {
  const step = job.state === 'running' ? (job.step ?? 0) : 0;
  const steps = job.steps ?? 1;
  const bar = el('div', {
    className: 'bar',
    role: 'progressbar',
    'aria-label': 'Developing',
    'aria-valuemin': 0,
    'aria-valuemax': steps,
    'aria-valuenow': step,
    'aria-valuetext': describeJob(job),
  });
  bar.style.setProperty('--done', String(step / steps));
  return [
    bar,
    el('p', {}, describeJob(job)),
    ...(mine ? [el('button', { type: 'button', className: 'quiet', onclick: onCancel }, 'Cancel')] : []),
  ];
}

/** @param {Picture} picture @param {string | undefined} preview @param {() => void} onclick */
function drawPrint(picture, preview, onclick) {
  const image = el('img', {
    src: picture.url,
    alt: picture.alt,
    width: picture.width,
    height: picture.height,
    loading: preview ? 'eager' : 'lazy',
    decoding: 'async',
  });
  const button = el('button', { type: 'button', className: 'print', title: 'Open', onclick }, image);
  button.style.setProperty('--ratio', String(picture.width / picture.height));
  button.style.setProperty('--native', `${picture.width}px`);
  button.dataset['picture'] = picture.id;
  if (preview) {
    const latent = el('img', { className: 'latent', src: preview, alt: '' });
    button.prepend(latent);
    image.classList.add('coming');
    image
      .decode()
      .catch(() => undefined) // a picture that cannot be shown says so by its alt text
      .then(() => image.classList.remove('coming'));
    image.addEventListener('transitionend', () => latent.remove(), { once: true });
  }
  return button;
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
        await navigator.clipboard.writeText(text);
        button.textContent = 'Copied';
        announce('Copied');
        setTimeout(() => (button.textContent = 'Copy'), 2000);
      },
    },
    'Copy',
  );
  return button;
}

/** @param {Action} action @param {() => Promise<void>} press */
function drawAction(action, press) {
  const button = el('button', { type: 'button', className: `action ${action.style ?? ''}` }, action.label);
  let armed = false;
  const disarm = () => {
    armed = false;
    button.classList.remove('armed');
    button.textContent = action.label;
  };
  button.addEventListener('blur', disarm);
  button.addEventListener('click', async () => {
    // What cannot be undone takes a second press.
    if (action.style === 'danger' && !armed) {
      armed = true;
      button.classList.add('armed');
      button.textContent = `${action.label} for good`;
      announce('Press again to confirm');
      return;
    }
    button.disabled = true;
    await press();
    button.disabled = false;
    disarm();
  });
  return button;
}
