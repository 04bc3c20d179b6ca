/**
 * Reads one pickle (Python's pickletools.py describes every operation) without running anything: data is built, names of
 * classes are compared with a short list (globals.ts), and a call gives a description of its result.
 */
import { DarkroomError } from '../../errors.ts';
import { globalOf, resultOf, storageOf } from './globals.ts';
import { PyDict, PyGlobal, PyObject, type PyStorage, PyTensor, PyTuple, type PyValue } from './values.ts';

/** Far above what any checkpoint needs: SDXL's pickle has about 60,000 operations. */
const LIMITS = { operations: 4_000_000, memo: 1_000_000, stack: 1_000_000, marks: 10_000 };
const HIGHEST_PROTOCOL = 5;

export interface Unpickled {
  readonly value: PyValue;
  /** First byte behind it. */
  readonly end: number;
  /** All that it refers to, by their keys. */
  readonly storages: ReadonlyMap<string, PyStorage>;
}

/** The bytes end before the pickle does; whoever holds more of the file may try again. */
export class EndOfBytes extends DarkroomError {}

/**
 * @param start of the pickle within the bytes
 * @param label of the file, for sentences
 * @throws EndOfBytes where the bytes end first; DarkroomError('bad_model') for what is no pickle, ('unsupported') for a
 *   class or function that is not in the list
 */
export function unpickle(bytes: Buffer, start: number, label: string): Unpickled {
  return new Machine(bytes, start, label).run();
}

class Machine {
  readonly #bytes: Buffer;
  readonly #label: string;
  #at: number;
  /** Of the lists that marks cut off, the innermost last; values go to the last one. */
  readonly #stacks: PyValue[][] = [[]];
  readonly #memo = new Map<number, PyValue>();
  #height = 0;
  readonly #storages = new Map<string, PyStorage>();

  constructor(bytes: Buffer, start: number, label: string) {
    this.#bytes = bytes;
    this.#at = start;
    this.#label = label;
  }

  run(): Unpickled {
    for (let operations = 0; operations < LIMITS.operations; operations++) {
      const at = this.#at;
      const code = String.fromCharCode(this.#byte());
      if (code === '.') return { value: this.#pop(), end: this.#at, storages: this.#storages };
      this.#step(code, at);
    }
    throw this.#broken(`it has more than ${LIMITS.operations} operations`);
  }

  #step(code: string, at: number): void {
    const value = this.#value(code);
    if (value === undefined) this.#act(code, at);
    else this.#push(value);
  }

  /** Of an operation that leaves one value; undefined for all others. */
  #value(code: string): PyValue | undefined {
    switch (code) {
      case '2':
        return this.#top();
      case 'N':
        return null;
      case '\x88':
        return true;
      case '\x89':
        return false;
      case 'I':
        return this.#decimal();
      case 'L':
        return toNumber(this.#bigint(this.#line().replace(/L$/, '')));
      case 'J':
        return this.#take(4).readInt32LE();
      case 'K':
        return this.#byte();
      case 'M':
        return this.#take(2).readUInt16LE();
      case '\x8a':
        return littleEndian(this.#take(this.#byte()));
      case '\x8b':
        return littleEndian(this.#take(this.#size(4, 64)));
      case 'F':
        return Number(this.#line());
      case 'G':
        return this.#take(8).readDoubleBE();
      case 'S':
        return this.#quoted();
      case 'T':
        return this.#take(this.#size(4)).toString('latin1');
      case 'U':
        return this.#take(this.#byte()).toString('latin1');
      case 'V':
        return this.#line();
      case 'X':
        return this.#take(this.#size(4)).toString('utf8');
      case '\x8c':
        return this.#take(this.#byte()).toString('utf8');
      case '\x8d':
        return this.#take(this.#size(8)).toString('utf8');
      case 'B':
        return this.#take(this.#size(4));
      case 'C':
        return this.#take(this.#byte());
      case '\x8e':
      case '\x96':
        return this.#take(this.#size(8));
      case ')':
        return new PyTuple([]);
      case 't':
        return new PyTuple(this.#popMark());
      case '\x85':
      case '\x86':
      case '\x87':
        return new PyTuple(this.#popMany(code.charCodeAt(0) - 0x84));
      case ']':
        return [];
      case 'l':
        return this.#popMark();
      case '}':
        return new PyDict();
      case '\x8f':
        return new PyObject('builtins.set', []);
      case '\x91':
        return new PyObject('builtins.frozenset', this.#popMark());
      case 'c': {
        const module = this.#line();
        return globalOf(this.#label, module, this.#line());
      }
      case '\x93': {
        const [module, name] = this.#popMany(2);
        return globalOf(this.#label, this.#name(module), this.#name(name));
      }
      case 'i': {
        const module = this.#line();
        const of = globalOf(this.#label, module, this.#line());
        return this.#call(of, this.#popMark());
      }
      case 'o': {
        const [of, ...args] = this.#popMark();
        return this.#call(of ?? null, args);
      }
      case 'R':
      case '\x81': {
        const [of, args] = this.#popMany(2);
        return this.#call(of!, this.#tuple(args));
      }
      case '\x92': {
        const [of, args] = this.#popMany(3);
        return this.#call(of!, this.#tuple(args));
      }
      case 'g':
        return this.#recall(this.#decimalIndex());
      case 'h':
        return this.#recall(this.#byte());
      case 'j':
        return this.#recall(this.#take(4).readUInt32LE());
      case 'Q':
        return this.#storage(this.#pop());
      default:
        return undefined;
    }
  }

  #act(code: string, at: number): void {
    switch (code) {
      case '\x80': {
        const protocol = this.#byte();
        if (protocol > HIGHEST_PROTOCOL) throw this.#broken(`its protocol is ${protocol}`);
        return;
      }
      case '\x95':
        this.#take(8);
        return;
      case '(':
        if (this.#stacks.length > LIMITS.marks) throw this.#broken('it is nested too deeply');
        this.#stacks.push([]);
        return;
      case '0':
        this.#pop();
        return;
      case '1':
        this.#popMark();
        return;
      case 'a': {
        const item = this.#pop();
        this.#extend([item]);
        return;
      }
      case 'e':
        this.#extend(this.#popMark());
        return;
      case 'd': {
        const items = this.#popMark();
        this.#push(new PyDict());
        this.#setItems(items);
        return;
      }
      case 's':
        this.#setItems(this.#popMany(2));
        return;
      case 'u':
        this.#setItems(this.#popMark());
        return;
      case '\x90':
        this.#popMark();
        return;
      case 'b':
        this.#build();
        return;
      case 'p':
        this.#remember(this.#decimalIndex());
        return;
      case 'q':
        this.#remember(this.#byte());
        return;
      case 'r':
        this.#remember(this.#take(4).readUInt32LE());
        return;
      case '\x94':
        this.#remember(this.#memo.size);
        return;
      default:
        throw this.#broken(`byte ${at} is no operation that weights need`);
    }
  }

  #storage(id: PyValue): PyStorage {
    const storage = storageOf(id, (reason) => this.#broken(reason));
    const known = this.#storages.get(storage.key);
    if (known !== undefined && (known.dtype !== storage.dtype || known.count !== storage.count)) {
      throw this.#broken(`it describes storage ${storage.key.slice(0, 40)} in two ways`);
    }
    this.#storages.set(storage.key, storage);
    return storage;
  }

  #call(of: PyValue, args: readonly PyValue[]): PyValue {
    if (!(of instanceof PyGlobal)) throw this.#broken('it calls something that is no class or function');
    return resultOf(of, args, (reason) => this.#broken(reason));
  }

  /** The state of an object. An OrderedDict's and a tensor's say nothing about weights. */
  #build(): void {
    const state = this.#pop();
    const object = this.#top();
    if (object instanceof PyObject) object.state = state;
    else if (!(object instanceof PyDict || object instanceof PyTensor)) {
      throw this.#broken('it gives a state to something that has none');
    }
  }

  #extend(items: readonly PyValue[]): void {
    const list = this.#top();
    if (Array.isArray(list)) for (const item of items) list.push(item);
    else if (!(list instanceof PyObject)) throw this.#broken('it appends to something that is no list');
  }

  #setItems(items: readonly PyValue[]): void {
    const dict = this.#top();
    if (items.length % 2 !== 0) throw this.#broken('a key has no value');
    if (dict instanceof PyObject) return;
    if (!(dict instanceof PyDict)) throw this.#broken('it sets a key of something that is no dict');
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i]!, items[i + 1]!);
  }

  #remember(index: number): void {
    if (this.#memo.size > LIMITS.memo) throw this.#broken(`it remembers more than ${LIMITS.memo} values`);
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): PyValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#broken(`it recalls value ${index}, which it never stored`);
    return value;
  }

  #push(value: PyValue): void {
    if (++this.#height > LIMITS.stack) throw this.#broken('its stack is too high');
    this.#stacks.at(-1)!.push(value);
  }

  #pop(): PyValue {
    const value = this.#stacks.at(-1)!.pop();
    if (value === undefined) throw this.#broken('its stack is empty');
    this.#height--;
    return value;
  }

  #top(): PyValue {
    const value = this.#stacks.at(-1)!.at(-1);
    if (value === undefined) throw this.#broken('its stack is empty');
    return value;
  }

  #popMany(count: number): PyValue[] {
    const stack = this.#stacks.at(-1)!;
    if (stack.length < count) throw this.#broken('its stack is empty');
    this.#height -= count;
    return stack.splice(stack.length - count, count);
  }

  #popMark(): PyValue[] {
    if (this.#stacks.length < 2) throw this.#broken('a mark is missing');
    const items = this.#stacks.pop()!;
    this.#height -= items.length;
    return items;
  }

  #tuple(value: PyValue | undefined): readonly PyValue[] {
    if (value instanceof PyTuple) return value.items;
    throw this.#broken('a call has no arguments');
  }

  #name(value: PyValue | undefined): string {
    if (typeof value === 'string') return value;
    throw this.#broken('the name of a class is no text');
  }

  #decimal(): PyValue {
    const text = this.#line();
    if (text === '00') return false;
    if (text === '01') return true;
    return toNumber(this.#bigint(text));
  }

  #decimalIndex(): number {
    const index = toNumber(this.#bigint(this.#line()));
    if (typeof index === 'number' && index >= 0) return index;
    throw this.#broken('it numbers a value below 0');
  }

  #bigint(text: string): bigint {
    if (/^-?\d{1,64}$/.test(text)) return BigInt(text);
    throw this.#broken('a whole number is not written as one');
  }

  #quoted(): string {
    const text = this.#line();
    const inner = /^(["'])(.*)\1$/s.exec(text)?.[2];
    if (inner === undefined) throw this.#broken('a string has no quotes');
    return inner;
  }

  #size(bytes: 4 | 8, most = Number.MAX_SAFE_INTEGER): number {
    const field = this.#take(bytes);
    const size = bytes === 4 ? field.readUInt32LE() : Number(field.readBigUInt64LE());
    if (size > most) throw this.#broken(`a value takes ${size} bytes`);
    return size;
  }

  #byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw this.#ends();
    this.#at++;
    return value;
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw this.#ends();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw this.#ends();
    const line = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return line;
  }

  #ends(): EndOfBytes {
    return new EndOfBytes('bad_model', `${this.#label} is not a usable pickle: it ends too early.`);
  }

  #broken(reason: string): DarkroomError {
    return new DarkroomError('bad_model', `${this.#label} is not a usable pickle: ${reason}.`);
  }
}

/** Two's complement; '' is 0. */
function littleEndian(bytes: Buffer): PyValue {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return toNumber(BigInt.asIntN(Math.max(1, 8 * bytes.length), value));
}

const toNumber = (value: bigint): PyValue =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
