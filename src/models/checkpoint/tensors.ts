/** Stored tensors under other names, and parts of them. Nothing is read. */
import type { StoredTensor } from '../../graph/component.ts';

export type Tensors = ReadonlyMap<string, StoredTensor>;

/** Those whose name begins with a prefix, without it. */
export function under(tensors: Tensors, prefix: string): Map<string, StoredTensor> {
  return new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, stored]) => [name.slice(prefix.length), stored]),
  );
}

/**
 * The first of some prefixes behind which a layer stands.
 * @param layer the whole name of a tensor of it; its first group is the prefix
 */
export function prefixOf(tensors: Tensors, prefixes: readonly string[], layer: RegExp): string | undefined {
  const found = new Set<string | undefined>();
  for (const name of tensors.keys()) found.add(layer.exec(name)?.[1]);
  return prefixes.find((prefix) => found.has(prefix));
}

/** `count` rows from `first` on: the same bytes, fewer of them. */
export function rowsOf(stored: StoredTensor, first: number, count: number): StoredTensor {
  const rows = stored.shape[0] ?? 1;
  const rowBytes = stored.length / rows;
  const scale = stored.decode?.scale;
  const ofRows =
    scale !== undefined && scale.shape[0] === rows && rows > 1 ? rowsOf(scale, first, count) : scale;
  return {
    ...stored,
    shape: [count, ...stored.shape.slice(1)],
    offset: stored.offset + first * rowBytes,
    length: count * rowBytes,
    ...(ofRows !== undefined && { decode: { ...stored.decode, scale: ofRows } }),
  };
}

/** Queries, keys and values, which many programs keep as one matrix. */
export function thirdsOf(stored: StoredTensor): readonly [StoredTensor, StoredTensor, StoredTensor] {
  const rows = Math.floor((stored.shape[0] ?? 0) / 3);
  return [rowsOf(stored, 0, rows), rowsOf(stored, rows, rows), rowsOf(stored, 2 * rows, rows)];
}

/** The whole numbers that stand behind a prefix, lowest first: `blocks.` of blocks.0.x, blocks.3.y is 0, 3. */
export function numbersBehind(names: Iterable<string>, prefix: string): number[] {
  const found = new Set<number>();
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const digits = /^\d{1,6}(?=\.)/.exec(name.slice(prefix.length));
    if (digits !== null) found.add(Number(digits[0]));
  }
  return [...found].sort((a, b) => a - b);
}

/** A side of a tensor's shape; undefined where there is no such tensor or side. */
export const sideOf = (tensors: Tensors, name: string, axis: number): number | undefined =>
  tensors.get(name)?.shape.at(axis);

/** A component's config without what its weights do not tell. */
export const known = (config: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
