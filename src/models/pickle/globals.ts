/**
 * The few classes and functions that checkpoints name, and what stands for them here. Whatever is not in this list is
 * refused by name: a pickle that asks for it may be made to run code where Python opens it.
 */
import { DarkroomError } from '../../errors.ts';
import { PyDict, PyGlobal, PyObject, PyStorage, PyTensor, PyTuple, type PyValue } from './values.ts';

/** Types of torch's storages, as safetensors names them. */
const STORAGES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'torch.FloatStorage': 'F32',
    'torch.HalfStorage': 'F16',
    'torch.BFloat16Storage': 'BF16',
    'torch.DoubleStorage': 'F64',
    'torch.LongStorage': 'I64',
    'torch.IntStorage': 'I32',
    'torch.ShortStorage': 'I16',
    'torch.CharStorage': 'I8',
    'torch.ByteStorage': 'U8',
    'torch.BoolStorage': 'BOOL',
    'torch.Float8_e4m3fnStorage': 'F8_E4M3',
    'torch.Float8_e5m2Storage': 'F8_E5M2',
  }),
);
/** Storages of bytes, whose tensors say their type. */
const UNTYPED = ['torch.UntypedStorage', 'torch.storage.UntypedStorage'];

const DTYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'torch.float32': 'F32',
    'torch.float16': 'F16',
    'torch.bfloat16': 'BF16',
    'torch.float64': 'F64',
    'torch.int64': 'I64',
    'torch.int32': 'I32',
    'torch.uint8': 'U8',
    'torch.float8_e4m3fn': 'F8_E4M3',
    'torch.float8_e5m2': 'F8_E5M2',
  }),
);

const REBUILD = {
  v1: 'torch._utils._rebuild_tensor',
  v2: 'torch._utils._rebuild_tensor_v2',
  v3: 'torch._utils._rebuild_tensor_v3',
  parameter: 'torch._utils._rebuild_parameter',
};
const ORDERED_DICT = 'collections.OrderedDict';
const ENCODE = '_codecs.encode';
const NUMPY_SCALARS = ['numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar'];
const NUMPY_DTYPE = 'numpy.dtype';

/** Classes whose objects say nothing about weights: they are kept as a name and their state, and not made. */
const OPAQUE: readonly RegExp[] = [
  // Classes of callbacks, by their capital letter.
  /^(pytorch_lightning|lightning\.pytorch)(\.[a-z_]+)*\.[A-Z]\w*$/,
  /^torch\.(Size|device|nn\.modules\.container\.ParameterDict|nn\.parameter\.Parameter)$/,
  /^numpy\.(ndarray|core\.multiarray\._reconstruct|_core\.multiarray\._reconstruct)$/,
  /^(builtins|__builtin__)\.(set|frozenset)$/,
  /^argparse\.Namespace$/,
  /^pathlib\.(PosixPath|WindowsPath|PurePosixPath|PureWindowsPath)$/,
];

const KNOWN: ReadonlySet<string> = new Set([
  ...STORAGES.keys(),
  ...UNTYPED,
  ...DTYPES.keys(),
  ...Object.values(REBUILD),
  ...NUMPY_SCALARS,
  ORDERED_DICT,
  ENCODE,
  NUMPY_DTYPE,
]);

/** @throws DarkroomError('unsupported') for a name that is not in the list */
export function globalOf(label: string, module: string, name: string): PyGlobal {
  const full = `${module}.${name}`;
  if (KNOWN.has(full) || OPAQUE.some((known) => known.test(full))) return new PyGlobal(full);
  const shown = full.length > 100 ? `${full.slice(0, 100)}...` : full;
  throw new DarkroomError(
    'unsupported',
    `${label} asks for ${JSON.stringify(shown)}, which weights do not need: such a file can run code where other programs open it. Nothing of it was run. Use the model as safetensors.`,
  );
}

/**
 * What a call would give. Nothing is called: tensors become descriptions of where their bytes lie.
 * @param broken makes an error for arguments that make no sense
 */
export function resultOf(
  { name }: PyGlobal,
  args: readonly PyValue[],
  broken: (reason: string) => Error,
): PyValue {
  switch (name) {
    case ORDERED_DICT:
      return orderedDict(args, broken);
    case REBUILD.v1:
    case REBUILD.v2:
    case REBUILD.v3:
      return rebuild(name, args, broken);
    case REBUILD.parameter:
      return args[0] ?? null;
    case ENCODE:
      return typeof args[0] === 'string' ? Buffer.from(args[0], 'latin1') : null;
    default:
      return NUMPY_SCALARS.includes(name) ? scalar(args) : new PyObject(name, args);
  }
}

/** @param id the tuple that torch saves in the place of a storage: kind, class, key, device, count */
export function storageOf(id: PyValue, broken: (reason: string) => Error): PyStorage {
  const [kind, of, key, , count] = id instanceof PyTuple ? id.items : [];
  if (kind !== 'storage' || !(of instanceof PyGlobal) || typeof key !== 'string' || !isCount(count)) {
    throw broken('it refers to something that is no storage');
  }
  const dtype = STORAGES.get(of.name);
  if (dtype === undefined && !UNTYPED.includes(of.name)) throw broken(`${of.name} is no storage`);
  return new PyStorage(dtype, key, count);
}

function rebuild(name: string, args: readonly PyValue[], broken: (reason: string) => Error): PyTensor {
  const [storage, offset, shape, strides, , , third] = args;
  if (!(storage instanceof PyStorage) || !isCount(offset)) throw broken('a tensor has no storage');
  const sizes = counts(shape);
  const steps = counts(strides);
  if (sizes === undefined || steps === undefined || sizes.length !== steps.length || sizes.length > 8) {
    throw broken('a tensor has no shape');
  }
  const stated = name === REBUILD.v3 && third instanceof PyGlobal ? DTYPES.get(third.name) : undefined;
  const dtype = stated ?? storage.dtype;
  if (dtype === undefined) throw broken('a tensor has no type');
  return new PyTensor(storage, dtype, { offset, shape: sizes, strides: steps });
}

function orderedDict(args: readonly PyValue[], broken: (reason: string) => Error): PyDict {
  const dict = new PyDict();
  const [pairs = []] = args;
  if (!Array.isArray(pairs)) throw broken('an OrderedDict is made from something that is no list');
  for (const pair of pairs) {
    const [key, value] = pair instanceof PyTuple ? pair.items : Array.isArray(pair) ? pair : [];
    if (key === undefined || value === undefined) throw broken('an OrderedDict has an entry that is no pair');
    dict.entries.set(key, value);
  }
  return dict;
}

/** A number of numpy's, little-endian; null for other types. */
function scalar([dtype, bytes]: readonly PyValue[]): PyValue {
  const code = dtype instanceof PyObject && dtype.className === NUMPY_DTYPE ? dtype.args[0] : undefined;
  if (!(bytes instanceof Uint8Array)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (code === 'f8' && bytes.length === 8) return view.getFloat64(0, true);
  if (code === 'f4' && bytes.length === 4) return view.getFloat32(0, true);
  if (code === 'i8' && bytes.length === 8) return Number(view.getBigInt64(0, true));
  if (code === 'i4' && bytes.length === 4) return view.getInt32(0, true);
  return null;
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function counts(value: PyValue | undefined): number[] | undefined {
  const items = value instanceof PyObject && value.className === 'torch.Size' ? value.args[0] : value;
  const list = items instanceof PyTuple ? items.items : Array.isArray(items) ? items : undefined;
  return list?.every(isCount) === true ? (list as number[]) : undefined;
}
