/** What a pickle's operations take their values from and leave them on: lists that marks cut off, the innermost last. */
import type { DarkroomError } from '../../errors.ts';
import { PyTuple, type PyValue } from './values.ts';

/** Far above what any checkpoint needs. */
const LIMITS = { values: 1_000_000, marks: 10_000 };

export class Stack {
  readonly #lists: PyValue[][] = [[]];
  readonly #broken: (reason: string) => DarkroomError;
  #height = 0;

  /** @param broken makes the error for a pickle that takes what is not there, or leaves too much */
  constructor(broken: (reason: string) => DarkroomError) {
    this.#broken = broken;
  }

  push(value: PyValue): void {
    if (++this.#height > LIMITS.values) throw this.#broken('its stack is too high');
    this.#lists.at(-1)!.push(value);
  }

  pop(): PyValue {
    const value = this.#lists.at(-1)!.pop();
    if (value === undefined) throw this.#broken('its stack is empty');
    this.#height--;
    return value;
  }

  top(): PyValue {
    const value = this.#lists.at(-1)!.at(-1);
    if (value === undefined) throw this.#broken('its stack is empty');
    return value;
  }

  /** In the order in which they were pushed. */
  popMany(count: number): PyValue[] {
    const list = this.#lists.at(-1)!;
    if (list.length < count) throw this.#broken('its stack is empty');
    this.#height -= count;
    return list.splice(list.length - count, count);
  }

  mark(): void {
    if (this.#lists.length > LIMITS.marks) throw this.#broken('it is nested too deeply');
    this.#lists.push([]);
  }

  /** All above the last mark. */
  popMark(): PyValue[] {
    if (this.#lists.length < 2) throw this.#broken('a mark is missing');
    const items = this.#lists.pop()!;
    this.#height -= items.length;
    return items;
  }

  /** The arguments of a call. */
  popArguments(): readonly PyValue[] {
    const value = this.pop();
    if (value instanceof PyTuple) return value.items;
    throw this.#broken('a call has no arguments');
  }

  popName(): string {
    const value = this.pop();
    if (typeof value === 'string') return value;
    throw this.#broken('the name of a class is no text');
  }
}
