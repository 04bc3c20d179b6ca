/**
 * A file of keypoints as a picture: a PNG of its stick figure that carries the keypoints as text. It is shown and kept
 * like any other picture, and the engine draws the figure from the keypoints at the size that it needs.
 */
import { decodeText } from '../decode-text.ts';
import type { Words } from '../sentences.ts';
import { formatKeypoints, type Keypoints, parseKeypoints, placeBodies } from './keypoints.ts';
import { drawBodies } from './openpose.ts';
import { encodePng } from './pixels.ts';
import { isPng } from './png-chunks.ts';
import { readPngText, writePngText } from './png-text.ts';
import type { Size } from './resample.ts';

/** Keyword of the text that holds the keypoints. */
const KEYWORD = 'openpose';
/** Sides of the shown figure, whatever its canvas says. */
const [LEAST_SIDE, MOST_SIDE] = [64, 1024];
/** Where the file says nothing of a size. */
const USUAL_SIDE = 512;

interface PosePicture extends Size {
  readonly bytes: Uint8Array;
  readonly notes: readonly Words[];
}

/** Whether a file is JSON: no picture format starts with a bracket. */
export function isPoseFile(bytes: Uint8Array): boolean {
  return /^[[{]/.test(decodeText(bytes.subarray(0, 256)).trimStart());
}

/** @throws DarkroomError('bad_picture') naming what is wrong with the file */
export async function readPoseFile(bytes: Uint8Array): Promise<PosePicture> {
  const keypoints = parseKeypoints(decodeText(bytes));
  const size = sizeOf(keypoints);
  const { bodies } = placeBodies({ ...keypoints, canvas: canvasOf(keypoints) }, size);
  const { data, width, height } = drawBodies(bodies, size);
  const png = await encodePng(data, width, height);
  return {
    bytes: writePngText(png, { [KEYWORD]: formatKeypoints(keypoints) }),
    ...{ width, height },
    notes: keypoints.notes,
  };
}

/** The keypoints of a file that readPoseFile has made, or of one as it was; undefined for any other picture. */
export function keypointsOf(bytes: Uint8Array): Keypoints | undefined {
  const text = isPoseFile(bytes) ? decodeText(bytes) : keypointsText(bytes);
  return text === undefined ? undefined : parseKeypoints(text);
}

/** Whether bodies are drawn from a picture as they stand, without looking for people in it. */
export const isKeypoints = (bytes: Uint8Array): boolean =>
  isPoseFile(bytes) || keypointsText(bytes) !== undefined;

/** What readPoseFile has put into a picture. */
export function keypointsText(bytes: Uint8Array): string | undefined {
  return isPng(bytes) ? readPngText(bytes, [KEYWORD]).get(KEYWORD) : undefined;
}

function sizeOf(keypoints: Keypoints): Size {
  const { width, height } = canvasOf(keypoints) ?? { width: USUAL_SIDE, height: USUAL_SIDE };
  const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
  const side = (pixels: number) => Math.max(LEAST_SIDE, Math.round(pixels * scale));
  return { width: side(width), height: side(height) };
}

/** Its own, or as far as its points reach; undefined for shares of a canvas without a size. */
function canvasOf({ canvas, areShares, bodies }: Keypoints): Size | undefined {
  if (canvas !== undefined || areShares) return canvas;
  const points = bodies.flat().filter((point) => point !== undefined);
  const reach = (values: readonly number[]) => Math.max(LEAST_SIDE, ...values.map((v) => Math.ceil(v) + 1));
  return { width: reach(points.map(({ x }) => x)), height: reach(points.map(({ y }) => y)) };
}
