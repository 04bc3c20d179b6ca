/** What a PNG needs to be decoded, and how its colours are meant; everything else is dropped before a decoder sees it. */
import { inflateSync } from 'node:zlib';
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { type ColourSpace, spaceOfCodePoints, spaceOfGamma } from './colour.ts';
import { chunksOf, damagedPng, encodeChunk, joinChunks } from './png-chunks.ts';

interface PngFile {
  /** The file without texts, times and other data that is no picture. */
  readonly bytes: Uint8Array;
  /** The file with nothing but its pixels. */
  readonly plain: Uint8Array;
  /** Whether `plain` shows what `bytes` shows: 8 bit a channel, grey or RGB, no alpha, no profile, upright. */
  readonly isPlain: boolean;
  readonly isInterlaced: boolean;
  /** Bytes of one decoded pixel. */
  readonly pixelBytes: number;
  /** Where it is stated in numbers and differs from sRGB. */
  readonly space: ColourSpace | undefined;
}

const PIXELS = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'];
/** A profile inflated. Display profiles have a few kilobytes, those of printers about a megabyte. */
const PROFILE_BYTES = 4 << 20;
const EXIF_BYTES = 1 << 16;
/** Channels by colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };

/** @throws DarkroomError('bad_picture') for a damaged file, an animation, or HDR */
export function readPngFile(png: Uint8Array): PngFile {
  const kept: Uint8Array[] = [];
  const pixels: Uint8Array[] = [];
  const once = new Map<string, Uint8Array>();
  for (const { type, start, end, data } of chunksOf(png)) {
    const whole = png.subarray(start, end);
    if (type === 'acTL') {
      throw new DarkroomError('bad_picture', sentence('picture.animation'));
    }
    if (PIXELS.includes(type)) {
      pixels.push(whole);
      kept.push(whole);
    } else if (['cICP', 'iCCP', 'sRGB', 'gAMA', 'cHRM', 'eXIf'].includes(type) && !once.has(type)) {
      once.set(type, data);
      if (type === 'eXIf' && data.length <= EXIF_BYTES) kept.push(whole);
      // What is stated in numbers has its own conversion; a profile is used where nothing stands above it.
      if (type === 'iCCP' && !once.has('cICP') && isProfile(data)) kept.push(whole);
    }
  }
  const header = headerOf(pixels);
  if (typeOf(pixels.at(-1)!) !== 'IEND') {
    // As browsers do: all pixels may be there.
    const end = encodeChunk('IEND', new Uint8Array(0));
    pixels.push(end);
    kept.push(end);
  }
  const [depth = 0, colour = 0, , , interlace = 0] = header.subarray(8, 13);
  const space = spaceOf(once);
  const hasTransparency = pixels.some((chunk) => typeOf(chunk) === 'tRNS');
  return {
    bytes: joinChunks(kept),
    plain: joinChunks(pixels),
    isPlain:
      depth === 8 &&
      (colour === 0 || colour === 2) &&
      interlace === 0 &&
      !hasTransparency &&
      space === undefined &&
      kept.length === pixels.length,
    isInterlaced: interlace !== 0,
    pixelBytes: (CHANNELS[colour] ?? 4) * (depth === 16 ? 2 : 1),
    space,
  };
}

function headerOf([header]: readonly Uint8Array[]): Uint8Array {
  if (header === undefined || typeOf(header) !== 'IHDR' || header.length !== 25)
    throw damagedPng(sentence('picture.png.no_header'));
  return header.subarray(8, 21);
}

const typeOf = (chunk: Uint8Array) => String.fromCharCode(...chunk.subarray(4, 8));

/** Compressed after a name: a few bytes may unfold to gigabytes. */
function isProfile(data: Uint8Array): boolean {
  const name = data.indexOf(0);
  if (name < 1 || name > 79) return false;
  try {
    return inflateSync(data.subarray(name + 2), { maxOutputLength: PROFILE_BYTES }).length >= 128;
  } catch {
    // As browsers do: a profile that cannot be read says nothing.
    return false;
  }
}

/** In the order of the specification: cICP, iCCP, sRGB, then gAMA with cHRM. */
function spaceOf(chunks: ReadonlyMap<string, Uint8Array>): ColourSpace | undefined {
  const codes = chunks.get('cICP');
  if (codes?.length === 4) {
    const [primaries = 0, transfer = 0, matrix, isFullRange] = codes;
    if (matrix === 0 && isFullRange === 1) return spaceOfCodePoints(primaries, transfer);
  }
  const profile = chunks.get('iCCP');
  if ((profile !== undefined && isProfile(profile)) || chunks.has('sRGB')) return undefined;
  const chromaticities = numbersOf(chunks.get('cHRM'), 8);
  return spaceOfGamma(
    numbersOf(chunks.get('gAMA'), 1)?.[0],
    chromaticities as Parameters<typeof spaceOfGamma>[1],
  );
}

/** In 100,000ths. */
function numbersOf(data: Uint8Array | undefined, count: number): readonly number[] | undefined {
  if (data?.length !== count * 4) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: count }, (_, i) => view.getUint32(i * 4) / 100_000);
}
