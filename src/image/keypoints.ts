/**
 * OpenPose keypoints as JSON (Cao et al. 2019): `people[].pose_keypoints_2d` of OpenPose and of most editors,
 * `pose_keypoints` of its first version, and the list `keypoints` of points that older editors write.
 */
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { sentence, type Words } from '../sentences.ts';
import { BODY_18, type Body, type Keypoint } from './openpose.ts';
import type { Size } from './resample.ts';

export interface Keypoints {
  /** In the units of the file. */
  readonly bodies: readonly Body[];
  /** Whether coordinates are shares of the canvas, 0 to 1, and not its pixels. */
  readonly areShares: boolean;
  /** In pixels, where the file gives it. */
  readonly canvas: Size | undefined;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
}

/** Where BODY_25 has the parts of BODY_18; the middle of its hips and its feet are not drawn. */
const IN_BODY_25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18] as const;
/** More people than a crowd scene has; each costs some thousand pixels. */
const MOST_PEOPLE = 100;
/** A longer text is no list of keypoints: 100 people with hands and faces take 150 kB. */
const MOST_CHARACTERS = 2_000_000;
/** Keypoints further away than this many sides of the picture are left out: their limbs would take long to draw. */
const REACH = 8;

/** @throws DarkroomError('bad_picture') naming what is wrong with the file */
export function parseKeypoints(text: string): Keypoints {
  const frame = parseFrame(text);
  const people = peopleOf(frame);
  if (people.length > MOST_PEOPLE) {
    throw refuse(sentence('control.pose_people', { count: people.length, limit: MOST_PEOPLE }));
  }
  const notes: Words[] = [];
  const bodies: Body[] = [];
  for (const [i, person] of people.entries()) {
    const values = valuesOf(person);
    const body = values === undefined ? undefined : readBody(values, i + 1);
    if (body?.some((point) => point !== undefined)) bodies.push(body);
    else notes.push(sentence('control.no_body', { number: i + 1 }));
  }
  if (bodies.length === 0) {
    const bare = people.findIndex((person) => valuesOf(person) === undefined);
    if (bare >= 0) throw refuse(sentence('control.pose_no_keypoints', { number: bare + 1 }));
    throw refuse(sentence('control.pose_all_missing'));
  }
  if (people.some((person) => hasMore(person))) {
    notes.push(sentence('picture.hands'));
  }
  const areShares = mostAreShares(bodies);
  const canvas = canvasOf(frame);
  // A canvas of one pixel says the same as shares do.
  const isUnit = areShares && canvas !== undefined && canvas.width <= 1 && canvas.height <= 1;
  return { bodies, areShares, canvas: isUnit ? undefined : canvas, notes };
}

/**
 * Bodies in pixels of a picture. A canvas of another aspect ratio is fitted whole, in the middle; pixels without a
 * canvas are those of the picture.
 * @throws DarkroomError('bad_picture') if all of it is outside the picture
 */
export function placeBodies(
  { bodies, areShares, canvas }: Keypoints,
  size: Size,
): { readonly bodies: readonly Body[]; readonly notes: readonly Words[] } {
  const given = canvas ?? size;
  const scale = Math.min(size.width / given.width, size.height / given.height);
  const left = (size.width - given.width * scale) / 2;
  const top = (size.height - given.height * scale) / 2;
  const unit = areShares ? given : { width: 1, height: 1 };
  const reach = REACH * Math.max(size.width, size.height);
  const placed = bodies.map((body) =>
    body.map((point) => {
      if (point === undefined) return undefined;
      const at = { x: left + point.x * unit.width * scale, y: top + point.y * unit.height * scale };
      return Math.abs(at.x) <= reach && Math.abs(at.y) <= reach ? at : undefined;
    }),
  );
  const isInside = ({ x, y }: Keypoint) => x >= 0 && y >= 0 && x < size.width && y < size.height;
  if (!placed.some((body) => body.some((point) => point !== undefined && isInside(point)))) {
    throw refuse(sentence('control.pose_outside', { width: size.width, height: size.height }));
  }
  const isFitted = Math.max(left, top) >= 1;
  const note = sentence('control.canvas_fitted', {
    width: given.width,
    height: given.height,
    newWidth: size.width,
    newHeight: size.height,
  });
  return { bodies: placed, notes: isFitted ? [note] : [] };
}

/** The same keypoints and nothing else, as OpenPose writes them. */
export function formatKeypoints({ bodies, canvas }: Keypoints): string {
  return JSON.stringify({
    people: bodies.map((body) => ({
      pose_keypoints_2d: body.flatMap((point) => (point === undefined ? [0, 0, 0] : [point.x, point.y, 1])),
    })),
    ...(canvas && { canvas_width: canvas.width, canvas_height: canvas.height }),
  });
}

type Json = Readonly<Record<string, unknown>>;

function parseFrame(text: string): Json {
  if (text.length > MOST_CHARACTERS)
    throw refuse(sentence('control.pose_long', { count: text.length, limit: MOST_CHARACTERS }));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(sentence('control.pose_not_json'), cause);
  }
  // Some tools export a list of frames.
  if (Array.isArray(value) && value.length > 1)
    throw refuse(sentence('control.pose_frames', { count: value.length }));
  const frame: unknown = Array.isArray(value) ? value[0] : value;
  if (!isRecord(frame)) throw refuse(sentence('control.pose_no_object'));
  return frame;
}

function peopleOf({ people, keypoints }: Json): readonly unknown[] {
  if (Array.isArray(people)) return people;
  if (!Array.isArray(keypoints)) throw refuse(sentence('control.pose_no_people'));
  // Older editors: a list of people, each a list of points; or one person.
  const isPoint = (value: unknown) => Array.isArray(value) && typeof value[0] === 'number';
  return keypoints.some(isPoint) ? [keypoints] : keypoints;
}

/** Numbers by threes (x, y, confidence) or by twos, or points; undefined for a person without a body. */
function valuesOf(person: unknown): readonly unknown[] | undefined {
  const values = isRecord(person) ? (person['pose_keypoints_2d'] ?? person['pose_keypoints']) : person;
  return Array.isArray(values) && values.length > 0 ? values : undefined;
}

function readBody(values: readonly unknown[], number: number): Body {
  const points = values.some((value) => Array.isArray(value))
    ? values.map(pointOf)
    : pointsOf(values, number);
  const order = { 18: BODY_18.keys().toArray(), 25: IN_BODY_25 }[points.length];
  if (order === undefined) {
    throw refuse(sentence('control.pose_points', { count: points.length, number }));
  }
  return order.map((index) => {
    const [x, y, confidence = 1] = points[index]!;
    // A part that was not found is null, or 0 in all its numbers.
    if (x === null || y === null || x === undefined || y === undefined || confidence === null)
      return undefined;
    const numbers = [x, y, confidence];
    if (!numbers.every((v): v is number => typeof v === 'number' && Number.isFinite(v))) {
      throw refuse(sentence('control.pose_not_numbers', { number }));
    }
    const [across = 0, down = 0, sure = 0] = numbers;
    return sure > 0 && !(across === 0 && down === 0) ? { x: across, y: down } : undefined;
  });
}

const pointOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function pointsOf(values: readonly unknown[], number: number): (readonly unknown[])[] {
  const each = { 54: 3, 75: 3, 36: 2, 50: 2 }[values.length];
  if (each === undefined) {
    throw refuse(sentence('control.pose_numbers', { count: values.length, number }));
  }
  return Array.from({ length: values.length / each }, (_, i) => values.slice(i * each, (i + 1) * each));
}

const hasMore = (person: unknown) =>
  isRecord(person) &&
  ['face_keypoints_2d', 'hand_left_keypoints_2d', 'hand_right_keypoints_2d'].some((key) => {
    const values = person[key];
    return Array.isArray(values) && values.some((v) => v !== 0);
  });

/** A limb may reach over the edge of its canvas: most of the points decide. */
function mostAreShares(bodies: readonly Body[]): boolean {
  const points = bodies.flat().filter((point) => point !== undefined);
  const shares = points.filter(({ x, y }) => x >= 0 && x <= 1 && y >= 0 && y <= 1);
  return shares.length * 2 > points.length;
}

function canvasOf(frame: Json): Size | undefined {
  const isOlder = frame['people'] === undefined;
  const [width, height] = isOlder
    ? [frame['width'], frame['height']]
    : [frame['canvas_width'], frame['canvas_height']];
  if ((width ?? undefined) === undefined && (height ?? undefined) === undefined) return undefined;
  const [across, down] = [sideOf(width), sideOf(height)];
  if (across === undefined || down === undefined) {
    throw refuse(sentence('control.pose_canvas'));
  }
  return { width: across, height: down };
}

/** Some tools write numbers as text. */
function sideOf(value: unknown): number | undefined {
  const isText = typeof value === 'string' && value.trim() !== '';
  const side = typeof value === 'number' || isText ? Number(value) : Number.NaN;
  return side >= 1 && side <= 1e6 ? side : undefined;
}

function refuse(what: Words, cause?: unknown): DarkroomError {
  return new DarkroomError('bad_picture', sentence('control.bad_pose', { what }), { cause });
}
