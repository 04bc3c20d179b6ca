/**
 * What goes into every session of this process and what comes out of it: range, size and the share that is not finite. Where
 * an output of a network is the first that is not finite, the operator at which it begins is looked for.
 */
import type ort from 'onnxruntime-node';
import { decodeModel, encodeModel, type ModelProto, type NodeProto } from '../src/graph/onnx.ts';

/** Of one tensor. */
export interface Seen {
  readonly what: string;
  readonly dims: readonly number[];
  readonly least: number;
  readonly most: number;
  /** Root of the mean square of what is finite. */
  readonly size: number;
  /** 0 to 1. */
  readonly notFinite: number;
}

export interface Watched {
  readonly part: string;
  readonly seconds: number;
  readonly inputs: readonly Seen[];
  readonly outputs: readonly Seen[];
  /** The first operator whose result is not finite, with what it was given; only of the first call that needs it. */
  readonly begins?: readonly Seen[];
}

/** Parts of a model by an input that no other part has. */
const PARTS = { input_ids: 'text encoder', latent_sample: 'VAE', hidden_states: 'transformer' } as const;
/** Results that are fetched at once where the operator is looked for. */
const PROBES = 24;

type Tensors = Readonly<Record<string, ort.Tensor>>;

/** @param see is told of each call once it is over */
export async function watchSessions(see: (watched: Watched) => void): Promise<void> {
  const { InferenceSession } = (await import('onnxruntime-node')).default;
  const opened = new WeakMap<object, { bytes: Uint8Array; options: ort.InferenceSession.SessionOptions }>();
  let isFound = false;
  const { create } = InferenceSession;
  // The factory is the class of the sessions that it makes.
  const { prototype } = InferenceSession as unknown as { readonly prototype: ort.InferenceSession };
  const { run } = prototype;
  Object.assign(InferenceSession, {
    async create(bytes: Uint8Array, options: ort.InferenceSession.SessionOptions) {
      const session = await create.call(InferenceSession, bytes, options);
      opened.set(session, { bytes, options });
      return session;
    },
  });
  Object.assign(prototype, {
    async run(this: ort.InferenceSession, feeds: Tensors, outputs: readonly string[]) {
      const started = performance.now();
      const fetched = (await run.call(this, feeds, outputs)) as Tensors;
      const seconds = (performance.now() - started) / 1000;
      const part = Object.entries(PARTS).find(([input]) => input in feeds)?.[1] ?? 'other';
      const all = { part, seconds, inputs: seenOf(feeds), outputs: seenOf(fetched) };
      const isBroken = all.outputs.some(({ notFinite }) => notFinite > 0);
      see(all);
      if (isBroken && !isFound) {
        isFound = true;
        const { bytes, options } = opened.get(this)!;
        const open = (model: Uint8Array) => create.call(InferenceSession, model, options);
        see({ ...all, begins: await beginning(bytes, feeds, open, run) });
      }
      return fetched;
    },
  });
}

/** Opens the graph again with every result as an output, and looks for the first one that is not finite. */
async function beginning(
  bytes: Uint8Array,
  feeds: Tensors,
  open: (model: Uint8Array) => Promise<ort.InferenceSession>,
  run: ort.InferenceSession['run'],
): Promise<readonly Seen[]> {
  const model = decodeModel(bytes);
  const nodes = dependents(model, Object.keys(feeds));
  const results = nodes.flatMap(({ output }) => output.filter((name) => name !== ''));
  const known = new Set(model.graph.output.map(({ name }) => name));
  const added = results
    .filter((name) => !known.has(name))
    .map((name) => ({ name }) as ModelProto['graph']['output'][number]);
  const session = await open(
    encodeModel({ ...model, graph: { ...model.graph, output: [...model.graph.output, ...added] } }),
  );
  const look = async (names: readonly string[]) =>
    seenOf((await run.call(session, feeds, [...names])) as Tensors);
  // Results are in the order of the run, and what is not finite stays so.
  let [first, end] = [0, results.length];
  while (end - first > 1) {
    const step = Math.max(1, Math.ceil((end - first) / PROBES));
    const places = Array.from(
      { length: Math.ceil((end - first) / step) },
      (_, i) => Math.min(first + (i + 1) * step, end) - 1,
    );
    const seen = await look([...new Set(places.map((place) => results[place]!))]);
    // Whole numbers are not among what is seen.
    const broken = new Set(seen.filter(({ notFinite }) => notFinite > 0).map(({ what }) => what));
    const hit = places.findIndex((place) => broken.has(results[place]!));
    if (hit === -1) break;
    [first, end] = [hit === 0 ? first : places[hit - 1]! + 1, places[hit]! + 1];
  }
  const node = nodes.find(({ output }) => output.includes(results[first]!))!;
  const given = node.input.filter((name) => results.includes(name));
  const seen = await look([...new Set([...given, results[first]!])]);
  await session.release();
  const made = `${node.opType}(${node.input.join(', ')})`;
  return seen.map((one) =>
    node.output.includes(one.what) ? { ...one, what: `${one.what} = ${made}` } : one,
  );
}

/** Nodes that compute from the inputs, and not from weights alone. */
function dependents({ graph }: ModelProto, inputs: readonly string[]): NodeProto[] {
  const known = new Set(inputs);
  return graph.node.filter(({ input, output }) => {
    if (!input.some((name) => known.has(name))) return false;
    for (const name of output) known.add(name);
    return true;
  });
}

const seenOf = (tensors: Tensors): Seen[] =>
  Object.entries(tensors).flatMap(([what, { type, data, dims }]) => {
    if ((type !== 'float32' && type !== 'float16') || data.length === 0) return [];
    const numbers =
      data instanceof Uint16Array
        ? new Float16Array(data.buffer, data.byteOffset, data.length)
        : (data as unknown as Float32Array);
    let [least, most, squares, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
    for (const value of numbers) {
      if (!Number.isFinite(value)) continue;
      if (value < least) least = value;
      if (value > most) most = value;
      squares += value * value;
      finite++;
    }
    // JSON has no infinite numbers.
    if (finite === 0) [least, most] = [0, 0];
    const size = Math.sqrt(squares / Math.max(1, finite));
    return [{ what, dims, least, most, size, notFinite: 1 - finite / numbers.length }];
  });
