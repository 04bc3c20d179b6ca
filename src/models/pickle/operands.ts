/** The operands of a pickle's operations, read one after the other (Python's pickletools.py describes each form). */
import { DarkroomError } from '../../errors.ts';
import type { PyValue } from './values.ts';

/** The bytes end before the pickle does; whoever holds more of the file may try again. */
export class EndOfBytes extends DarkroomError {}

export class Operands {
  readonly #bytes: Buffer;
  readonly #label: string;
  #at: number;

  /**
   * @param start of the pickle within the bytes
   * @param label of the file, for sentences
   */
  constructor(bytes: Buffer, start: number, label: string) {
    this.#bytes = bytes;
    this.#at = start;
    this.#label = label;
  }

  /** Of the next byte. */
  get at(): number {
    return this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw this.#ends();
    this.#at++;
    return value;
  }

  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw this.#ends();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** As many bytes as a field of so many bytes before them says. */
  sized(field: 1 | 4 | 8, most?: number): Buffer {
    return this.take(field === 1 ? this.byte() : this.#size(field, most));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw this.#ends();
    const line = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return line;
  }

  /** A whole number in digits; 00 and 01 are protocol 1's false and true. */
  decimal(): PyValue {
    const text = this.line();
    if (text === '00') return false;
    if (text === '01') return true;
    return toNumber(this.#bigint(text));
  }

  /** The same with an L at its end, as Python 2 wrote large ones. */
  long(): PyValue {
    return toNumber(this.#bigint(this.line().replace(/L$/, '')));
  }

  /** The number of a value that is remembered. */
  index(): number {
    const index = toNumber(this.#bigint(this.line()));
    if (typeof index === 'number' && index >= 0) return index;
    throw this.broken('it numbers a value below 0');
  }

  quoted(): string {
    const text = this.line();
    const inner = /^(["'])(.*)\1$/s.exec(text)?.[2];
    if (inner === undefined) throw this.broken('a string has no quotes');
    return inner;
  }

  broken(reason: string): DarkroomError {
    return new DarkroomError('bad_model', `${this.#label} is not a usable pickle: ${reason}.`);
  }

  #bigint(text: string): bigint {
    if (/^-?\d{1,64}$/.test(text)) return BigInt(text);
    throw this.broken('a whole number is not written as one');
  }

  #size(bytes: 4 | 8, most = Number.MAX_SAFE_INTEGER): number {
    const field = this.take(bytes);
    const size = bytes === 4 ? field.readUInt32LE() : Number(field.readBigUInt64LE());
    if (size > most) throw this.broken(`a value takes ${size} bytes`);
    return size;
  }

  #ends(): EndOfBytes {
    return new EndOfBytes('bad_model', `${this.#label} is not a usable pickle: it ends too early.`);
  }
}

/** Two's complement; '' is 0. */
export function littleEndian(bytes: Buffer): PyValue {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return toNumber(BigInt.asIntN(Math.max(1, 8 * bytes.length), value));
}

const toNumber = (value: bigint): PyValue =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
