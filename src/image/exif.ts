/** The user comment of EXIF (CIPA DC-008, 4.6.5), where A1111 writes its parameters into JPEG and WebP files. */

const [EXIF_IFD, USER_COMMENT] = [0x8769, 0x9286];
const MOST_ENTRIES = 512;
const MOST_BYTES = 1 << 20;

/**
 * @param exif as sharp gives it: `Exif\0\0`, then a TIFF header
 * @returns undefined where there is none that can be read
 */
export function readExifComment(exif: Uint8Array): string | undefined {
  const start = Buffer.from(exif.subarray(0, 6)).toString('latin1') === 'Exif\0\0' ? 6 : 0;
  const tiff = exif.subarray(start);
  if (tiff.length < 8) return undefined;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const isLittle = tiff[0] === 0x49;
  const u16 = (at: number) => (at + 2 <= tiff.length ? view.getUint16(at, isLittle) : 0);
  const u32 = (at: number) => (at + 4 <= tiff.length ? view.getUint32(at, isLittle) : 0);
  /** Where an entry of a directory lies. */
  const find = (directory: number, tag: number): number | undefined => {
    for (let i = 0; i < Math.min(u16(directory), MOST_ENTRIES); i++) {
      const entry = directory + 2 + i * 12;
      if (u16(entry) === tag) return entry;
    }
    return undefined;
  };
  const pointer = find(u32(4), EXIF_IFD);
  const entry = pointer === undefined ? undefined : find(u32(pointer + 8), USER_COMMENT);
  if (entry === undefined) return undefined;
  const [length, offset] = [u32(entry + 4), u32(entry + 8)];
  if (length < 8 || length > MOST_BYTES || offset + length > tiff.length) return undefined;
  const kind = Buffer.from(tiff.subarray(offset, offset + 8))
    .toString('latin1')
    .replaceAll('\0', '');
  const text = tiff.subarray(offset + 8, offset + length);
  if (kind === 'UNICODE') return new TextDecoder(isBigEndian(text) ? 'utf-16be' : 'utf-16le').decode(text);
  return new TextDecoder().decode(text).replace(/\0+$/, '');
}

/** Writers do not follow the byte order of the file: whichever puts the zeros of plain letters first is right. */
function isBigEndian(text: Uint8Array): boolean {
  let [even, odd] = [0, 0];
  for (let i = 0; i < Math.min(text.length, 512); i++) {
    if (text[i] !== 0) continue;
    if (i % 2 === 0) even++;
    else odd++;
  }
  return even > odd;
}
