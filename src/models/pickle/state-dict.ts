/** The tensors of an object that torch.save wrote, by dotted names, as a safetensors file would name them. */
import { DarkroomError } from '../../errors.ts';
import { PyDict, PyObject, PyTensor, type PyValue } from './values.ts';

interface StateDict {
  readonly tensors: ReadonlyMap<string, PyTensor>;
  readonly numbers: ReadonlyMap<string, number>;
  readonly texts: ReadonlyMap<string, string>;
}

const LIMITS = { depth: 6, tensors: 100_000, visited: 2_000_000, text: 1000, name: 500 };
/** What holds the weights where training saved more than them. The first one that is there counts. */
const WRAPPERS = [
  ...['state_dict', 'model_state_dict', 'params_ema', 'params-ema', 'params'],
  ...['ema', 'model', 'module'],
];
/** What training keeps for itself: twice the weights' size, under names like theirs. */
const TRAINING = ['optimizer_states', 'optimizer', 'lr_schedulers', 'callbacks', 'loops', 'hyper_parameters'];

/** @throws DarkroomError('bad_model') where there is no tensor, or more than anybody needs */
export function flatten(root: PyValue, label: string): StateDict {
  const tensors = new Map<string, PyTensor>();
  const numbers = new Map<string, number>();
  const texts = new Map<string, string>();
  const outer = dictOf(root);
  const wrapper = WRAPPERS.find((key) => dictOf(outer?.entries.get(key)) !== undefined);
  const inner = wrapper === undefined ? root : outer!.entries.get(wrapper)!;
  let visited = 0;

  const visit = (value: PyValue, name: string, depth: number): void => {
    if (++visited > LIMITS.visited) throw tooMuch(label);
    if (value instanceof PyTensor) {
      if (tensors.size >= LIMITS.tensors || name.length > LIMITS.name) throw tooMuch(label);
      tensors.set(name, value);
      return;
    }
    if (depth > LIMITS.depth) return;
    for (const [key, item] of dictOf(value)?.entries ?? []) {
      if (typeof key !== 'string' && typeof key !== 'number') continue;
      if (depth === 0 && TRAINING.includes(String(key))) continue;
      visit(item, name === '' ? String(key) : `${name}.${key}`, depth + 1);
    }
  };

  visit(inner, '', 0);
  for (const dict of [outer, dictOf(inner)]) {
    for (const [key, value] of dict?.entries ?? []) {
      if (typeof key !== 'string' || key.length > LIMITS.name) continue;
      if (typeof value === 'number') numbers.set(key, value);
      else if (typeof value === 'string' && value.length <= LIMITS.text) texts.set(key, value);
    }
  }
  if (tensors.size === 0) throw new DarkroomError('bad_model', `${label} holds no tensors.`);
  return { tensors, numbers, texts };
}

/** A dict, or the parameters of torch's ParameterDict. */
function dictOf(value: PyValue | undefined): PyDict | undefined {
  if (value instanceof PyDict) return value;
  if (!(value instanceof PyObject) || !(value.state instanceof PyDict)) return undefined;
  const parameters = value.state.entries.get('_parameters');
  return parameters instanceof PyDict ? parameters : undefined;
}

const tooMuch = (label: string): DarkroomError =>
  new DarkroomError('bad_model', `${label} holds more values than any model needs.`);
