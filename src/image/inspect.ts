/** Whether an upload is a picture that Darkroom can start from, decided before anything else sees it. */
import sharp, { type Metadata } from 'sharp';
import { DarkroomError } from '../errors.ts';
import { isAnimatedPng } from './png-text.ts';

/** Pixels that are decoded at most: a 40-megapixel photo, 160 MB as RGBA. */
export const MAX_PICTURE_PIXELS = 40_000_000;

const FORMATS = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
export type PictureFormat = (typeof FORMATS)[number];
const WELCOME = 'Send a PNG, JPEG or WebP.';
/** A hostile file may decode slowly; an honest one of 40 megapixels takes about 2 s. */
const DECODE_SECONDS = 20;

export interface PictureInfo {
  /** Pixels, after the rotation that EXIF asks for. */
  readonly width: number;
  readonly height: number;
  readonly format: PictureFormat;
}

// An upload is decoded once; a cache of operations would only hold memory.
sharp.cache(false);

/**
 * Checks the header, then decodes every row. CMYK, 16 bit, greyscale and alpha pass.
 * @returns size after EXIF rotation
 * @throws DarkroomError('bad_picture') for no picture, a damaged, animated or vector one;
 *   DarkroomError('too_large') above MAX_PICTURE_PIXELS, before any pixel is decoded
 */
export async function checkPicture(bytes: Uint8Array): Promise<PictureInfo> {
  const format = sniff(bytes);
  let header: Metadata;
  try {
    header = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw new DarkroomError(
      'bad_picture',
      `This ${format.toUpperCase()} is damaged and cannot be read. ${WELCOME}`,
      { cause },
    );
  }
  const { width, height } = header.autoOrient;
  if (width * height > MAX_PICTURE_PIXELS) {
    throw new DarkroomError(
      'too_large',
      `The picture is ${width}x${height}; up to ${MAX_PICTURE_PIXELS / 1e6} megapixels are taken. Send a smaller one, such as 1024x1024.`,
    );
  }
  const frames = header.pages ?? 1;
  if (frames > 1 || (format === 'png' && isAnimatedPng(bytes))) {
    const count = frames > 1 ? `${frames} frames` : 'several frames';
    throw new DarkroomError('bad_picture', `The picture has ${count}; one is taken. Send a single frame.`);
  }
  await decodeAll(bytes, format);
  return { width, height, format };
}

/** The format by its first bytes, so that no loader but the expected one ever sees the file. */
function sniff(bytes: Uint8Array): PictureFormat {
  if (bytes.length === 0) throw new DarkroomError('bad_picture', `The file is empty. ${WELCOME}`);
  const head = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (/^GIF8[79]a/.test(head)) return 'gif';
  if (/^RIFF[\s\S]{4}WEBP/.test(head)) return 'webp';
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return 'tiff';
  // The major brand may be the container's (mif1); the list of brands follows it.
  if (head.startsWith('ftyp', 4) && /avi[fs]/.test(head.slice(8, 64))) return 'avif';
  throw new DarkroomError('bad_picture', `${nameNonPicture(head)} ${WELCOME}`);
}

function nameNonPicture(head: string): string {
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (/^(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg\b/i.test(text)) {
    return 'SVG is a drawing in words, not pixels.';
  }
  if (text.startsWith('<')) return 'The file is a web page, not a picture.';
  if (text.startsWith('%PDF')) return 'The file is a PDF, not a picture.';
  if (head.startsWith('ftyp', 4)) return 'HEIC photos and videos cannot be read here.';
  return 'The file is no picture that can be read.';
}

async function decodeAll(bytes: Uint8Array, format: PictureFormat): Promise<void> {
  try {
    // Shrinking to a thumbnail reads each row once and keeps none; 'error' covers truncated files too.
    await sharp(bytes, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' })
      .resize(16, 16, { fit: 'fill' })
      .timeout({ seconds: DECODE_SECONDS })
      .raw()
      .toBuffer();
  } catch (cause) {
    throw new DarkroomError(
      'bad_picture',
      `This ${format.toUpperCase()} is damaged or cut short. Save it again and resend. ${WELCOME}`,
      { cause },
    );
  }
}

/** Whether some pixel of a picture that checkPicture let pass is wholly transparent. */
export async function hasTransparency(bytes: Uint8Array): Promise<boolean> {
  const { hasAlpha } = await sharp(bytes).metadata();
  if (!hasAlpha) return false;
  const { channels } = await sharp(bytes).stats();
  return channels.at(-1)?.min === 0;
}
