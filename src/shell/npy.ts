/** NumPy's file format, version 1.0, for float32 arrays (numpy/lib/format). */

/** @param data row-major, as many values as `dims` says */
export function encodeNpy(data: Float32Array, dims: readonly number[]): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  const prefix = 10;
  const length = Math.ceil((prefix + header.length + 1) / 64) * 64;
  const file = Buffer.alloc(length + data.byteLength, ' ');
  file.write('\x93NUMPY\x01\x00', 'latin1');
  file.writeUInt16LE(length - prefix, 8);
  file.write(header, prefix, 'latin1');
  file.write('\n', length - 1, 'latin1');
  for (let i = 0; i < data.length; i++) file.writeFloatLE(data[i]!, length + 4 * i);
  return file;
}
