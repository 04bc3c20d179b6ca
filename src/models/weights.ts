/** A file of weights, whatever its format: names, and where the values lie. Only headers are read. */
import { open, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { StoredTensor } from '../graph/component.ts';
import { withAverages } from './averages.ts';
import { refuseOtherScales, refusePacked } from './foreign-weights.ts';
import { isGguf, readGguf } from './gguf.ts';
import { withCurrentNames } from './gguf-names.ts';
import { isFloat, ValueReader } from './lora/values.ts';
import { isTorchFile, readTorchFile } from './pickle/torch-file.ts';
import { readSafetensorsFile } from './safetensors.ts';
import { withScales } from './scales.ts';
import { BEGINNING, describeWrongFile } from './wrong-file.ts';

export interface Weights {
  /** Real path. */
  readonly file: string;
  /** Its name, as a sentence says it. */
  readonly label: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What the file says of itself: words of whoever wrote it. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Numbers that stand beside the tensors: `global_step` of a checkpoint that was saved in training. */
  readonly numbers: ReadonlyMap<string, number>;
}

/**
 * @param path of a file; links are followed
 * @throws DarkroomError('not_found') where there is none, ('bad_model') where it is damaged
 */
export async function readWeights(path: string): Promise<Weights> {
  const file = await realpath(path).catch(() => undefined);
  if (file === undefined) throw new DarkroomError('not_found', `There is no file ${path}.`);
  const label = basename(path);
  // Opening a pipe would wait for its writer, and a device can do anything.
  if (!(await stat(file)).isFile()) {
    throw new DarkroomError('bad_model', `${label} is not a regular file.`);
  }
  const { tensors, ...beside } = await readTensorFile(file, { label, folder: dirname(file) });
  return { file, label, tensors: withScales(withAverages(tensors)), ...beside };
}

/** Other names for files that are read as what they hold. */
const PYTORCH_NAMES = /\.(ckpt|pt|pth|bin|pkl)$/i;

/**
 * By what the file holds, whatever it is called.
 * @param file real path of a regular file
 * @param options as readSafetensorsFile has them
 * @throws DarkroomError('bad_model' | 'unsupported') naming the file and what is wrong with it
 */
export async function readTensorFile(
  file: string,
  { label, folder }: { readonly label: string; readonly folder: string },
): Promise<Pick<Weights, 'tensors' | 'metadata' | 'numbers'>> {
  const beginning = await beginningOf(file);
  if (isGguf(beginning)) {
    const { tensors, metadata } = await readGguf(file, { label, folder });
    return { tensors: withCurrentNames(tensors, metadata), metadata, numbers: new Map() };
  }
  // The length of a safetensors header may begin as a pickle does.
  if (isTorchFile(beginning) && !looksSafe(beginning)) {
    const { tensors, numbers, texts } = await readTorchFile(file, label);
    return { tensors, metadata: texts, numbers };
  }
  if (
    PYTORCH_NAMES.test(label) &&
    describeWrongFile(beginning, folder) === undefined &&
    !looksSafe(beginning)
  ) {
    throw new DarkroomError('bad_model', `${label} is neither a PyTorch file nor a safetensors file.`);
  }
  const { tensors, metadata } = await readSafetensorsFile(file, { label, folder });
  refusePacked(label, tensors, metadata);
  await refuseOtherScales(label, tensors, metadata);
  return { tensors, metadata, numbers: new Map() };
}

/** A length of less than 4 GB, then a JSON object. */
const looksSafe = (beginning: Uint8Array): boolean =>
  beginning.length > 8 && beginning.subarray(4, 8).every((byte) => byte === 0) && beginning[8] === 0x7b;

async function beginningOf(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(BEGINNING), 0, BEGINNING, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Values of a small tensor: markers and scales. Larger ones are never read whole. */
const MOST_VALUES = 1 << 16;

/**
 * @returns the values of a tensor of floats
 * @throws DarkroomError('bad_model') where it is no tensor of floats, is too large, or the file ends before it
 */
export async function readValues(stored: StoredTensor): Promise<Float32Array> {
  const count = stored.shape.reduce((product, side) => product * side, 1);
  if (!isFloat(stored) || count > MOST_VALUES) {
    throw new DarkroomError('bad_model', `${stored.name} is not a short list of floats.`);
  }
  const reader = new ValueReader();
  try {
    return await reader.read(stored);
  } finally {
    await reader.close();
  }
}
