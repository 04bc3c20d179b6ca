/**
 * Options of a scheduler_config.json, taken one by one; each value that cannot be used is refused by name. `null` is
 * Python's None: false for a flag, unset where the class's own default is None, and no value otherwise.
 */
import { DarkroomError } from '../errors.ts';
import { sentence, type Words } from '../sentences.ts';

export class OptionReader {
  readonly #rest: Map<string, unknown>;

  constructor(options: ReadonlyMap<string, unknown>) {
    this.#rest = new Map(options);
  }

  /** @returns undefined where the option is left out */
  take(key: string): unknown {
    const value = this.#rest.get(key);
    this.#rest.delete(key);
    return value;
  }

  /** @param takesInfinity where -Infinity and Infinity are numbers too */
  number(key: string, fallback: number, takesInfinity = false): number {
    const value = this.#takeOr(key, fallback);
    const fits = typeof value === 'number' && (takesInfinity ? !Number.isNaN(value) : Number.isFinite(value));
    return fits ? value : refuse(key, value, sentence('scheduler.a_number'));
  }

  within(key: string, fallback: number, low: number, high: number): number {
    const value = this.number(key, fallback);
    return value >= low && value <= high
      ? value
      : refuse(key, value, sentence('scheduler.a_number_from', { low, high }));
  }

  wholeNumber(key: string, fallback: number, low: number, high: number): number {
    const value = this.#takeOr(key, fallback);
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
    return fits ? value : refuse(key, value, sentence('scheduler.a_whole_number_from', { low, high }));
  }

  optionalWhole(key: string): number | undefined {
    const value = this.take(key) ?? undefined;
    if (value === undefined) return undefined;
    const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    return fits ? value : refuse(key, value, sentence('scheduler.a_whole_number'));
  }

  wholeNumbers(key: string): readonly number[] {
    const value = this.take(key) ?? [];
    const fits = Array.isArray(value) && value.every((n): n is number => Number.isInteger(n));
    return fits ? value : refuse(key, value, sentence('scheduler.whole_numbers'));
  }

  positive(key: string): number | undefined {
    const value = this.take(key) ?? undefined;
    if (value === undefined) return undefined;
    const fits = typeof value === 'number' && value > 0 && Number.isFinite(value);
    return fits ? value : refuse(key, value, sentence('scheduler.above_zero'));
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#takeOr(key, fallback) ?? false;
    return typeof value === 'boolean' ? value : refuse(key, value, sentence('scheduler.true_or_false'));
  }

  choice<T>(key: string, choices: readonly T[], fallback: T): T {
    const value = this.#takeOr(key, fallback);
    return (
      choices.find((choice) => choice === value) ??
      refuse(key, value, sentence('scheduler.one_of', { choices: choices.join(', ') }))
    );
  }

  optionalChoice<T>(key: string, choices: readonly T[]): T | undefined {
    const value = this.take(key) ?? undefined;
    if (value === undefined) return undefined;
    return (
      choices.find((choice) => choice === value) ??
      refuse(key, value, sentence('scheduler.one_of', { choices: choices.join(', ') }))
    );
  }

  /** @throws DarkroomError('unsupported') for an option that nobody took */
  refuseRest(): void {
    for (const [key, value] of this.#rest) {
      if (value === null) continue;
      throw new DarkroomError('unsupported', sentence('scheduler.not_here', { key, value: show(value) }));
    }
  }

  /** Not `??`: an option that is null is set. */
  #takeOr(key: string, fallback: unknown): unknown {
    const value = this.take(key);
    return value === undefined ? fallback : value;
  }
}

function refuse(key: string, value: unknown, allowed: Words): never {
  throw new DarkroomError(
    'bad_request',
    sentence('scheduler.not_allowed', { key, value: show(value), allowed }),
  );
}

export const show = (value: unknown): string =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
