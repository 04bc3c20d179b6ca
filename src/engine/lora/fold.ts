/** LoRAs added into the weights of one component: the changed weights lie in a file of their own, the others stay. */
import { type FileHandle, open } from 'node:fs/promises';
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

/**
 * @param changes of this component, in the order of the LoRAs
 * @param dtype of the weights that are written
 * @param file is written; nothing else of it may be in use
 * @throws DarkroomError('bad_model') for a LoRA that holds NaN or infinite numbers
 */
export async function foldComponent(
  component: Component,
  changes: readonly WeightedChange[],
  {
    dtype,
    file,
    arithmetic,
  }: { readonly dtype: 'F32' | 'F16'; readonly file: string; readonly arithmetic: Arithmetic },
): Promise<Component> {
  const writer = await open(file, 'wx');
  try {
    const tensors = new Map(component.tensors);
    let offset = 0;
    const put = async (name: string, shape: readonly number[], values: Float32Array) => {
      const stored = await append(writer, { name, dtype, shape, file, offset }, values);
      offset += stored.length;
      tensors.set(name, stored);
    };
    for (const [module, own] of Map.groupBy(changes, ({ place }) => place.module)) {
      const weight = component.tensors.get(`${module}.weight`);
      const bias = component.tensors.get(`${module}.bias`);
      const ofWeight = own.filter(({ adapter }) => adapter.kind !== 'bias');
      const ofBias = own.filter(({ adapter }) => adapter.tensors.biasDifference !== undefined);
      if (weight !== undefined && ofWeight.length > 0) {
        await put(`${module}.weight`, weight.shape, await foldWeight(weight, ofWeight, arithmetic));
      }
      if (bias !== undefined && ofBias.length > 0) {
        await put(`${module}.bias`, bias.shape, await foldBias(bias, ofBias, arithmetic));
      }
    }
    return { ...component, tensors, isTemporary: true };
  } finally {
    await writer.close();
  }
}

async function append(
  writer: FileHandle,
  {
    name,
    dtype,
    shape,
    file,
    offset,
  }: Omit<StoredTensor, 'length' | 'dtype'> & { readonly dtype: 'F32' | 'F16' },
  values: Float32Array,
): Promise<StoredTensor> {
  const numbers = dtype === 'F32' ? values : Float16Array.from(values);
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  await writer.write(bytes, 0, bytes.length, offset);
  return { name, dtype, shape, file, offset, length: bytes.length };
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
