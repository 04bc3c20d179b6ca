/** The segments of a JPEG file (ITU-T T.81, annex B): what shows the picture, without what tells about it. */

const [SOI, EOI, SOS] = [0xd8, 0xd9, 0xda];
const [DHT_FIRST, SOF_LAST] = [0xc0, 0xcf];
const [DQT, DRI] = [0xdb, 0xdd];
const [APP0, APP14] = [0xe0, 0xee];

/** What of APP0 says that the colours are YCbCr; a thumbnail may follow it. */
const JFIF_BYTES = 14;
const ADOBE_BYTES = 12;

/**
 * The same compressed pixels without EXIF, profiles, comments, thumbnails, and without whatever follows the picture.
 * @returns undefined for a file that is not built as one
 */
export function stripJpeg(jpeg: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [Uint8Array.of(0xff, SOI)];
  let at = 2;
  for (;;) {
    // Any number of fill bytes may stand before a marker.
    while (jpeg[at] === 0xff && jpeg[at + 1] === 0xff) at++;
    const marker = jpeg[at + 1];
    if (jpeg[at] !== 0xff || marker === undefined) return undefined;
    if (marker === EOI) return Buffer.concat([...parts, Uint8Array.of(0xff, EOI)]);
    const length = (jpeg[at + 2]! << 8) | jpeg[at + 3]!;
    const end = at + 2 + length;
    if (!(length >= 2) || end > jpeg.length) return undefined;
    parts.push(...keptOf(marker, jpeg.subarray(at, end)));
    at = marker === SOS ? scanEnd(jpeg, end) : end;
    if (marker === SOS) parts.push(jpeg.subarray(end, at));
    // Without its last two bytes a file is as good as whole.
    if (at >= jpeg.length) return Buffer.concat([...parts, Uint8Array.of(0xff, EOI)]);
  }
}

function keptOf(marker: number, segment: Uint8Array): Uint8Array[] {
  const isPicture = (marker >= DHT_FIRST && marker <= SOF_LAST) || [DQT, DRI, SOS].includes(marker);
  if (isPicture) return [segment];
  const name = Buffer.from(segment.subarray(4, 9)).toString('latin1');
  if (marker === APP0 && name === 'JFIF\0') return [shortened(segment, JFIF_BYTES)];
  if (marker === APP14 && name === 'Adobe') return [shortened(segment, ADOBE_BYTES)];
  return [];
}

/** @param length of the content; a JFIF's last two bytes there are the sides of its thumbnail */
function shortened(segment: Uint8Array, length: number): Uint8Array {
  const short = Uint8Array.from(segment.subarray(0, 4 + length));
  short.set([0, short.length - 2], 2);
  if (length === JFIF_BYTES) short.fill(0, 4 + length - 2);
  return short;
}

/** Where the entropy-coded bytes end: at a marker that is neither a stuffed zero nor a restart. */
function scanEnd(jpeg: Uint8Array, from: number): number {
  for (let at = jpeg.indexOf(0xff, from); at >= 0 && at + 1 < jpeg.length; at = jpeg.indexOf(0xff, at + 1)) {
    const next = jpeg[at + 1]!;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return jpeg.length;
}
