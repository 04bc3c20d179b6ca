// @ts-check
/**
 * The slash menu: commands after `/`, flags after `--`, values after a flag that has choices. It only reads
 * the line and says what could stand at the caret; the composer owns the keys.
 * @import { Command, CommandOption } from './types.js'
 */
import { byId, el } from './dom.js';

/**
 * @typedef {{ insert: string, title: string, hint: string, description: string }} Entry
 * @typedef {{ from: number, entries: Entry[] }} Suggestion `from` is where the word at the caret begins
 */

/**
 * @param {Command[]} commands
 * @param {string} text
 * @param {number} caret
 * @param {string} plain the command that words without a slash are for
 * @returns {Suggestion | undefined}
 */
export function suggest(commands, text, caret, plain) {
  const before = text.slice(0, caret);
  const verb = /^\/(\S*)$/.exec(before);
  if (verb) {
    const typed = (verb[1] ?? '').toLowerCase();
    const entries = commands
      .filter(({ name }) => name.startsWith(typed))
      .map((command) => ({
        insert: `/${command.name} `,
        title: `/${command.name}`,
        hint: usage(command, 3),
        description: command.description,
      }));
    return entries.length > 0 ? { from: 0, entries } : undefined;
  }
  const command = commandOf(commands, text, plain);
  if (command === undefined) return undefined;
  const value = /(--[\w-]+)[ =](\S*)$/.exec(before);
  const option = command.options.find(({ flag }) => flag && flag === value?.[1]);
  if (value && option?.choices) {
    const typed = (value[2] ?? '').toLowerCase();
    const entries = option.choices
      .filter((choice) => choice.startsWith(typed) && choice !== typed)
      .map((choice) => ({ insert: `${choice} `, title: choice, hint: '', description: '' }));
    return entries.length > 0 ? { from: caret - typed.length, entries } : undefined;
  }
  const flag = /(?:^|\s)(--?[\w-]*)$/.exec(before);
  if (flag === null) return undefined;
  const typed = flag[1] ?? '';
  const entries = command.options
    .filter((candidate) => candidate.flag?.startsWith(typed) && !text.includes(`${candidate.flag} `))
    .map((candidate) => ({
      insert: `${candidate.flag} `,
      title: candidate.flag ?? '',
      hint: range(candidate),
      description: candidate.description,
    }));
  return entries.length > 0 ? { from: caret - typed.length, entries } : undefined;
}

/**
 * The command a line is for.
 * @param {Command[]} commands
 * @param {string} text
 * @param {string} plain the command that words without a slash are for
 */
export function commandOf(commands, text, plain) {
  const name = /^\/(\S+)\s/.exec(text)?.[1];
  return commands.find((command) => command.name === (name ?? plain));
}

/**
 * A command's arguments on one line: `prompt --seed --steps …`
 * @param {Command} command
 * @param {number} [most]
 */
export function usage({ options }, most = Number.POSITIVE_INFINITY) {
  const typed = options.filter(({ type }) => type !== 'picture');
  const shown = typed.slice(0, most).map(({ flag, name }) => flag ?? name);
  return [...shown, ...(typed.length > most ? ['…'] : [])].join('  ');
}

/** What the option at the caret takes. @param {Command} command @param {string} before text up to the caret */
export function optionAt({ options }, before) {
  const flag = /(--[\w-]+)(?:[ =]\S*)?$/.exec(before)?.[1];
  return options.find((option) => option.flag && option.flag === flag);
}

/** @param {CommandOption} option */
export function range({ choices, min, max, type }) {
  if (choices) return choices.join(' | ');
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `from ${min}`;
  if (max !== undefined) return `up to ${max}`;
  return type;
}

export class Menu {
  element = byId('menu');
  /** @type {Suggestion | undefined} */
  suggestion;
  selected = 0;

  /** @param {(entry: Entry) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** @param {Suggestion | undefined} suggestion */
  show(suggestion) {
    const same = JSON.stringify(suggestion) === JSON.stringify(this.suggestion);
    if (same && this.isOpen) return;
    this.suggestion = suggestion;
    this.element.hidden = suggestion === undefined;
    this.element.replaceChildren(
      ...(suggestion?.entries ?? []).map((entry, index) =>
        el(
          'div',
          {
            id: `menu-${index}`,
            className: 'entry',
            role: 'option',
            // The line keeps the focus: a press must not take it.
            onpointerdown: (/** @type {Event} */ event) => event.preventDefault(),
            onclick: () => this.onChoose(entry),
          },
          el(
            'span',
            { className: 'entry-title' },
            entry.title,
            entry.hint ? el('span', { className: 'entry-hint' }, entry.hint) : null,
          ),
          el('span', { className: 'entry-description' }, entry.description),
        ),
      ),
    );
    this.select(0);
  }

  close() {
    this.element.hidden = true;
    this.suggestion = undefined;
  }

  /** @param {number} index wraps around */
  select(index) {
    const count = this.element.children.length;
    this.selected = count === 0 ? 0 : (index + count) % count;
    for (const [i, entry] of [...this.element.children].entries()) {
      entry.setAttribute('aria-selected', String(i === this.selected));
      if (i === this.selected) entry.scrollIntoView({ block: 'nearest' });
    }
  }

  get current() {
    return this.suggestion?.entries[this.selected];
  }
}
