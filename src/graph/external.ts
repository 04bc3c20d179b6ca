/** Where the large tensors of a graph lie: files, named relative to a folder that holds all of them. */
import { dirname, join, relative, sep } from 'node:path';
import type { Graph } from './component.ts';
import { decodeModel, encodeModel, type TensorProto } from './onnx.ts';

/** @param location as inFile names it. @param offset and length in bytes */
export const externalData = (location: string, offset: number, length: number) => [
  { key: 'location', value: location },
  { key: 'offset', value: String(offset) },
  { key: 'length', value: String(length) },
];

export const inFile = (folder: string, file: string): string => relative(folder, file).replaceAll(sep, '/');

export function commonFolder(files: readonly string[]): string {
  let folder = dirname(files[0] ?? '/');
  for (const file of files) {
    while (folder !== dirname(folder) && !`${dirname(file)}${sep}`.startsWith(`${folder}${sep}`))
      folder = dirname(folder);
  }
  return folder;
}

/** The graph with its quantised weights in a file. @param file real path */
export function withQuantisedFile(graph: Graph, file: string): Graph {
  const { quantised, ...rest } = graph;
  if (quantised === undefined) return graph;
  const model = decodeModel(graph.bytes);
  const pathOf = (location: string) =>
    location === quantised.location ? file : join(graph.folder, location);
  const locations = model.graph.initializer.flatMap(({ externalData: own = [] }) =>
    own.filter(({ key }) => key === 'location').map(({ value }) => pathOf(value)),
  );
  const folder = commonFolder(locations);
  const moved = (tensor: TensorProto): TensorProto => {
    const own = tensor.externalData ?? [];
    if (own.length === 0) return tensor;
    const there = own.map(({ key, value }) =>
      key === 'location' ? { key, value: inFile(folder, pathOf(value)) } : { key, value },
    );
    return { ...tensor, externalData: there };
  };
  const initializer = model.graph.initializer.map(moved);
  return { ...rest, folder, bytes: encodeModel({ ...model, graph: { ...model.graph, initializer } }) };
}
