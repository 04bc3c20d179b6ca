/** The pictures that ControlNets see, made from those that came with a request. */
import { DarkroomError } from '../errors.ts';
import { canny } from '../image/canny.ts';
import { greyToRgb } from '../image/luma.ts';
import type { Size } from '../image/mask.ts';
import { drawBodies, parseKeypoints } from '../image/openpose.ts';
import { decodeRgb, toPlanes } from '../image/pixels.ts';
import { fit, type Raster } from '../image/resample.ts';
import type { Job } from '../job.ts';
import type { ControlRequest } from '../request.ts';
import { cutOut, type Frame } from './inpaint.ts';
import { bytesOf } from './pictures.ts';
import type { Tensor } from './session.ts';

export interface ControlPictures {
  /** [1, 3, H, W] in 0..1, in the order of the request's controls. */
  readonly pictures: readonly Tensor[];
  readonly notes: readonly string[];
}

/**
 * @param size of the drawing in pixels
 * @throws DarkroomError('bad_request' | 'bad_picture' | 'unsupported') where one cannot be used
 */
export async function readControls(
  { request, inputs }: Job,
  size: Size,
  frame: Frame | undefined,
): Promise<ControlPictures> {
  const pictures: Tensor[] = [];
  const notes: string[] = [];
  for (const control of request.controls) {
    const canvas = frame?.whole ?? size;
    const conditioning = await conditioningOf(control, inputs, canvas, notes);
    const { data } = frame === undefined ? conditioning : cutOut(conditioning, frame.region, size);
    const planes = toPlanes({ data, ...size, channels: 3 }, 0, 1);
    pictures.push({ data: planes, dims: [1, 3, size.height, size.width] });
  }
  return { pictures, notes };
}

/** @returns RGB of the canvas's size */
async function conditioningOf(
  { kind, image }: ControlRequest,
  inputs: Job['inputs'],
  canvas: Size,
  notes: string[],
): Promise<Raster> {
  const bytes = bytesOf(inputs, image, `The ${kind} picture`);
  if (kind === 'openpose' && isJson(bytes)) {
    const { bodies, notes: told } = parseKeypoints(new TextDecoder().decode(bytes), canvas);
    notes.push(...told);
    return drawBodies(bodies, canvas);
  }
  const picture = await decodeRgb(bytes);
  if (picture.width !== canvas.width || picture.height !== canvas.height) {
    notes.push(
      `The ${kind} picture of ${picture.width}x${picture.height} was stretched to ${canvas.width}x${canvas.height}.`,
    );
  }
  const fitted = fit(picture, canvas, 'stretch');
  if (kind === 'raw') return fitted;
  if (kind === 'canny') return greyToRgb(canny(fitted));
  throw new DarkroomError('unsupported', `${kind} cannot be made from a picture here.`);
}

const isJson = (bytes: Uint8Array) => /^\s*[[{]/.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'));
