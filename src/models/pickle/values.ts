/** What a pickle can hold here: data, and names of classes that are never imported. */

/** A class or function by name. It is compared with a list, and nothing is ever called. */
export class PyGlobal {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class PyTuple {
  readonly items: readonly PyValue[];
  constructor(items: readonly PyValue[]) {
    this.items = items;
  }
}

export class PyDict {
  readonly entries = new Map<PyValue, PyValue>();
}

/** An object of a harmless class: its class's name, what it was made from, and its state. */
export class PyObject {
  readonly className: string;
  readonly args: readonly PyValue[];
  state: PyValue = null;
  constructor(className: string, args: readonly PyValue[]) {
    this.className = className;
    this.args = args;
  }
}

/** Bytes that lie elsewhere in the file, under a key. */
export class PyStorage {
  /** safetensors' name of the type; undefined where only the tensor says it. */
  readonly dtype: string | undefined;
  readonly key: string;
  /** Elements; bytes where the type is undefined. */
  readonly count: number;
  constructor(dtype: string | undefined, key: string, count: number) {
    this.dtype = dtype;
    this.key = key;
    this.count = count;
  }
}

export class PyTensor {
  readonly storage: PyStorage;
  readonly dtype: string;
  /** In elements of the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(
    storage: PyStorage,
    dtype: string,
    { offset, shape, strides }: { offset: number; shape: readonly number[]; strides: readonly number[] },
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyValue[]
  | PyTuple
  | PyDict
  | PyGlobal
  | PyObject
  | PyStorage
  | PyTensor;
