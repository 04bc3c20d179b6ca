/**
 * OpenPose keypoints as JSON (Cao et al. 2019; `people[].pose_keypoints_2d` of its output format) and the stick figure
 * that ControlNet's openpose models were shown (Zhang et al. 2023, drawn as by controlnet_aux).
 */
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { fillDisc, fillEllipse, type Rgb } from './draw.ts';
import type { Size } from './mask.ts';
import type { Raster } from './resample.ts';

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

/** Where BODY_25 has the parts of BODY_18; its middle of the hips and its feet have no place in the drawing. */
const IN_BODY_25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18] as const;

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

/** A turn through the hues, one colour a joint; limbs take the first 17, darkened. */
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
/** Half the breadth of a limb and the radius of a joint, in pixels at any size of picture. */
const STICK_WIDTH = 4;
const JOINT_RADIUS = 4;

export interface Keypoint {
  /** In pixels of the drawing. */
  readonly x: number;
  readonly y: number;
}

/** In the order of BODY_18; undefined where a part was not seen. */
export type Body = readonly (Keypoint | undefined)[];

/** Draws bodies on black: of each first the limbs as ellipses, then the joints as discs. */
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

/** More people than a crowd scene has; each costs some thousand pixels. */
const MOST_PEOPLE = 100;
/** Text longer than this is no list of keypoints: 100 people with hands and face take 150 kB. */
const MOST_CHARACTERS = 2_000_000;

/** Keypoints further out than this many sides of the picture are left out: their limbs would take long to draw. */
const REACH = 8;

/**
 * Reads keypoints and fits them into a drawing. Coordinates are pixels of `canvas_width` x `canvas_height` where the
 * file gives them, shares of the picture where all lie in 0 to 1, else pixels of the drawing. A canvas of another
 * proportion is fitted whole, in the middle.
 * @param text OpenPose's JSON, or a list that holds one such object
 * @throws DarkroomError('bad_picture') naming what is wrong with it
 */
export function parseKeypoints(
  text: string,
  size: Size,
): { readonly bodies: readonly Body[]; readonly notes: readonly string[] } {
  const frame = parseFrame(text);
  const people = frame['people'];
  if (!Array.isArray(people)) throw refuse('has no list `people`');
  if (people.length > MOST_PEOPLE) {
    throw refuse(`has ${people.length} people; up to ${MOST_PEOPLE} are drawn`);
  }
  const notes: string[] = [];
  const found = people.map((person: unknown, i) => readBody(person, i + 1));
  const bodies = found.filter((body) => body.some((point) => point !== undefined));
  if (bodies.length === 0) throw refuse('shows nobody: all keypoints are missing');
  if (people.some((person) => hasMore(person))) {
    notes.push('Keypoints of hands and faces are not drawn; the body alone steers the picture.');
  }
  const place = placing(bodies, frame, size, notes);
  const reach = REACH * Math.max(size.width, size.height);
  const placed = bodies.map((body) =>
    body.map((point) => {
      if (point === undefined) return undefined;
      const at = place(point);
      return Math.abs(at.x) <= reach && Math.abs(at.y) <= reach ? at : undefined;
    }),
  );
  const isSeen = ({ x, y }: Keypoint) => x >= 0 && y >= 0 && x < size.width && y < size.height;
  if (!placed.some((body) => body.some((point) => point !== undefined && isSeen(point)))) {
    throw refuse(
      `lies outside the picture of ${size.width}x${size.height}; give canvas_width and canvas_height`,
    );
  }
  return { bodies: placed, notes };
}

function parseFrame(text: string): Record<string, unknown> {
  if (text.length > MOST_CHARACTERS)
    throw refuse(`is ${text.length} characters long; up to ${MOST_CHARACTERS} are read`);
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw refuse('is not JSON', cause);
  }
  // Some tools export a list of frames.
  if (Array.isArray(value) && value.length > 1) throw refuse(`holds ${value.length} frames; one is taken`);
  const frame: unknown = Array.isArray(value) ? value[0] : value;
  if (!isRecord(frame)) throw refuse('is not an object with a list `people`');
  return frame;
}

function readBody(person: unknown, number: number): Body {
  const values = isRecord(person) ? person['pose_keypoints_2d'] : undefined;
  if (!Array.isArray(values)) throw refuse(`has no pose_keypoints_2d for person ${number}`);
  const isNumeric = values.every((v): v is number => typeof v === 'number' && Number.isFinite(v));
  if (!isNumeric) throw refuse(`has something other than numbers in pose_keypoints_2d of person ${number}`);
  if (values.length === 0) return [];
  const order = { 54: BODY_18.keys().toArray(), 75: IN_BODY_25 }[values.length];
  if (order === undefined) {
    throw refuse(
      `has ${values.length} numbers in pose_keypoints_2d of person ${number}; BODY_18 has 54, BODY_25 75`,
    );
  }
  return order.map((index) => {
    const [x = 0, y = 0, confidence = 0] = values.slice(index * 3, index * 3 + 3);
    return confidence > 0 && !(x === 0 && y === 0) ? { x, y } : undefined;
  });
}

const hasMore = (person: unknown) =>
  isRecord(person) &&
  ['face_keypoints_2d', 'hand_left_keypoints_2d', 'hand_right_keypoints_2d'].some((key) => {
    const values = person[key];
    return Array.isArray(values) && values.some((v) => v !== 0);
  });

/** How a point of the file comes into the drawing. */
function placing(
  bodies: readonly Body[],
  frame: Readonly<Record<string, unknown>>,
  size: Size,
  notes: string[],
): (point: Keypoint) => Keypoint {
  const canvas = { width: frame['canvas_width'], height: frame['canvas_height'] };
  const points = bodies.flat().filter((point) => point !== undefined);
  const isShare = points.every(({ x, y }) => x >= 0 && x <= 1 && y >= 0 && y <= 1);
  if (canvas.width === undefined && canvas.height === undefined && !isShare) return (point) => point;
  const given = isShare && canvas.width === undefined ? size : demandCanvas(canvas.width, canvas.height);
  const scale = Math.min(size.width / given.width, size.height / given.height);
  const left = (size.width - given.width * scale) / 2;
  const top = (size.height - given.height * scale) / 2;
  if (Math.max(left, top) >= 1) {
    notes.push(
      `The pose's canvas of ${given.width}x${given.height} was fitted whole into ${size.width}x${size.height}.`,
    );
  }
  const unit = isShare ? given : { width: 1, height: 1 };
  return ({ x, y }) => ({ x: left + x * unit.width * scale, y: top + y * unit.height * scale });
}

function demandCanvas(width: unknown, height: unknown): Size {
  const isSide = (side: unknown): side is number =>
    typeof side === 'number' && Number.isFinite(side) && side >= 1 && side <= 1e6;
  if (!isSide(width) || !isSide(height)) {
    throw refuse('has a canvas_width or canvas_height that is no number of pixels');
  }
  return { width, height };
}

function refuse(what: string, cause?: unknown): DarkroomError {
  return new DarkroomError(
    'bad_picture',
    `The pose file ${what}. Send OpenPose JSON, a picture of a skeleton as raw, or the name of a pose.`,
    { cause },
  );
}
