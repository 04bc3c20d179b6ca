/** Whether a file is a picture that can be decoded, and at what cost: bounded by its header before any pixel is read. */
import { hash } from 'node:crypto';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { DarkroomError } from '../errors.ts';
import { type Sentence, sentence, type Words } from '../sentences.ts';
import { type ColourSpace, spaceOfCodePoints } from './colour.ts';
import { formatOf, type PictureFormat, SEND_ANOTHER } from './format.ts';
import { stripJpeg } from './jpeg-file.ts';
import { readPngFile } from './png-file.ts';

/** The largest photos of usual cameras and phones have 50 megapixels. */
const MAX_PIXELS = 64_000_000;
/** Of the longer side to the shorter one. A panorama of all around has 8 or 10. */
const MAX_RATIO = 16;
/** Bytes of a whole decoded picture, for the formats that cannot be decoded row by row. */
const MAX_BUFFER = 256 << 20;

interface PictureInfo {
  /** Pixels, after the rotation that EXIF asks for. */
  readonly width: number;
  readonly height: number;
  readonly format: PictureFormat;
}

/** A file that is safe to decode. */
export interface OpenPicture extends PictureInfo {
  /** Without texts and other data that a decoder would unpack. */
  readonly bytes: Uint8Array;
  readonly header: Metadata;
  /** What sharp does not convert by itself. */
  readonly space: ColourSpace | undefined;
  /** The same pixels without any metadata, where dropping it changes nothing that is seen. */
  readonly plain: Uint8Array | undefined;
}

// An upload is decoded once; a cache of operations would only hold memory.
sharp.cache(false);

/**
 * Reads the header.
 * @throws DarkroomError('bad_picture') for a file that is no picture, or a damaged, animated, vector, HDR or
 *   floating-point one; DarkroomError('too_large') for too many pixels or a side ratio above 16
 */
export async function openPicture(bytes: Uint8Array): Promise<OpenPicture> {
  const format = formatOf(bytes);
  const png = format === 'png' ? readPngFile(bytes) : undefined;
  const safe = png?.bytes ?? bytes;
  const header = await readHeader(safe, format);
  const { width, height } = header.autoOrient;
  assertSize(width, height, bufferedBytes(header, png));
  assertDepth(header, format);
  if ((header.pages ?? 1) > 1) {
    throw new DarkroomError('bad_picture', sentence('picture.frames', { count: header.pages ?? 0 }));
  }
  const space = format === 'avif' ? spaceOfAvif(bytes) : png?.space;
  const isUpright = (header.orientation ?? 1) === 1;
  const isPlainJpeg = format === 'jpeg' && isUpright && header.channels !== 4 && isSrgb(header);
  const plain = png?.isPlain ? png.plain : isPlainJpeg ? stripJpeg(bytes) : undefined;
  return { bytes: safe, width, height, format, header, space, plain };
}

/**
 * Checks the header, then decodes every row. CMYK, 16 bit, greyscale and alpha pass.
 * @returns size after EXIF rotation
 * @throws DarkroomError as openPicture, and 'bad_picture' for a file that is damaged or cut short
 */
export async function checkPicture(bytes: Uint8Array): Promise<PictureInfo> {
  const opened = await openPicture(bytes);
  await assertWhole(opened);
  const { width, height, format } = opened;
  return { width, height, format };
}

/**
 * The same for a mask or a control.
 * @param refusal says of which picture the reason is
 */
export async function checkPictureAs(bytes: Uint8Array, refusal: (reason: Words) => Sentence): Promise<void> {
  try {
    await checkPicture(bytes);
  } catch (error) {
    if (!(error instanceof DarkroomError)) throw error;
    throw new DarkroomError(error.code, refusal(error.sentence ?? error.message), { cause: error });
  }
}

/**
 * Decodes every row and keeps none.
 * @throws DarkroomError('bad_picture') for a file that is damaged or cut short
 */
export async function assertWhole(opened: OpenPicture): Promise<void> {
  await decodeWhole(opened, (reader) => reader.resize(16, 16, { fit: 'fill' }).raw().toBuffer());
}

/**
 * Decodes with a pipeline that reads every row.
 * @throws DarkroomError('bad_picture') for a file that is damaged or cut short
 */
export async function decodeWhole<T>(
  { bytes, format }: OpenPicture,
  decode: (reader: Sharp) => Promise<T>,
): Promise<T> {
  try {
    return await decode(sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' }));
  } catch (cause) {
    if (format === 'jpeg' && (await lacksOnlyItsEnd(bytes).catch(() => false))) {
      return await decode(sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'none' }));
    }
    throw new DarkroomError(
      'bad_picture',
      sentence('picture.cut_short', { format: format.toUpperCase(), another: SEND_ANOTHER }),
      { cause },
    );
  }
}

/**
 * Whether a JPEG has all its pixels and only its end mark is missing, as some cameras and uploads leave it: bytes that
 * are put behind its data then change no pixel.
 */
async function lacksOnlyItsEnd(jpeg: Uint8Array): Promise<boolean> {
  const whole = stripJpeg(jpeg);
  if (whole === undefined) return false;
  const hashWith = async (end: Uint8Array) => {
    const file = Buffer.concat([whole.subarray(0, -2), end, whole.subarray(-2)]);
    const levels = sharp(file, { limitInputPixels: MAX_PIXELS, failOn: 'none' }).greyscale().raw();
    return hash('sha1', await levels.toBuffer());
  };
  return (await hashWith(Buffer.alloc(0))) === (await hashWith(Buffer.alloc(64, 0x5a)));
}

async function readHeader(bytes: Uint8Array, format: PictureFormat): Promise<Metadata> {
  try {
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw new DarkroomError(
      'bad_picture',
      sentence('picture.damaged', { format: format.toUpperCase(), another: SEND_ANOTHER }),
      { cause },
    );
  }
}

function assertSize(width: number, height: number, buffer: number): void {
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  if (width * height > MAX_PIXELS) {
    throw new DarkroomError(
      'too_large',
      sentence('picture.pixels', { width, height, limit: MAX_PIXELS / 1e6 }),
    );
  }
  if (long > short * MAX_RATIO) {
    throw new DarkroomError('too_large', sentence('picture.ratio', { width, height, limit: MAX_RATIO }));
  }
  if (buffer > MAX_BUFFER) {
    throw new DarkroomError(
      'too_large',
      sentence('picture.buffer', {
        width,
        height,
        size: Math.ceil(buffer / (1 << 20)),
        limit: MAX_BUFFER >> 20,
      }),
    );
  }
}

/** 0 for a format that is decoded row by row. */
function bufferedBytes(
  { width, height, format, isProgressive }: Metadata,
  png: { readonly isInterlaced: boolean; readonly pixelBytes: number } | undefined,
): number {
  if (png !== undefined) return png.isInterlaced ? width * height * png.pixelBytes : 0;
  // A progressive JPEG holds coefficients of two bytes.
  if (format === 'jpeg') return isProgressive ? width * height * 3 : 0;
  return width * height * 4;
}

/** The first `colr` box with code points (ISO/IEC 14496-12, 12.1.5), in the boxes before the pixels. */
function spaceOfAvif(bytes: Uint8Array): ColourSpace | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1 << 16));
  const at = head.indexOf('colrnclx', 0, 'latin1');
  if (at < 0 || at + 12 > head.length) return undefined;
  return spaceOfCodePoints(head.readUInt16BE(at + 8), head.readUInt16BE(at + 10));
}

function assertDepth({ depth }: Metadata, format: PictureFormat): void {
  if (depth === 'uchar' || depth === 'ushort') return;
  throw new DarkroomError('bad_picture', sentence('picture.depth', { format: format.toUpperCase(), depth }));
}

/** Without a profile, or with one that says in its description that it is sRGB's. */
function isSrgb({ icc }: Metadata): boolean {
  if (icc === undefined) return true;
  const text = icc.subarray(0, 4096).toString('latin1').replaceAll('\0', '');
  return text.includes('sRGB');
}
