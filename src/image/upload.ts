/**
 * Uploads in one plain form, made once at the door: upright, 8-bit sRGB, opaque, without metadata. What the page
 * shows, what a mask is painted on and what the engine starts from are then the same pixels. It runs in the reader's
 * process (reader.ts): the files come from anybody.
 */
import sharp from 'sharp';
import { DarkroomError } from '../errors.ts';
import { sentence, type Words } from '../sentences.ts';
import { readExifComment } from './exif.ts';
import { assertWhole, type OpenPicture, openPicture } from './inspect.ts';
import { readMaskRaster } from './mask.ts';
import { pixelKey } from './pixel-key.ts';
import { decodeRaster, encodePng, onWhite } from './pixels.ts';
import { readPngText } from './png-text.ts';
import { isPoseFile, keypointsText, readPoseFile } from './pose-file.ts';
import type { Raster, Size } from './resample.ts';

/** What an upload is for. Only a control can be a file of keypoints. */
export type UploadUse = 'picture' | 'mask' | 'control';

export interface Upload {
  /** PNG, or JPEG where a PNG would have tens of megabytes. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
  /** The transparent part of a picture, where there is one. */
  readonly transparency?: Transparency;
  /** What the file says about how it was made: `darkroom`, `parameters`, ComfyUI's `prompt` and `workflow`. */
  readonly texts: ReadonlyMap<string, string>;
  /** Set where EXIF had the picture laid on its side, which some editors do not see: the size that they show. */
  readonly unturned?: Unturned;
  /** What tells whether it is a copy of a picture that was made here. */
  readonly key?: string;
  /** Set where a file of keypoints came, whose figure `bytes` shows and whose keypoints they carry. */
  readonly isPose?: true;
}

export interface Unturned {
  /** Of EXIF, 5 to 8. */
  readonly orientation: number;
  readonly width: number;
  readonly height: number;
}

interface Transparency {
  /** Of the pixels, 0 to 1. */
  readonly share: number;
  /** As a mask: PNG of the upload's size, white where the picture is transparent. */
  readonly mask: Uint8Array;
}

/** The longest side that is kept; no model draws half of it. */
const MAX_SIDE = 4096;
/** A PNG of more pixels is written as JPEG when it has to be written. */
const MAX_PNG_PIXELS = 4_000_000;
/** From this alpha on a pixel counts as opaque. */
const OPAQUE_FROM = 128;
/** Keywords of the texts that say how a picture was made. */
const RECIPES = ['parameters', 'darkroom', 'prompt', 'workflow', 'invokeai_metadata', 'Comment'];

/**
 * @param turned for a mask: the picture that it belongs to. One that was painted on that picture as it lies in its file
 *   is turned with it
 * @throws DarkroomError('bad_picture' | 'too_large') naming what is wrong with the file and the way out
 */
export async function readUpload(bytes: Uint8Array, use: UploadUse, turned?: Unturned): Promise<Upload> {
  const key = pixelKey(bytes);
  return { ...(await readChecked(bytes, use, turned)), ...(key !== undefined && { key }) };
}

async function readChecked(bytes: Uint8Array, use: UploadUse, turned?: Unturned): Promise<Upload> {
  if (isPoseFile(bytes)) return await readPose(bytes, use);
  // The figure that was shown of such a file, sent again.
  const figure = use === 'control' ? keypointsText(bytes) : undefined;
  if (figure !== undefined) return await readPose(Buffer.from(figure), use);
  const opened = await openPicture(bytes);
  const texts = textsOf(bytes, opened);
  const isLarge = Math.max(opened.width, opened.height) > MAX_SIDE;
  const turn = turned !== undefined && isSize(opened, turned) ? turned.orientation : undefined;
  if (opened.plain !== undefined && !isLarge && turn === undefined) {
    await assertWhole(opened);
    return { bytes: opened.plain, width: opened.width, height: opened.height, notes: [], texts };
  }
  const decoded = await decodeRaster(opened, { width: MAX_SIDE, height: MAX_SIDE });
  const raster = turn === undefined ? decoded : await turnOver(decoded, turn);
  const { width, height } = raster;
  const notes = isLarge
    ? [
        sentence('picture.reduced', {
          width: opened.width,
          height: opened.height,
          newWidth: width,
          newHeight: height,
        }),
      ]
    : [];
  if (use === 'mask') {
    const mask = await readMaskRaster(raster);
    return {
      bytes: await encode(mask.raster, 'png'),
      width,
      height,
      notes: [...notes, ...mask.notes],
      texts,
    };
  }
  const format = width * height > MAX_PNG_PIXELS ? 'jpeg' : 'png';
  const transparency = await transparencyOf(raster);
  return {
    bytes: await encode(await onWhite(raster), format),
    ...{ width, height, notes, texts },
    ...(transparency && { transparency }),
    ...unturnedOf(opened),
  };
}

const isSize = (a: Size, b: Size) => a.width === b.width && a.height === b.height;

function unturnedOf({ header }: OpenPicture): { readonly unturned?: Unturned } {
  const { orientation = 1, width, height } = header;
  // Of a square nobody can tell how a mask was painted.
  return orientation >= 5 && width !== height ? { unturned: { orientation, width, height } } : {};
}

/** Turns a raster as a file of that orientation is turned. */
async function turnOver({ data, width, height, channels }: Raster, orientation: number): Promise<Raster> {
  const lying = await sharp(data, { raw: { width, height, channels: channels as 1 | 2 | 3 | 4 } })
    .withMetadata({ orientation })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return await decodeRaster(await openPicture(lying));
}

async function readPose(bytes: Uint8Array, use: UploadUse): Promise<Upload> {
  if (use === 'control') return { ...(await readPoseFile(bytes)), texts: new Map(), isPose: true };
  throw new DarkroomError('bad_picture', sentence('picture.json'));
}

/** A text that cannot be read is none: it has nothing to do with the pixels. */
function textsOf(bytes: Uint8Array, { format, header }: OpenPicture): ReadonlyMap<string, string> {
  try {
    if (format === 'png') return readPngText(bytes, RECIPES);
  } catch (error) {
    if (!(error instanceof DarkroomError)) throw error;
  }
  const comment = header.exif && readExifComment(header.exif);
  return new Map(comment === undefined ? [] : [['parameters', comment]]);
}

async function encode(
  { data, width, height, channels }: Raster,
  format: 'png' | 'jpeg',
): Promise<Uint8Array> {
  if (format === 'png') return encodePng(data, width, height, channels === 1 ? 1 : 3);
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

async function transparencyOf({ data, width, height, channels }: Raster): Promise<Transparency | undefined> {
  if (channels !== 2 && channels !== 4) return undefined;
  const mask = new Uint8Array(width * height);
  let clear = 0;
  for (let i = 0; i < mask.length; i++) {
    if (data[(i + 1) * channels - 1]! >= OPAQUE_FROM) continue;
    mask[i] = 255;
    clear++;
  }
  if (clear === 0) return undefined;
  return { share: clear / mask.length, mask: await encodePng(mask, width, height, 1) };
}
