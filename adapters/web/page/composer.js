// @ts-check
/**
 * The prompt line: words, pictures to start from, the message replied to, and the keys.
 * @import { Command, Message } from './types.js'
 */
import { ApiError, post } from './api.js';
import { announce, byId, el, iconButton } from './dom.js';
import { commandOf, Menu, optionAt, range, suggest, usage } from './menu.js';

const KEYS = '/ commands   Tab completes   \u2191 recalls   Esc cancels';

export class Composer {
  line = /** @type {HTMLTextAreaElement} */ (byId('line'));
  form = /** @type {HTMLFormElement} */ (byId('composer'));
  /** @type {Command[]} */
  commands = [];
  /** @type {Message | undefined} */
  #reply;
  /** @type {{ file: File, url: string }[]} */
  #files = [];
  /** Place in the lines sent before; undefined while the line is a fresh one. @type {number | undefined} */
  #recalled;
  /** Where Esc closed the menu: it stays away until the line changes. */
  #dismissed = '';
  #sending = false;

  /**
   * @param {{
   *   onSent: (answer: Awaited<ReturnType<typeof post>>) => void, lines: () => string[],
   *   onEscape: () => boolean,
   * }} context `onEscape` is asked when nothing here is left to cancel
   */
  constructor(context) {
    this.context = context;
    this.menu = new Menu((entry) => this.#complete(entry));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    this.line.addEventListener('keydown', (event) => this.#onKey(event));
    this.line.addEventListener('input', () => {
      this.#recalled = undefined;
      this.#refresh();
    });
    this.line.addEventListener('click', () => this.#refresh());
    this.line.addEventListener('blur', () => this.menu.close());
    this.#acceptFiles();
    this.#refresh();
  }

  /** @param {Command[]} commands */
  setCommands(commands) {
    this.commands = commands;
    this.#refresh();
  }

  /** @param {string} text */
  write(text) {
    this.line.value = text;
    this.line.setSelectionRange(text.length, text.length);
    this.#refresh();
  }

  /** Where there is a keyboard: on a phone the focus would raise one over the picture. */
  focus() {
    if (matchMedia('(pointer: fine)').matches) this.line.focus();
  }

  /** @param {Message | undefined} message whose picture the next words are about */
  reply(message) {
    this.#reply = message;
    const box = byId('reply');
    box.hidden = message === undefined;
    box.replaceChildren();
    const picture = message?.pictures[0];
    if (message !== undefined) {
      const what = picture?.alt || message.text || 'this message';
      box.append(
        ...(picture ? [el('img', { src: picture.url, alt: '' })] : []),
        el('p', {}, el('span', { className: 'label' }, picture ? 'Edit' : 'Reply to'), ' ', what),
        iconButton('Drop the reply', 'close', () => this.reply(undefined)),
      );
      announce(`Replying to ${what}. Say what to change.`);
      this.line.focus();
    }
    this.line.placeholder = message ? 'Say what to change' : 'Say what to draw';
    this.#refresh();
  }

  /** @param {string} id a message that is gone */
  forget(id) {
    if (this.#reply?.id === id) this.reply(undefined);
  }

  /** @param {Iterable<File>} files */
  addFiles(files) {
    const all = [...files];
    const pictures = all.filter(({ type }) => type.startsWith('image/'));
    const other = all.find(({ type }) => !type.startsWith('image/'));
    if (other) this.refuse(`${other.name} is no picture. Add a PNG, JPEG or WebP file.`);
    if (pictures.length === 0) return;
    if (!other) this.refuse('');
    this.#setFiles([...this.#files, ...pictures.map((file) => ({ file, url: URL.createObjectURL(file) }))]);
    announce(pictures.length === 1 ? `Added ${pictures[0]?.name}` : `Added ${pictures.length} pictures`);
    this.line.focus();
  }

  /** @param {string} sentence */
  refuse(sentence) {
    byId('refusal').textContent = sentence;
  }

  async send() {
    const text = this.line.value.trim();
    const files = this.#files.map(({ file }) => file);
    if (this.#sending || (text === '' && files.length === 0)) return;
    this.#sending = true;
    this.refuse('');
    this.menu.close();
    try {
      const answer = await post({ text, replyTo: this.#reply?.id, files });
      this.#recalled = undefined;
      this.line.value = '';
      this.#setFiles([]);
      this.reply(undefined);
      this.context.onSent(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.refuse(error.message);
    } finally {
      this.#sending = false;
      this.#refresh();
    }
  }

  /** Cancels the innermost thing that can be. @returns {boolean} whether there was one */
  escape() {
    if (this.menu.isOpen) {
      this.#dismissed = this.line.value;
      this.menu.close();
      this.#refresh();
    } else if (this.#reply !== undefined) this.reply(undefined);
    else if (this.#files.length > 0) this.#setFiles([]);
    else if (this.#recalled !== undefined) {
      this.#recalled = undefined;
      this.write('');
    } else return this.context.onEscape();
    return true;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return; // the keys belong to the input method
    const { key } = event;
    if (this.menu.isOpen && (key === 'ArrowDown' || key === 'ArrowUp')) {
      this.menu.select(this.menu.selected + (key === 'ArrowDown' ? 1 : -1));
      this.#describeMenu();
    } else if (key === 'Tab' && !event.shiftKey && this.menu.current) this.#complete(this.menu.current);
    else if (key === 'Enter' && !event.shiftKey) {
      const entry = this.menu.current;
      if (entry && !this.#isWritten(entry.title)) this.#complete(entry);
      else this.send();
    } else if (key === 'ArrowUp' && this.#canRecall()) this.#recall(-1);
    else if (key === 'ArrowDown' && this.#recalled !== undefined) this.#recall(1);
    else return;
    event.preventDefault();
  }

  /** Whether the word at the caret is already the menu's word, so that Enter sends. @param {string} title */
  #isWritten(title) {
    const from = this.menu.suggestion?.from ?? 0;
    return this.line.value.slice(from, this.line.selectionStart) === title;
  }

  /** What words alone mean. */
  get #plain() {
    return this.#reply || this.#files.length > 0 ? 'edit' : 'imagine';
  }

  #canRecall() {
    return this.line.value === '' || this.#recalled !== undefined;
  }

  /** @param {number} step */
  #recall(step) {
    const lines = this.context.lines();
    const place = (this.#recalled ?? lines.length) + step;
    if (place < 0) return;
    this.#recalled = place < lines.length ? place : undefined;
    const text = lines[place] ?? '';
    this.#dismissed = text;
    this.write(text);
  }

  /** @param {import('./menu.js').Entry} entry */
  #complete(entry) {
    const from = this.menu.suggestion?.from ?? 0;
    const caret = this.line.selectionStart;
    const after = this.line.value.slice(caret).replace(/^ /, '');
    this.line.value = this.line.value.slice(0, from) + entry.insert + after;
    const end = from + entry.insert.length;
    this.line.setSelectionRange(end, end);
    this.line.focus();
    this.#refresh();
  }

  /** Brings height, menu, hint and the send button in line with what is written. */
  #refresh() {
    const { line } = this;
    const text = line.value;
    line.style.height = 'auto';
    line.style.height = `${line.scrollHeight}px`;
    if (text !== this.#dismissed) this.#dismissed = '';
    const open = document.activeElement === line && text !== '' && text !== this.#dismissed;
    const suggestion = open ? suggest(this.commands, text, line.selectionStart, this.#plain) : undefined;
    if (suggestion) this.menu.show(suggestion);
    else this.menu.close();
    this.#describeMenu();
    /** @type {HTMLButtonElement} */ (byId('send')).disabled =
      this.#sending || (text.trim() === '' && this.#files.length === 0);
    const hint = this.#hint(text);
    byId('hint').textContent = hint;
    byId('hint').classList.toggle('keys', hint === KEYS);
  }

  /** @param {string} text */
  #hint(text) {
    const command =
      text.startsWith('/') || text.includes(' -') ? commandOf(this.commands, text, this.#plain) : undefined;
    if (command === undefined) return KEYS;
    const option = optionAt(command, text.slice(0, this.line.selectionStart));
    if (option) return `${option.flag}   ${range(option)}   ${option.description}`;
    return `/${command.name}   ${usage(command)}`;
  }

  #describeMenu() {
    if (this.menu.isOpen) this.line.setAttribute('aria-activedescendant', `menu-${this.menu.selected}`);
    else this.line.removeAttribute('aria-activedescendant');
  }

  /** @param {{ file: File, url: string }[]} files */
  #setFiles(files) {
    for (const { url } of this.#files) if (!files.some((kept) => kept.url === url)) URL.revokeObjectURL(url);
    this.#files = files;
    const list = byId('files');
    list.hidden = files.length === 0;
    list.replaceChildren(
      ...files.map((entry) =>
        el(
          'li',
          {},
          el('img', { src: entry.url, alt: entry.file.name, title: entry.file.name }),
          iconButton(`Remove ${entry.file.name}`, 'close', () => {
            this.#setFiles(this.#files.filter(({ url }) => url !== entry.url));
            this.line.focus();
          }),
        ),
      ),
    );
    this.#refresh();
  }

  /** A picture is picked, pasted, or dropped anywhere on the page. */
  #acceptFiles() {
    const pick = /** @type {HTMLInputElement} */ (byId('pick'));
    byId('attach').addEventListener('click', () => pick.click());
    pick.addEventListener('change', () => {
      this.addFiles(pick.files ?? []);
      pick.value = '';
    });
    document.addEventListener('paste', (event) => {
      const files = event.clipboardData?.files;
      if (!files?.length) return;
      event.preventDefault();
      this.addFiles(files);
    });
    const drop = byId('drop');
    /** @param {DragEvent} event */
    const carriesFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files') === true;
    document.addEventListener('dragover', (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      drop.hidden = false;
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) drop.hidden = true; // the pointer left the window
    });
    document.addEventListener('drop', (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      drop.hidden = true;
      this.addFiles(event.dataTransfer?.files ?? []);
    });
  }
}
