/** Turns whatever a user gives for a ControlNet into the conditioning picture that the ControlNet sees. */
import { DarkroomError, offer } from '../errors.ts';
import type { ControlKind } from '../request.ts';
import { sentence, type Words } from '../sentences.ts';
import { canny } from './canny.ts';
import type { Detectors } from './detector.ts';
import { checkPictureAs } from './inspect.ts';
import { placeBodies } from './keypoints.ts';
import { lineart, scribble } from './lines.ts';
import { greyToRgb } from './luma.ts';
import { drawBodies } from './openpose.ts';
import { decodeRgb } from './pixels.ts';
import { keypointsOf } from './pose-file.ts';
import { POSE_NAMES, parsePose, poseBody } from './poses.ts';
import { type Fit, fit, type Raster, type Size } from './resample.ts';

interface Conditioning {
  /** [height, width, 3] of the requested size. */
  readonly picture: Raster;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
}

/**
 * Makes a conditioning picture. A file of another size is fitted before its lines are detected, so that they are one
 * pixel thin at any size.
 * @param kind `raw`: the file is the conditioning, stretched as diffusers stretches it; `openpose`: keypoints as JSON,
 *   the name of a pose, or a photo if a pose detector is installed; `depth`: a photo, by the depth detector
 * @param source the file's bytes, or for openpose the name of a pose
 * @param size of the generated picture in pixels
 * @param how a photo of another aspect ratio is fitted; diffusers stretches it
 * @throws DarkroomError('bad_picture' | 'too_large' | 'bad_request' | 'unsupported')
 */
export async function conditioningPicture(
  kind: ControlKind,
  source: Uint8Array | string,
  size: Size,
  detectors: Detectors,
  how: Fit = 'stretch',
): Promise<Conditioning> {
  if (typeof source === 'string') return { picture: drawPose(kind, source, size), notes: [] };
  const keypoints = kind === 'openpose' ? keypointsOf(source) : undefined;
  if (keypoints !== undefined) {
    const { bodies, notes } = placeBodies(keypoints, size);
    return { picture: drawBodies(bodies, size), notes: [...keypoints.notes, ...notes] };
  }
  const { picture, notes } = await readFitted(kind, source, size, kind === 'raw' ? 'stretch' : how);
  return { picture: await DRAW[kind](picture, detectors), notes };
}

const DRAW: Readonly<
  Record<ControlKind, (picture: Raster, detectors: Detectors) => Raster | Promise<Raster>>
> = {
  raw: (picture) => picture,
  canny: (picture) => greyToRgb(canny(picture)),
  scribble: (picture) => greyToRgb(scribble(picture)),
  lineart: (picture) => greyToRgb(lineart(picture)),
  depth: async (picture, detectors) => greyToRgb(await detectors.depth(picture)),
  openpose: async (picture, detectors) => {
    const bodies = await detectors.pose(picture);
    if (bodies.length > 0) return drawBodies(bodies, picture);
    throw new DarkroomError('bad_picture', sentence('control.nobody', { poses: POSE_NAMES.join(', ') }));
  },
};

function drawPose(kind: ControlKind, words: string, size: Size): Raster {
  const pose = kind === 'openpose' ? parsePose(words) : undefined;
  if (pose !== undefined) return drawBodies([poseBody(pose, size)], size);
  if (kind === 'openpose') {
    throw new DarkroomError(
      'bad_request',
      sentence('control.unknown_pose', { name: words, offer: offer(words, POSE_NAMES) }),
    );
  }
  throw new DarkroomError('bad_request', sentence('picture.control_needs', { kind }));
}

async function readFitted(kind: ControlKind, bytes: Uint8Array, size: Size, how: Fit): Promise<Conditioning> {
  await checkPictureAs(bytes, (reason) => sentence('picture.control_refused', { kind, reason }));
  const picture = await decodeRgb(bytes);
  if (picture.width === size.width && picture.height === size.height) return { picture, notes: [] };
  const [from, to] = [`${picture.width}x${picture.height}`, `${size.width}x${size.height}`];
  return {
    picture: fit(picture, size, how),
    notes: [sentence(`control.${how}`, { kind, from, to })],
  };
}
