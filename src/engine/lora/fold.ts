/** LoRAs added into the weights of one component: the changed weights lie in a file of their own, the others stay. */
import type { FileHandle } from 'node:fs/promises';
import type { Component, StoredTensor } from '../../graph/component.ts';
import {
  type Arithmetic,
  decompose,
  deltaOf,
  type Matrix,
  rowsOf,
  scaleOf,
} from '../../models/lora/delta.ts';
import { requireFinite, type WeightedChange } from './change.ts';

/** What a file of changed weights holds. Nothing is read or written yet. */
export interface Fold {
  readonly dtype: 'F32' | 'F16';
  /** Of the whole file. */
  readonly bytes: number;
  readonly weights: readonly FoldedWeight[];
}

interface FoldedWeight {
  readonly name: string;
  /** As it is without LoRAs. */
  readonly stored: StoredTensor;
  readonly isBias: boolean;
  /** In the order of the LoRAs. */
  readonly changes: readonly WeightedChange[];
  readonly offset: number;
  readonly length: number;
}

/** @param dtype of the weights that are written */
export function planFold(
  component: Component,
  changes: readonly WeightedChange[],
  dtype: 'F32' | 'F16',
): Fold {
  const weights: FoldedWeight[] = [];
  let bytes = 0;
  const put = (name: string, isBias: boolean, own: readonly WeightedChange[]) => {
    const stored = component.tensors.get(name);
    if (stored === undefined || own.length === 0) return;
    const elements = stored.shape.reduce((product, side) => product * side, 1);
    const length = elements * (dtype === 'F32' ? 4 : 2);
    weights.push({ name, stored, isBias, changes: own, offset: bytes, length });
    bytes += length;
  };
  for (const [module, own] of Map.groupBy(changes, ({ place }) => place.module)) {
    const ofWeight = own.filter(({ adapter }) => adapter.kind !== 'bias');
    const ofBias = own.filter(({ adapter }) => adapter.tensors.biasDifference !== undefined);
    put(`${module}.weight`, false, ofWeight);
    put(`${module}.bias`, true, ofBias);
  }
  return { dtype, bytes, weights };
}

/** @throws DarkroomError('bad_model') for a LoRA that holds NaN or infinite numbers */
export async function writeFold(
  { dtype, weights }: Fold,
  file: FileHandle,
  arithmetic: Arithmetic,
): Promise<void> {
  for (const { stored, isBias, changes, offset, length } of weights) {
    const fold = isBias ? foldBias : foldWeight;
    const values = await fold(stored, changes, arithmetic);
    const numbers = dtype === 'F32' ? values : Float16Array.from(values);
    await file.write(new Uint8Array(numbers.buffer, numbers.byteOffset, length), 0, length, offset);
  }
}

/** The component with the weights that writeFold wrote. @param file its real path */
export function withFold(component: Component, { dtype, weights }: Fold, file: string): Component {
  const tensors = new Map(component.tensors);
  for (const { name, stored, offset, length } of weights) {
    tensors.set(name, { name, dtype, shape: stored.shape, file, offset, length });
  }
  return { ...component, tensors, isTemporary: true };
}

async function foldWeight(
  stored: StoredTensor,
  changes: readonly WeightedChange[],
  arithmetic: Arithmetic,
): Promise<Float32Array> {
  const data = await arithmetic.read(stored);
  const rows = stored.shape[0] ?? 1;
  const weight: Matrix = { data, rows, columns: data.length / rows };
  for (const change of changes) await addTo(weight, change, arithmetic);
  return data;
}

async function addTo(weight: Matrix, change: WeightedChange, arithmetic: Arithmetic): Promise<void> {
  const { adapter, place, alpha, weight: strength } = change;
  const { data } = weight;
  const scale = await scaleOf(adapter, arithmetic, alpha);
  const delta = rowsOf(await deltaOf(adapter, arithmetic), place);
  requireFinite(delta.data, scale, change);
  const length = adapter.tensors.doraScale ?? adapter.tensors.magnitude;
  if (length === undefined && adapter.kind !== 'replacement') {
    for (let i = 0; i < data.length; i++) data[i] = data[i]! + strength * scale * delta.data[i]!;
    return;
  }
  const target =
    length === undefined
      ? delta.data
      : await decomposed(weight, delta, scale, { ...change, length }, arithmetic);
  // Between the weight as it was and as it was learnt, as A1111 and ComfyUI do it.
  for (let i = 0; i < data.length; i++) data[i] = data[i]! + strength * (target[i]! - data[i]!);
}

async function decomposed(
  weight: Matrix,
  delta: Matrix,
  scale: number,
  change: WeightedChange & { readonly length: StoredTensor },
  arithmetic: Arithmetic,
): Promise<Float32Array> {
  const { adapter, place, length } = change;
  const values = await arithmetic.read(length);
  requireFinite(values, 1, change);
  // PEFT's magnitude is one a row; LyCORIS' dora_scale is [rows, 1], or [1, inputs] in its older files.
  const isOfRows = adapter.tensors.magnitude !== undefined || length.shape[0] === adapter.rows;
  const own = isOfRows ? rowsOf({ data: values, rows: adapter.rows, columns: 1 }, place).data : values;
  return decompose(weight, delta, scale, own, isOfRows ? 'rows' : 'inputs');
}

async function foldBias(
  stored: StoredTensor,
  changes: readonly WeightedChange[],
  arithmetic: Arithmetic,
): Promise<Float32Array> {
  const data = await arithmetic.read(stored);
  for (const change of changes) {
    const { adapter, place, weight } = change;
    const values = await arithmetic.read(adapter.tensors.biasDifference!);
    requireFinite(values, 1, change);
    const { data: own } = rowsOf({ data: values, rows: values.length, columns: 1 }, place);
    for (let i = 0; i < data.length; i++) data[i] = data[i]! + weight * own[i]!;
  }
  return data;
}
