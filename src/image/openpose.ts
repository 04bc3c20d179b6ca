/** Bodies and the stick figures that ControlNet's openpose models expect (Zhang et al. 2023), as in controlnet_aux. */
import { fillDisc, fillEllipse, type Rgb } from './draw.ts';
import type { Raster, Size } from './resample.ts';

/** Keypoints of a body in OpenPose's BODY_18 (COCO) order. */
export const BODY_18 = [
  'nose',
  'neck',
  'rightShoulder',
  'rightElbow',
  'rightWrist',
  'leftShoulder',
  'leftElbow',
  'leftWrist',
  'rightHip',
  'rightKnee',
  'rightAnkle',
  'leftHip',
  'leftKnee',
  'leftAnkle',
  'rightEye',
  'leftEye',
  'rightEar',
  'leftEar',
] as const;
export type BodyPart = (typeof BODY_18)[number];

/** Limbs in drawing order, as indices of BODY_18. */
const LIMBS = [
  [1, 2],
  [1, 5],
  [2, 3],
  [3, 4],
  [5, 6],
  [6, 7],
  [1, 8],
  [8, 9],
  [9, 10],
  [1, 11],
  [11, 12],
  [12, 13],
  [1, 0],
  [0, 14],
  [14, 16],
  [0, 15],
  [15, 17],
] as const;

/** One hue per joint; limbs use the first 17, darkened. */
const COLORS: readonly Rgb[] = [
  [255, 0, 0],
  [255, 85, 0],
  [255, 170, 0],
  [255, 255, 0],
  [170, 255, 0],
  [85, 255, 0],
  [0, 255, 0],
  [0, 255, 85],
  [0, 255, 170],
  [0, 255, 255],
  [0, 170, 255],
  [0, 85, 255],
  [0, 0, 255],
  [85, 0, 255],
  [170, 0, 255],
  [255, 0, 255],
  [255, 0, 170],
  [255, 0, 85],
];
const LIMB_BRIGHTNESS = 0.6;
/** Half the width of a limb and the radius of a joint, in pixels at any size of picture. */
const STICK_WIDTH = 4;
const JOINT_RADIUS = 4;

export interface Keypoint {
  readonly x: number;
  readonly y: number;
}

/** In the order of BODY_18 and in pixels of the picture; undefined for a part that is not visible. */
export type Body = readonly (Keypoint | undefined)[];

/** Draws bodies on black: for each the limbs as ellipses, then the joints as discs. */
export function drawBodies(bodies: readonly Body[], { width, height }: Size): Raster {
  const picture = { data: new Uint8Array(width * height * 3), width, height, channels: 3 };
  for (const body of bodies) {
    for (const [i, [from, to]] of LIMBS.entries()) drawLimb(picture, body[from], body[to], COLORS[i]!);
    for (const [i, color] of COLORS.entries()) {
      const joint = body[i];
      if (joint === undefined) continue;
      fillDisc(picture, { x: Math.trunc(joint.x), y: Math.trunc(joint.y) }, JOINT_RADIUS, color);
    }
  }
  return picture;
}

function drawLimb(picture: Raster, from: Keypoint | undefined, to: Keypoint | undefined, color: Rgb): void {
  if (from === undefined || to === undefined) return;
  const [dx, dy] = [from.x - to.x, from.y - to.y];
  const centre = { x: Math.trunc((from.x + to.x) / 2), y: Math.trunc((from.y + to.y) / 2) };
  const degrees = Math.trunc((Math.atan2(dy, dx) * 180) / Math.PI);
  const dark = color.map((level) => Math.trunc(level * LIMB_BRIGHTNESS)) as unknown as Rgb;
  fillEllipse(picture, centre, Math.trunc(Math.hypot(dx, dy) / 2), STICK_WIDTH, degrees, dark);
}
