// @ts-check
/**
 * The pictures that belong to the next message: that of the message replied to, attached files, and a mask or a
 * kind of control for one of them.
 * @import { Control } from './controls.js'
 * @import { Message } from './types.js'
 */
import { ApiError, preview } from './api.js';
import { CONTROLS, controlLine, useButton } from './controls.js';
import { announce, byId, el, iconButton } from './dom.js';
import { acceptFiles } from './files.js';
import { Painter } from './painter.js';
import { opensPopup } from './popup.js';
import { drawSmall, isHidden, openings } from './print.js';
import { say } from './say.js';

/**
 * @typedef {{ file: File, url: string, ready: Promise<void> }} Entry `url` shows it; once it is `ready`, as the
 *   server will store it
 */
/** @typedef {'reply' | Entry} Subject the picture that a mask or a kind of control is for */

export class Inputs {
  painter = new Painter();
  /** @type {Message | undefined} */
  #reply;
  /** Number of the picture of that message that is meant, from 1; undefined where nobody said which one. @type {number | undefined} */
  #number;
  /** @type {Entry[]} */
  #files = [];
  /** @type {({ of: Subject } & import('./painter.js').Painted) | undefined} */
  #mask;
  /** @type {{ of: Subject, control: Control } | undefined} */
  #control;

  /**
   * @param {{
   *   onChange: () => void, onRefuse: (sentence: string) => void, focus: () => void,
   *   words: () => string, say: (words: string, send: boolean) => void,
   * }} line the prompt line
   */
  constructor(line) {
    this.line = line;
    acceptFiles((files) => this.addFiles(files));
    openings.addEventListener('opened', () => this.#refresh());
  }

  get isEmpty() {
    return this.#reply === undefined && this.#files.length === 0;
  }

  get hasFiles() {
    return this.#files.length > 0;
  }

  /** The message replied to, with the number of the picture that is meant: `ID`, `ID-2`. */
  get replyId() {
    return this.#reply && (this.#number === undefined ? this.#reply.id : `${this.#reply.id}-${this.#number}`);
  }

  /** The picture replied to. */
  get #picture() {
    return this.#reply?.pictures[(this.#number ?? 1) - 1];
  }

  /** The command for a prompt without one. */
  get plain() {
    return this.isEmpty || this.#control ? 'imagine' : 'edit';
  }

  get placeholder() {
    if (this.#mask) return say('page.describe_part');
    return say(this.plain === 'imagine' ? 'page.describe_picture' : 'page.describe_change');
  }

  /** @param {string} words @returns {{ text: string, replyTo: string | undefined, files: File[] }} the message */
  message(words) {
    const subject = this.#mask?.of ?? this.#control?.of;
    // The server applies the mask or the control to the first picture.
    const files = this.#files.toSorted((a, b) => Number(b === subject) - Number(a === subject));
    const isCommand = words.startsWith('/') && !/^\/(imagine|edit)\b/.test(words);
    return {
      text: this.#control && words !== '' && !isCommand ? controlLine(words, this.#control.control) : words,
      replyTo: this.replyId,
      files: [...files.map(({ file }) => file), ...(this.#mask ? [this.#mask.mask] : [])],
    };
  }

  /** Removes what a message has sent. @param {{ replyTo: string | undefined, files: File[] }} message */
  remove({ replyTo, files }) {
    this.#setFiles(this.#files.filter(({ file }) => !files.includes(file)));
    if (this.replyId === replyTo) this.reply(undefined);
  }

  /** Removes the mask or control, else the reply, else the files. @returns {boolean} whether there was one */
  drop() {
    if (this.#mask || this.#control) this.#plain();
    else if (this.#reply) this.reply(undefined);
    else if (this.#files.length > 0) this.#setFiles([]);
    else return false;
    return true;
  }

  /** @param {Message | undefined} message that the next message replies to @param {number} [number] of its picture */
  reply(message, number) {
    this.#reply = message;
    this.#number = number;
    // A mask was for another picture.
    if (this.#mask?.of === 'reply') this.#mask = undefined;
    this.#refresh();
    if (message === undefined) return;
    announce(say('page.replying', { message: nameOf(message, this.#picture) }));
    this.line.focus();
  }

  /** @param {Message} message @param {Control} control how its picture is used @param {number} [number] of that picture */
  replyAs(message, control, number) {
    this.reply(message, number);
    this.#use('reply', control);
  }

  /** @param {string} id a message that was deleted */
  forget(id) {
    if (this.#reply?.id === id) this.reply(undefined);
  }

  /** @param {Iterable<File>} files @param {Control} [control] how the first of them is used */
  addFiles(files, control) {
    const all = [...files];
    const pictures = all.filter(canBeInput);
    const other = all.find((file) => !canBeInput(file));
    if (other) this.line.onRefuse(say('page.not_a_picture', { name: other.name }));
    if (pictures.length === 0) return;
    if (!other) this.line.onRefuse('');
    const entries = pictures.map((file) => {
      /** @type {Entry} */
      const entry = { file, url: URL.createObjectURL(file), ready: Promise.resolve() };
      entry.ready = this.#showAsKept(entry);
      return entry;
    });
    this.#setFiles([...this.#files, ...entries]);
    const [first] = pictures;
    announce(
      first && pictures.length === 1
        ? say('page.added', { name: first.name })
        : say('page.added_many', { count: pictures.length }),
    );
    if (control && entries[0]) this.#use(entries[0], control);
    this.line.focus();
  }

  /**
   * The browser may rotate a picture differently, or be unable to show it: the server sends what it will store.
   * @param {Entry} entry
   */
  async #showAsKept(entry) {
    try {
      const { picture, isPose } = await preview(entry.file);
      if (!this.#files.includes(entry)) return;
      URL.revokeObjectURL(entry.url);
      entry.url = URL.createObjectURL(picture);
      const pose = CONTROLS.find(({ value }) => value === 'openpose');
      if (isPose && pose) this.#control = { of: entry, control: pose };
      this.#refresh();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // The server is busy or away: sending the message will say so.
      if (![400, 413].includes(error.status) || !this.#files.includes(entry)) return;
      this.#setFiles(this.#files.filter((other) => other !== entry));
      this.line.onRefuse(say('page.file_refused', { name: entry.file.name, reason: error.message }));
    }
  }

  /** @param {Entry[]} files */
  #setFiles(files) {
    for (const { url } of this.#files) if (!files.some((kept) => kept.url === url)) URL.revokeObjectURL(url);
    this.#files = files;
    this.#refresh();
  }

  /** @param {Subject} of @param {Control} control */
  #use(of, control) {
    this.#mask = undefined;
    this.#control = { of, control };
    this.#refresh();
    this.line.focus();
  }

  /** Removes the mask and the control, and keeps the pictures. */
  #plain() {
    this.#mask = undefined;
    this.#control = undefined;
    this.#refresh();
    this.line.focus();
  }

  /** @param {Subject} of */
  async #paint(of) {
    if (of !== 'reply') await of.ready;
    const picture = this.#picture;
    const shown = of === 'reply' ? picture : { url: of.url, alt: of.file.name };
    if (shown === undefined) return;
    try {
      await this.painter.open({
        ...shown,
        words: this.line.words(),
        strokes: this.#mask?.of === of ? this.#mask.strokes : [],
        onDone: (painted, words, send) => {
          this.#mask = painted && { of, ...painted };
          if (painted) this.#control = undefined;
          this.#refresh();
          this.line.say(words, send);
        },
      });
    } catch {
      this.line.onRefuse(say('page.cannot_paint', { name: shown.alt }));
    }
  }

  /** Draws the pictures, and removes a mask or control whose picture is gone. */
  #refresh() {
    if (!this.#has(this.#mask?.of)) this.#mask = undefined;
    if (!this.#has(this.#control?.of)) this.#control = undefined;
    this.#drawReply();
    byId('files').hidden = this.#files.length === 0;
    byId('files').replaceChildren(...this.#files.map((entry) => this.#drawFile(entry)));
    this.line.onChange();
  }

  /** An attached picture takes precedence over that of the reply. @param {Subject | undefined} subject */
  #has(subject) {
    if (subject === 'reply') return this.#reply !== undefined && this.#files.length === 0;
    return subject !== undefined && this.#files.includes(subject);
  }

  #drawReply() {
    const message = this.#reply;
    const box = byId('reply');
    box.hidden = message === undefined;
    box.replaceChildren();
    if (message === undefined) return;
    const picture = this.#picture;
    const canPaint = picture !== undefined && !isHidden(picture) && this.#files.length === 0;
    box.append(
      ...(picture ? [this.#drawThumbnail('reply', drawSmall(picture))] : []),
      el(
        'p',
        {},
        el(
          'span',
          { className: 'label' },
          this.#labelOf('reply', say(picture ? 'button.edit' : 'page.reply_to')),
        ),
        ' ',
        nameOf(message, picture),
      ),
      ...(canPaint
        ? [
            el(
              'button',
              { type: 'button', className: 'quiet', onclick: () => this.#paint('reply') },
              say('page.paint'),
            ),
            useButton('quiet', (control) => this.#use('reply', control)),
          ]
        : []),
      iconButton(say('page.remove_reply'), 'close', () => this.reply(undefined)),
    );
  }

  /** @param {Entry} entry */
  #drawFile(entry) {
    const { name } = entry.file;
    const label = this.#labelOf(entry, '');
    const open = el(
      'button',
      { type: 'button', className: 'file', title: say('page.paint_file', { name }) },
      this.#drawThumbnail(entry, el('img', { src: entry.url, alt: name })),
      label === '' ? null : el('span', { className: 'file-label' }, label),
    );
    opensPopup(open, say('page.use_file_as', { name }), () => [
      { label: say('page.paint_changes'), onChoose: () => this.#paint(entry) },
      ...CONTROLS.map((control) => ({
        label: say('page.use_as_kind', { kind: control.value }),
        onChoose: () => this.#use(entry, control),
      })),
      ...(label === '' ? [] : [{ label: say('page.whole_picture'), onChoose: () => this.#plain() }]),
    ]);
    const remove = iconButton(say('page.remove_file', { name }), 'close', () => {
      this.#setFiles(this.#files.filter((other) => other !== entry));
      this.line.focus();
    });
    return el('li', {}, open, remove);
  }

  /** @param {Subject} of @param {HTMLElement} shown */
  #drawThumbnail(of, shown) {
    const veil =
      this.#mask?.of === of ? el('img', { className: 'veil', src: this.#mask.veil, alt: '' }) : null;
    return el('span', { className: 'thumbnail' }, shown, veil);
  }

  /** @param {Subject} of @param {string} otherwise */
  #labelOf(of, otherwise) {
    if (this.#mask?.of === of) return say(of === 'reply' ? 'page.edit_painted' : 'page.painted');
    if (this.#control?.of === of) {
      const { label, value: kind } = this.#control.control;
      return of === 'reply' ? say('page.use_as_kind', { kind }) : label;
    }
    return otherwise;
  }
}

/** Some systems have no media type for TIFF or keypoint files. @param {File} file */
const canBeInput = ({ name, type }) =>
  type.startsWith('image/') || type === 'application/json' || /\.(json|tiff?|avif)$/i.test(name);

/** @param {Message} message @param {import('./types.js').Picture | undefined} picture of it */
const nameOf = (message, picture) => picture?.alt || message.text || say('page.this_message');
