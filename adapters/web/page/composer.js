// @ts-check
/**
 * The prompt line with its menu of commands and its keys.
 * @import { Command, Message } from './types.js'
 */
import { ApiError, post } from './api.js';
import { Completions } from './completions.js';
import { byId } from './dom.js';
import { keepDraft, keptDraft } from './drafts.js';
import { Inputs } from './inputs.js';
import { commandOf, Menu, optionAt, range, suggest, usage } from './menu.js';
import { Panel } from './panel.js';
import { say } from './say.js';

const KEYS = say('page.keys');

export class Composer {
  line = /** @type {HTMLTextAreaElement} */ (byId('line'));
  form = /** @type {HTMLFormElement} */ (byId('composer'));
  /** @type {Command[]} */
  commands = [];
  /** Index in the lines sent before; undefined while the line is a new one. @type {number | undefined} */
  #recalled;
  /** The text at which Esc closed the menu: the menu stays closed until the text changes. */
  #dismissed = '';
  #sending = false;
  /** Whether what is typed now was sent off while another message was on its way. */
  #isNext = false;
  /** What Esc removed from the line: the up arrow brings it back. */
  #cleared = '';
  #isRestored = false;
  #completions = new Completions(() => this.#refresh());

  /**
   * @param {{
   *   onSent: (answer: Awaited<ReturnType<typeof post>>) => void, lines: () => string[],
   *   onEscape: () => boolean,
   * }} context `onEscape` is called if there is nothing to cancel here
   */
  constructor(context) {
    this.context = context;
    this.menu = new Menu((entry) => this.#complete(entry));
    this.inputs = new Inputs({
      onChange: () => this.#refresh(),
      onRefuse: (sentence) => this.refuse(sentence),
      focus: () => this.line.focus(),
      words: () => this.line.value,
      say: (words, send) => {
        this.write(words);
        this.line.focus();
        if (send) this.send();
      },
    });
    this.panel = new Panel({
      read: () => ({
        text: this.line.value,
        command: commandOf(this.commands, `${this.line.value} `, this.inputs.plain),
      }),
      write: (text) => this.write(text),
      focus: () => this.line.focus(),
      complete: (command, option, typed) => this.#completions.of(command, option, typed),
    });
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
    this.#refresh();
  }

  /** @param {Command[]} commands */
  setCommands(commands) {
    this.commands = commands;
    this.#refresh();
  }

  /**
   * Brings back what was typed before the page was loaded again.
   * @param {(id: string) => Message | undefined} messageOf
   */
  restore(messageOf) {
    const draft = this.line.value === '' ? keptDraft() : undefined;
    this.#isRestored = true;
    const [id, number] = draft?.reply?.split('-') ?? [];
    const replied = id === undefined ? undefined : messageOf(id);
    if (replied) this.inputs.reply(replied, number === undefined ? undefined : Number(number));
    if (draft) this.write(draft.text);
  }

  /** @param {string} text */
  write(text) {
    this.line.value = text;
    this.line.setSelectionRange(text.length, text.length);
    this.#refresh();
  }

  /** Only where there is a keyboard: on a phone the focus would open one over the picture. */
  focus() {
    if (matchMedia('(pointer: fine)').matches) this.line.focus();
  }

  /** The sentence at the prompt line, if there is one. */
  get refusal() {
    return byId('refusal').textContent ?? '';
  }

  /** @param {string} sentence */
  refuse(sentence) {
    byId('refusal').textContent = sentence;
  }

  async send() {
    if (this.#sending) {
      this.#isNext = true;
      return;
    }
    const line = this.line.value;
    const text = line.trim();
    if (text === '' && !this.inputs.hasFiles) return;
    this.#sending = true;
    this.#isNext = false;
    this.refuse('');
    this.menu.close();
    try {
      const message = this.inputs.message(text);
      const answer = await post(message);
      this.#recalled = undefined;
      this.#cleared = '';
      // What was typed or attached while the message was on its way belongs to the next one.
      if (this.line.value.startsWith(line)) this.write(this.line.value.slice(line.length).trimStart());
      this.inputs.remove(message);
      this.context.onSent(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.refuse(error.message);
      this.#isNext = false;
    } finally {
      this.#sending = false;
      this.#refresh();
    }
    if (this.#isNext) await this.send();
  }

  /** Closes or cancels one thing. @returns {boolean} whether there was one */
  escape() {
    if (this.menu.isOpen) {
      this.#dismissed = this.line.value;
      this.menu.close();
      this.#refresh();
    } else if (this.inputs.drop()) return true;
    else if (this.#recalled !== undefined) {
      this.#recalled = undefined;
      this.write('');
    } else if (this.line.value !== '') {
      this.#cleared = this.line.value;
      this.write('');
    } else return this.context.onEscape();
    return true;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return; // an input method is using the keys
    const { key } = event;
    if (this.menu.isOpen && (key === 'ArrowDown' || key === 'ArrowUp')) {
      this.menu.select(this.menu.selected + (key === 'ArrowDown' ? 1 : -1));
      this.#describeMenu();
    } else if (key === 'Tab' && !event.shiftKey && this.menu.current) this.#complete(this.menu.current);
    else if (key === 'Tab' && this.menu.isOpen) {
      // The menu can be scrolled, and so has the focus before the line: it is not a stop on the way back.
      this.menu.close();
      return;
    } else if (key === 'Enter' && !event.shiftKey) {
      const entry = this.menu.current;
      if (entry && !this.#isWritten(entry.title)) this.#complete(entry);
      else this.send();
    } else if (key === 'ArrowUp' && this.#canRecall()) this.#recall(-1);
    else if (key === 'ArrowDown' && this.#recalled !== undefined) this.#recall(1);
    else return;
    event.preventDefault();
  }

  /** Whether the word at the caret is already the selected entry, so that Enter sends. @param {string} title */
  #isWritten(title) {
    const from = this.menu.suggestion?.from ?? 0;
    return this.line.value.slice(from, this.line.selectionStart) === title;
  }

  #canRecall() {
    return this.line.value === '' || this.#recalled !== undefined;
  }

  /** @param {number} step */
  #recall(step) {
    const lines = [...this.context.lines(), ...(this.#cleared === '' ? [] : [this.#cleared])];
    const index = (this.#recalled ?? lines.length) + step;
    if (index < 0) return;
    this.#recalled = index < lines.length ? index : undefined;
    const text = lines[index] ?? '';
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

  /** Updates the height, the menu, the hint and the send button after a change of the text. */
  #refresh() {
    const { line } = this;
    const text = line.value;
    line.placeholder = this.inputs.placeholder;
    line.style.height = 'auto';
    line.style.height = `${line.scrollHeight}px`;
    if (text !== this.#dismissed) this.#dismissed = '';
    const open = document.activeElement === line && text !== '' && text !== this.#dismissed;
    const suggestion = open
      ? suggest(this.commands, text, line.selectionStart, this.inputs.plain, (command, option, typed) =>
          this.#completions.of(command, option, typed),
        )
      : undefined;
    if (suggestion) this.menu.show(suggestion);
    else this.menu.close();
    this.#describeMenu();
    /** @type {HTMLButtonElement} */ (byId('send')).disabled =
      this.#sending || (text.trim() === '' && !this.inputs.hasFiles);
    if (this.#isRestored) keepDraft({ text, reply: this.inputs.replyId });
    const hint = this.#hint(text);
    this.panel.update();
    byId('hint').textContent = hint;
    byId('hint').classList.toggle('keys', hint === KEYS);
  }

  /** @param {string} text */
  #hint(text) {
    const command =
      text.startsWith('/') || text.includes(' -')
        ? commandOf(this.commands, text, this.inputs.plain)
        : undefined;
    if (command === undefined) return KEYS;
    const option = optionAt(command, text.slice(0, this.line.selectionStart));
    if (option) return `${option.flag}   ${range(option)}   ${option.description}`;
    return `/${command.name}   ${usage(command)}`;
  }

  #describeMenu() {
    if (this.menu.isOpen) this.line.setAttribute('aria-activedescendant', `menu-${this.menu.selected}`);
    else this.line.removeAttribute('aria-activedescendant');
  }
}
