/** A transformer's tensors in its authors' names, under diffusers' names: the original names read the other way round. */
import type { StoredTensor } from '../../graph/component.ts';
import { rowsOf, type Tensors } from './tensors.ts';

/** Where a module of diffusers' lies in the authors' file. The same as a family says for LoRAs. */
interface Original {
  readonly name: string;
  /** Of the rows, `of` equal parts: these are the `count` (1) parts from `index` on. */
  readonly rows?: { readonly index: number; readonly of: number; readonly count?: number };
  readonly halvesSwapped?: boolean;
}

/** Norms of queries and keys are called scale rather than weight in some files. */
const LASTS = [
  ['weight', 'weight'],
  ['bias', 'bias'],
  ['scale', 'weight'],
] as const;

/** @param modules of diffusers' network, each with its place in the file; those that the file lacks are left out */
export function fromOriginal(
  tensors: Tensors,
  modules: Iterable<readonly [module: string, original: Original]>,
): Map<string, StoredTensor> {
  const found = new Map<string, StoredTensor>();
  for (const [module, { name, rows, halvesSwapped }] of modules) {
    for (const [last, current] of LASTS) {
      const stored = tensors.get(`${name}.${last}`);
      if (stored === undefined) continue;
      const part = rows === undefined ? stored : partOfRows(stored, rows);
      found.set(`${module}.${current}`, halvesSwapped === true ? withHalvesSwapped(part) : part);
    }
  }
  return found;
}

function partOfRows(
  stored: StoredTensor,
  { index, of, count = 1 }: NonNullable<Original['rows']>,
): StoredTensor {
  const rows = Math.floor((stored.shape[0] ?? 0) / of);
  return rowsOf(stored, index * rows, count * rows);
}

/** A scale for each row goes with its row. */
function withHalvesSwapped(stored: StoredTensor): StoredTensor {
  const scale = stored.decode?.scale;
  const ofRows = scale !== undefined && (scale.shape[0] ?? 1) > 1 ? withHalvesSwapped(scale) : scale;
  return { ...stored, decode: { ...stored.decode, halvesSwapped: true, ...(ofRows && { scale: ofRows }) } };
}
