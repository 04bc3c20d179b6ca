// @ts-check
/**
 * The settings beside the prompt line: a control for each flag of its command. They read the line and write into it; the
 * line stays what is sent.
 * @import { Command, CommandOption, Completion } from './types.js'
 */
import { byId, el } from './dom.js';
import { readFlag, writeFlag } from './flags.js';
import { range } from './menu.js';
import { say } from './say.js';

const KEY = 'darkroom.panel';
/** Numbers in a range that is not wider than this move by hundredths of it. */
const NARROW = 2;

export class Panel {
  button = /** @type {HTMLButtonElement} */ (byId('open-panel'));
  element = byId('panel');
  /** @type {Command | undefined} */
  #command;
  /** @type {{ option: CommandOption, control: HTMLInputElement | HTMLSelectElement }[]} */
  #controls = [];

  /**
   * @param {{
   *   read: () => { text: string, command: Command | undefined }, write: (text: string) => void, focus: () => void,
   *   complete: (command: string, option: string, typed: string) => Completion[] | undefined,
   * }} line
   */
  constructor(line) {
    this.line = line;
    this.button.addEventListener('click', () => this.#toggle(this.element.hidden === true));
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.line.focus();
      else if (event.key === 'Escape') {
        this.#toggle(false);
        this.button.focus();
      } else return;
      event.preventDefault();
    });
    // On a phone it would cover the pictures.
    if (isKept() && matchMedia('(min-width: 601px)').matches) this.#open();
  }

  /** Shows what the line says. */
  update() {
    if (this.element.hidden) return;
    const { text, command } = this.line.read();
    if (command !== this.#command) this.#draw(command);
    for (const { option, control } of this.#controls) {
      if (control === document.activeElement) continue;
      const value = readFlag(text, flagOf(option)) ?? '';
      if (control instanceof HTMLSelectElement) choose(control, value);
      control.value = value;
    }
  }

  /** @param {boolean} opens */
  #toggle(opens) {
    keep(opens);
    if (opens) {
      this.#open();
      this.#controls[0]?.control.focus();
      return;
    }
    this.element.hidden = true;
    this.button.setAttribute('aria-expanded', 'false');
  }

  #open() {
    this.element.hidden = false;
    this.button.setAttribute('aria-expanded', 'true');
    this.update();
  }

  /** @param {Command | undefined} command */
  #draw(command) {
    this.#command = command;
    const options = command?.options.filter(({ flag }) => flag) ?? [];
    this.#controls = options.map((option) => ({ option, control: this.#drawControl(option) }));
    this.element.replaceChildren(
      ...this.#controls.map(({ option, control }) => drawField(option, control)),
      ...(options.length === 0 ? [el('p', {}, say('page.no_flags'))] : []),
    );
  }

  /** @param {CommandOption} option */
  #drawControl(option) {
    const id = `panel-${option.name}`;
    const control =
      option.type === 'choice' || option.choices
        ? el('select', { id, 'aria-describedby': `${id}-hint` }, drawChoice(''))
        : drawInput(option, id);
    if (control instanceof HTMLSelectElement) control.append(...(option.choices ?? []).map(drawChoice));
    control.addEventListener('input', () => {
      const value = control.validity.badInput ? '' : control.value;
      control.setAttribute('aria-invalid', String(!control.validity.valid));
      this.line.write(writeFlag(this.line.read().text, flagOf(option), value));
    });
    if (option.type === 'text' && option.single) {
      // The server knows more of them than the page: styles, samplers, models.
      control.addEventListener('focus', () => this.#suggest(option, id));
    }
    return control;
  }

  /** @param {CommandOption} option @param {string} id */
  #suggest(option, id) {
    const known = (option.suggestions ?? []).map((value) => ({ value }));
    const values = this.line.complete(this.#command?.name ?? '', option.name, '') ?? known;
    byId(`${id}-values`).replaceChildren(...values.map(({ value }) => el('option', { value })));
  }
}

/** @param {CommandOption} option @returns {import('./flags.js').Flag} */
const flagOf = ({ flag, aliases, type, single }) => ({
  flag: flag ?? '',
  aliases: aliases ?? [],
  isWords: type === 'text' && !single,
});

/** @param {string} value */
const drawChoice = (value) => el('option', { value }, value === '' ? say('page.default') : value);

/** A value in another spelling than that of the choices is shown as it is written. @param {HTMLSelectElement} select @param {string} value */
function choose(select, value) {
  for (const option of select.querySelectorAll('[data-typed]')) option.remove();
  if ([...select.options].some((option) => option.value === value)) return;
  const typed = drawChoice(value);
  typed.dataset['typed'] = '';
  select.append(typed);
}

/** @param {CommandOption} option @param {string} id */
function drawInput({ type, min, max, single }, id) {
  const isNumber = type === 'integer' || type === 'number';
  const isNarrow = isNumber && type === 'number' && (max ?? 0) - (min ?? 0) <= NARROW;
  const input = el('input', {
    id,
    'aria-describedby': `${id}-hint`,
    type: isNumber ? 'number' : 'text',
    autocomplete: 'off',
    placeholder: say('page.default'),
    ...(isNumber && { min, max, step: type === 'integer' ? 1 : isNarrow ? 0.01 : 0.1 }),
  });
  if (type === 'text' && single) input.setAttribute('list', `${id}-values`);
  return input;
}

/** @param {CommandOption} option @param {HTMLElement} control */
function drawField(option, control) {
  const hint = option.choices ? option.description : `${option.description} ${rangeOf(option)}`;
  return el(
    'div',
    { className: 'panel-field' },
    el('label', { htmlFor: control.id }, (option.flag ?? '').slice(2)),
    control,
    control.hasAttribute('list') ? el('datalist', { id: `${control.id}-values` }) : null,
    el('p', { className: 'panel-hint', id: `${control.id}-hint`, title: hint }, hint),
  );
}

/** @param {CommandOption} option */
const rangeOf = (option) => (option.type === 'text' ? '' : `(${range(option)})`);

function isKept() {
  try {
    return localStorage.getItem(KEY) === 'open';
  } catch {
    return false; // storage is disabled
  }
}

/** @param {boolean} isOpen */
function keep(isOpen) {
  try {
    if (isOpen) localStorage.setItem(KEY, 'open');
    else localStorage.removeItem(KEY);
  } catch {
    // it is then folded after a reload
  }
}
