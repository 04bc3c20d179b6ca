/** The size of a picture that Darkroom has written or taken in, by its header. */
import type { Size } from './resample.ts';

/** @param bytes PNG or JPEG as readUpload and encodePng write them */
export function plainSize(bytes: Uint8Array): Size {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.readUInt16BE(0) !== 0xffd8) return { width: file.readUInt32BE(16), height: file.readUInt32BE(20) };
  let at = 2;
  while (!isFrame(file.readUInt8(at + 1))) at += 2 + file.readUInt16BE(at + 2);
  return { width: file.readUInt16BE(at + 7), height: file.readUInt16BE(at + 5) };
}

/** SOF0 to SOF15 without DHT, JPG and DAC, which lie among them (ITU-T T.81, table B.1). */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
