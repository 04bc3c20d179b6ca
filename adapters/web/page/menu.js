// @ts-check
/**
 * The menu above the prompt line: commands after `/`, their subcommands, flags after `--`, and values of options
 * with choices or suggestions. It only reads the line; the composer handles the keys.
 * @import { Command, CommandOption, Completion } from './types.js'
 */
import { byId, el } from './dom.js';
import { say } from './say.js';

/**
 * @typedef {{ insert: string, title: string, hint: string, description: string }} Entry
 * @typedef {{ from: number, entries: Entry[] }} Suggestion `from` is the start of the word at the caret
 */

/**
 * @param {Command[]} commands
 * @param {string} text
 * @param {number} caret
 * @param {string} plain the command for a line without one
 * @param {(command: string, option: string, typed: string) => Completion[] | undefined} complete what the server
 *   knows of an option's values; undefined where it has not answered yet
 * @returns {Suggestion | undefined}
 */
export function suggest(commands, text, caret, plain, complete) {
  const before = text.slice(0, caret);
  const verb = /^\/(\S*)$/.exec(before);
  if (verb) return offerCommands(commands, verb[1] ?? '', 0);
  const group = /^(\/\S+\s+)(\S*)$/.exec(before);
  const subcommands = group && commandOf(commands, group[1] ?? '', plain)?.subcommands;
  if (group && subcommands) {
    const name = (group[1] ?? '').slice(1).trim();
    return offerCommands(subcommands, `${name} ${group[2] ?? ''}`, 0);
  }
  const command = commandOf(commands, text, plain);
  if (command === undefined) return undefined;
  const tag = /<(?:lora|lyco):([^<>:]*)$/i.exec(before);
  if (tag) return offerTags(complete(command.name, 'lora', tag[1] ?? '') ?? [], tag[1] ?? '', caret);
  const word = /\S*$/.exec(before)?.[0] ?? '';
  const option = optionOfWord(command, before);
  if (option && ['text', 'word', 'choice'].includes(option.type) && !/^-(?!-.*=)/.test(word)) {
    const typed = word.replace(/^--[\w-]+=/, '');
    const known = (option.choices ?? option.suggestions ?? []).map((value) => ({ value }));
    const values = complete(command.name, option.name, typed) ?? known;
    if (values.length > 0) return offerValues(values, typed, caret);
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

/** @param {Command[]} commands @param {string} typed the beginning of a name @param {number} from @returns {Suggestion | undefined} */
function offerCommands(commands, typed, from) {
  const entries = commands
    .filter(({ name }) => name.startsWith(typed.toLowerCase()))
    .map((command) => ({
      insert: `/${command.name} `,
      title: `/${command.name}`,
      hint: usage(command, 3),
      description: command.description,
    }));
  return entries.length > 0 ? { from, entries } : undefined;
}

/**
 * The rest of `<lora:`, without and with the words that the LoRA answers to.
 * @param {Completion[]} values @param {string} typed @param {number} caret @returns {Suggestion | undefined}
 */
function offerTags(values, typed, caret) {
  const entries = values.flatMap(({ value, note = '', words = [] }) => {
    const plain = { insert: `${value}:1> `, title: value, hint: '', description: note };
    const first = words[0];
    if (first === undefined) return [plain];
    return [
      plain,
      { insert: `${value}:1> ${first} `, title: `${value} + ${first}`, hint: '', description: '' },
    ];
  });
  return entries.length > 0 ? { from: caret - typed.length, entries } : undefined;
}

/** @param {Completion[]} values @param {string} typed @param {number} caret @returns {Suggestion | undefined} */
function offerValues(values, typed, caret) {
  const wanted = typed.toLowerCase();
  const entries = values
    .filter(({ value }) => value.toLowerCase().includes(wanted) && value !== typed)
    .map(({ value, note = '' }) => ({
      insert: `${/\s/.test(value) ? `"${value}"` : value} `,
      title: value,
      hint: '',
      description: note,
    }));
  return entries.length > 0 ? { from: caret - typed.length, entries } : undefined;
}

/**
 * The option whose value is at the caret: after its flag, or by its position.
 * @param {Command} command
 * @param {string} before text up to the caret
 */
function optionOfWord({ name, options }, before) {
  const flag = /(--[\w-]+)[ =]\S*$/.exec(before)?.[1];
  if (flag) return options.find((option) => option.flag === flag);
  // Only options without a flag are found by their position, and the last one takes all remaining words.
  if (!before.startsWith(`/${name} `) || before.includes(' --')) return undefined;
  const place =
    before
      .slice(name.length + 2)
      .trimStart()
      .split(/\s+/).length - 1;
  return options.filter((option) => !option.flag && option.type !== 'picture')[place];
}

/**
 * The command of a line, or its subcommand if the line names one.
 * @param {Command[]} commands
 * @param {string} text
 * @param {string} plain the command for a line without one
 * @returns {Command | undefined}
 */
export function commandOf(commands, text, plain) {
  const [, name, second] = /^\/(\S+)\s+(?:(\S+)\s)?/.exec(text) ?? [];
  const command = commands.find((one) => one.name === (name ?? plain));
  const subcommand = command?.subcommands?.find((one) => one.name === `${name} ${second}`);
  return subcommand ?? command;
}

/**
 * The arguments of a command on one line: `prompt --seed --steps …`
 * @param {Command} command
 * @param {number} [most]
 */
export function usage({ options, subcommands }, most = Number.POSITIVE_INFINITY) {
  if (subcommands) return subcommands.map(({ name }) => name.split(' ').at(-1)).join(' | ');
  const typed = options.filter(({ type }) => type !== 'picture');
  const shown = typed.slice(0, most).map(({ flag, name }) => flag ?? name);
  return [...shown, ...(typed.length > most ? ['…'] : [])].join('  ');
}

/** The option whose flag is at the caret. @param {Command} command @param {string} before text up to the caret */
export function optionAt({ options }, before) {
  const flag = /(--[\w-]+)(?:[ =]\S*)?$/.exec(before)?.[1];
  return options.find((option) => option.flag && option.flag === flag);
}

/** @param {CommandOption} option */
export function range({ choices, min, max, type }) {
  if (choices) return choices.join(' | ');
  if (min !== undefined && max !== undefined) return say('page.range', { min, max });
  if (min !== undefined) return say('page.range_from', { min });
  if (max !== undefined) return say('page.range_to', { max });
  return type === 'picture' || type === 'mention' ? say(`page.type.${type}`) : say('page.type.text');
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
            // The prompt line keeps the focus.
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
