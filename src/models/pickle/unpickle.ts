/**
 * Reads one pickle (Python's pickletools.py describes every operation) without running anything: data is built, names of
 * classes are compared with a short list (globals.ts), and a call gives a description of its result.
 */
import { globalOf, resultOf, storageOf } from './globals.ts';
import { littleEndian, Operands } from './operands.ts';
import { Stack } from './stack.ts';
import { PyDict, PyGlobal, PyObject, type PyStorage, PyTensor, PyTuple, type PyValue } from './values.ts';

/** Far above what any checkpoint needs: SDXL's pickle has about 60,000 operations. */
const LIMITS = { operations: 4_000_000, memo: 1_000_000 };
const HIGHEST_PROTOCOL = 5;

interface Unpickled {
  readonly value: PyValue;
  /** First byte behind it. */
  readonly end: number;
  /** All that it refers to, by their keys. */
  readonly storages: ReadonlyMap<string, PyStorage>;
}

/**
 * @param start of the pickle within the bytes
 * @param label of the file, for sentences
 * @throws EndOfBytes where the bytes end first; DarkroomError('bad_model') for what is no pickle, ('unsupported') for a
 *   class or function that is not in the list
 */
export function unpickle(bytes: Buffer, start: number, label: string): Unpickled {
  return new Machine(new Operands(bytes, start, label), label).run();
}

class Machine {
  readonly #from: Operands;
  readonly #label: string;
  readonly #stack: Stack;
  readonly #memo = new Map<number, PyValue>();
  readonly #storages = new Map<string, PyStorage>();

  constructor(from: Operands, label: string) {
    this.#from = from;
    this.#stack = new Stack((reason) => from.broken(reason));
    this.#label = label;
  }

  run(): Unpickled {
    for (let operations = 0; operations < LIMITS.operations; operations++) {
      const at = this.#from.at;
      const code = String.fromCharCode(this.#from.byte());
      if (code === '.') return { value: this.#stack.pop(), end: this.#from.at, storages: this.#storages };
      this.#step(code, at);
    }
    throw this.#from.broken(`it has more than ${LIMITS.operations} operations`);
  }

  #step(code: string, at: number): void {
    const value = this.#value(code);
    if (value === undefined) this.#act(code, at);
    else this.#stack.push(value);
  }

  /** Of an operation that leaves one value; undefined for all others. */
  #value(code: string): PyValue | undefined {
    switch (code) {
      case '2':
        return this.#stack.top();
      case 'N':
        return null;
      case '\x88':
        return true;
      case '\x89':
        return false;
      case 'I':
        return this.#from.decimal();
      case 'L':
        return this.#from.long();
      case 'J':
        return this.#from.take(4).readInt32LE();
      case 'K':
        return this.#from.byte();
      case 'M':
        return this.#from.take(2).readUInt16LE();
      case '\x8a':
        return littleEndian(this.#from.sized(1));
      case '\x8b':
        return littleEndian(this.#from.sized(4, 64));
      case 'F':
        return Number(this.#from.line());
      case 'G':
        return this.#from.take(8).readDoubleBE();
      case 'S':
        return this.#from.quoted();
      case 'T':
        return this.#from.sized(4).toString('latin1');
      case 'U':
        return this.#from.sized(1).toString('latin1');
      case 'V':
        return this.#from.line();
      case 'X':
        return this.#from.sized(4).toString('utf8');
      case '\x8c':
        return this.#from.sized(1).toString('utf8');
      case '\x8d':
        return this.#from.sized(8).toString('utf8');
      case 'B':
        return this.#from.sized(4);
      case 'C':
        return this.#from.sized(1);
      case '\x8e':
      case '\x96':
        return this.#from.sized(8);
      case ')':
        return new PyTuple([]);
      case 't':
        return new PyTuple(this.#stack.popMark());
      case '\x85':
      case '\x86':
      case '\x87':
        return new PyTuple(this.#stack.popMany(code.charCodeAt(0) - 0x84));
      case ']':
        return [];
      case 'l':
        return this.#stack.popMark();
      case '}':
        return new PyDict();
      case '\x8f':
        return new PyObject('builtins.set', []);
      case '\x91':
        return new PyObject('builtins.frozenset', this.#stack.popMark());
      case 'c': {
        const module = this.#from.line();
        return globalOf(this.#label, module, this.#from.line());
      }
      case '\x93': {
        const name = this.#stack.popName();
        return globalOf(this.#label, this.#stack.popName(), name);
      }
      case 'i': {
        const module = this.#from.line();
        const of = globalOf(this.#label, module, this.#from.line());
        return this.#call(of, this.#stack.popMark());
      }
      case 'o': {
        const [of, ...args] = this.#stack.popMark();
        return this.#call(of ?? null, args);
      }
      case 'R':
      case '\x81': {
        const args = this.#stack.popArguments();
        return this.#call(this.#stack.pop(), args);
      }
      case '\x92': {
        const [of, args] = this.#stack.popMany(3);
        if (args instanceof PyTuple) return this.#call(of!, args.items);
        throw this.#from.broken('a call has no arguments');
      }
      case 'g':
        return this.#recall(this.#from.index());
      case 'h':
        return this.#recall(this.#from.byte());
      case 'j':
        return this.#recall(this.#from.take(4).readUInt32LE());
      case 'Q':
        return this.#storage(this.#stack.pop());
      default:
        return undefined;
    }
  }

  #act(code: string, at: number): void {
    switch (code) {
      case '\x80': {
        const protocol = this.#from.byte();
        if (protocol > HIGHEST_PROTOCOL) throw this.#from.broken(`its protocol is ${protocol}`);
        return;
      }
      case '\x95':
        this.#from.take(8);
        return;
      case '(':
        this.#stack.mark();
        return;
      case '0':
        this.#stack.pop();
        return;
      case '1':
        this.#stack.popMark();
        return;
      case 'a': {
        const item = this.#stack.pop();
        this.#extend([item]);
        return;
      }
      case 'e':
        this.#extend(this.#stack.popMark());
        return;
      case 'd': {
        const items = this.#stack.popMark();
        this.#stack.push(new PyDict());
        this.#setItems(items);
        return;
      }
      case 's':
        this.#setItems(this.#stack.popMany(2));
        return;
      case 'u':
        this.#setItems(this.#stack.popMark());
        return;
      case '\x90':
        this.#stack.popMark();
        return;
      case 'b':
        this.#build();
        return;
      case 'p':
        this.#remember(this.#from.index());
        return;
      case 'q':
        this.#remember(this.#from.byte());
        return;
      case 'r':
        this.#remember(this.#from.take(4).readUInt32LE());
        return;
      case '\x94':
        this.#remember(this.#memo.size);
        return;
      default:
        throw this.#from.broken(`byte ${at} is no operation that weights need`);
    }
  }

  #storage(id: PyValue): PyStorage {
    const storage = storageOf(id, (reason) => this.#from.broken(reason));
    const known = this.#storages.get(storage.key);
    if (known !== undefined && (known.dtype !== storage.dtype || known.count !== storage.count)) {
      throw this.#from.broken(`it describes storage ${storage.key.slice(0, 40)} in two ways`);
    }
    this.#storages.set(storage.key, storage);
    return storage;
  }

  #call(of: PyValue, args: readonly PyValue[]): PyValue {
    if (!(of instanceof PyGlobal)) throw this.#from.broken('it calls something that is no class or function');
    return resultOf(of, args, (reason) => this.#from.broken(reason));
  }

  /** The state of an object. An OrderedDict's and a tensor's say nothing about weights. */
  #build(): void {
    const state = this.#stack.pop();
    const object = this.#stack.top();
    if (object instanceof PyObject) object.state = state;
    else if (!(object instanceof PyDict || object instanceof PyTensor)) {
      throw this.#from.broken('it gives a state to something that has none');
    }
  }

  #extend(items: readonly PyValue[]): void {
    const list = this.#stack.top();
    if (Array.isArray(list)) for (const item of items) list.push(item);
    else if (!(list instanceof PyObject)) throw this.#from.broken('it appends to something that is no list');
  }

  #setItems(items: readonly PyValue[]): void {
    const dict = this.#stack.top();
    if (items.length % 2 !== 0) throw this.#from.broken('a key has no value');
    if (dict instanceof PyObject) return;
    if (!(dict instanceof PyDict)) throw this.#from.broken('it sets a key of something that is no dict');
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i]!, items[i + 1]!);
  }

  #remember(index: number): void {
    if (this.#memo.size > LIMITS.memo)
      throw this.#from.broken(`it remembers more than ${LIMITS.memo} values`);
    this.#memo.set(index, this.#stack.top());
  }

  #recall(index: number): PyValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#from.broken(`it recalls value ${index}, which it never stored`);
    return value;
  }
}
