/**
 * Input and output of the operator's own ONNX detectors of depth and poses. A small JSON file beside each model says
 * what the model expects and returns; the engine runs the session.
 */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { BODY_18, type Body, type BodyPart, type Keypoint } from './openpose.ts';
import { fit, type Raster, resample, type Size } from './resample.ts';

export type DetectorKind = 'depth' | 'pose';

/** Finds depth or people in a picture; implemented by the engine. Each throws DarkroomError without a detector. */
export interface Detectors {
  /** @returns [height, width, 1] of the picture's size: 255 is nearest, 0 furthest */
  depth(picture: Raster): Promise<Raster>;
  /** In pixels of the picture. */
  pose(picture: Raster): Promise<readonly Body[]>;
}

/** A dense float32 array in row-major order. */
export interface DetectorTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface DetectorCard {
  /** Pixels of the model's input, [1, 3, height, width]. */
  readonly width: number;
  readonly height: number;
  /** Per channel (red, green, blue) the mean that is subtracted from levels of 0 to 1, and the divisor. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Names of the model's input and output; absent: the first of each. */
  readonly input?: string;
  readonly output?: string;
  /**
   * depth: `near_is_large` (MiDaS, Depth Anything) or `near_is_small` (metres).
   * pose: `heatmaps` [1, parts, h, w] of one person, or `keypoints` [people, parts, 3]: x and y in pixels of the
   * input, confidence.
   */
  readonly gives: 'near_is_large' | 'near_is_small' | 'heatmaps' | 'keypoints';
  /** pose: which body parts the output lists, in which order. */
  readonly parts?: keyof typeof PART_ORDERS;
}

const COCO_17 = [
  'nose',
  'leftEye',
  'rightEye',
  'leftEar',
  'rightEar',
  'leftShoulder',
  'rightShoulder',
  'leftElbow',
  'rightElbow',
  'leftWrist',
  'rightWrist',
  'leftHip',
  'rightHip',
  'leftKnee',
  'rightKnee',
  'leftAnkle',
  'rightAnkle',
] as const satisfies readonly BodyPart[];

/** The position of each part of BODY_18 in a detector's output; -1 where it is missing. */
const PART_ORDERS = {
  body_18: BODY_18.map((_, i) => i),
  coco_17: BODY_18.map((part) => (COCO_17 as readonly BodyPart[]).indexOf(part)),
};

/** Parts with a lower confidence are left out; OpenPose cuts its heat maps at 0.1 too. */
const LEAST_CONFIDENCE = 0.1;

const GIVES: Readonly<Record<DetectorKind, readonly string[]>> = {
  depth: ['near_is_large', 'near_is_small'],
  pose: ['heatmaps', 'keypoints'],
};
const KEYS = [
  'width',
  'height',
  'mean',
  'std',
  'input',
  'output',
  'gives',
  'parts',
  'licence',
  'commercial_use',
];

/**
 * Reads the JSON beside a detector.
 * @throws DarkroomError('misconfigured') naming the file and the field
 */
export function parseDetectorCard(kind: DetectorKind, text: string): DetectorCard {
  const refuse = (what: string, cause?: unknown) =>
    new DarkroomError('misconfigured', `The detector's ${kind}.json ${what}.`, { cause });
  let card: unknown;
  try {
    card = JSON.parse(text);
  } catch (cause) {
    throw refuse('is not JSON', cause);
  }
  if (card === null || typeof card !== 'object' || Array.isArray(card)) throw refuse('must hold one object');
  const fields = card as Readonly<Record<string, unknown>>;
  const stray = Object.keys(fields).find((key) => !KEYS.includes(key));
  if (stray !== undefined) throw refuse(`has an unknown field ${stray}; known: ${KEYS.join(', ')}`);
  for (const key of ['width', 'height']) {
    const side = fields[key];
    if (!Number.isInteger(side) || Number(side) < 8 || Number(side) > 4096) {
      throw refuse(`needs a whole number from 8 to 4096 as ${key}`);
    }
  }
  for (const key of ['mean', 'std']) {
    const values = fields[key];
    const isFit = Array.isArray(values) && values.length === 3 && values.every(Number.isFinite);
    if (!isFit || (key === 'std' && values.includes(0))) throw refuse(`needs three numbers as ${key}`);
  }
  for (const key of ['input', 'output']) {
    if (fields[key] !== undefined && typeof fields[key] !== 'string') throw refuse(`needs a name as ${key}`);
  }
  const { gives, parts } = fields;
  if (!GIVES[kind].includes(String(gives))) throw refuse(`needs ${GIVES[kind].join(' or ')} as gives`);
  if (kind === 'pose' && !Object.hasOwn(PART_ORDERS, String(parts))) {
    throw refuse(`needs ${Object.keys(PART_ORDERS).join(' or ')} as parts`);
  }
  return fields as unknown as DetectorCard;
}

/** @returns [1, 3, height, width] of the card, the picture stretched over it by Lanczos */
export function detectorInput(
  picture: Raster,
  card: Pick<DetectorCard, 'width' | 'height' | 'mean' | 'std'>,
): DetectorTensor {
  const { width, height, mean, std } = card;
  const { data } = fit(picture, card, 'stretch');
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < values.length; i++) {
    const c = Math.floor(i / plane);
    values[i] = (data[(i % plane) * 3 + c]! / 255 - mean[c]!) / std[c]!;
  }
  return { data: values, dims: [1, 3, height, width] };
}

/**
 * Scales a detector's numbers to levels: 255 is nearest, 0 furthest.
 * @param answer [..., h, w] of one picture
 * @param size of the picture
 * @throws DarkroomError('engine_failed') for output that is not a depth map
 */
export function depthPicture({ data, dims }: DetectorTensor, card: DetectorCard, size: Size): Raster {
  const [height = 0, width = 0] = dims.slice(-2);
  if (width < 1 || height < 1 || width * height !== data.length) throw unfit('depth', dims);
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (!Number.isFinite(value)) throw unfit('depth', dims);
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const range = most - least;
  const levels = Uint8Array.from(data, (value) => {
    const share = range > 0 ? (value - least) / range : 0;
    return Math.round(255 * (card.gives === 'near_is_small' ? 1 - share : share));
  });
  return resample({ data: levels, width, height, channels: 1 }, size, 'bicubic');
}

/**
 * The people that a detector found.
 * @param size of the picture; keypoints are in its pixels
 * @throws DarkroomError('engine_failed') for output of an unexpected shape
 */
export function detectedBodies(answer: DetectorTensor, card: DetectorCard, size: Size): readonly Body[] {
  const order = PART_ORDERS[card.parts ?? 'body_18'];
  const people = card.gives === 'heatmaps' ? [peaks(answer, card)] : listed(answer);
  const scale = { x: size.width / card.width, y: size.height / card.height };
  return people
    .map((seen) => {
      const body = order.map((index) => {
        const point = index < 0 ? undefined : seen[index];
        return point === undefined ? undefined : { x: point.x * scale.x, y: point.y * scale.y };
      });
      return withNeck(body);
    })
    .filter((body) => body.some((point) => point !== undefined));
}

/** The centre of each heat map's highest cell, in pixels of the input. */
function peaks({ data, dims }: DetectorTensor, card: DetectorCard): (Keypoint | undefined)[] {
  const [batch, parts = 0, height = 0, width = 0] = dims;
  if (dims.length !== 4 || batch !== 1 || parts < COCO_17.length) throw unfit('pose', dims);
  const cells = width * height;
  return Array.from({ length: parts }, (_, part) => {
    const map = data.subarray(part * cells, (part + 1) * cells);
    let best = 0;
    for (let i = 1; i < cells; i++) if (map[i]! > map[best]!) best = i;
    if (!(map[best]! >= LEAST_CONFIDENCE)) return undefined;
    const [x, y] = [best % width, Math.floor(best / width)];
    return { x: ((x + 0.5) * card.width) / width, y: ((y + 0.5) * card.height) / height };
  });
}

function listed({ data, dims }: DetectorTensor): (Keypoint | undefined)[][] {
  const [parts = 0, three] = dims.slice(-2);
  if (dims.length < 2 || three !== 3 || parts < COCO_17.length) throw unfit('pose', dims);
  return Array.from({ length: data.length / (parts * 3) }, (_, person) =>
    Array.from({ length: parts }, (_, part) => {
      const at = (person * parts + part) * 3;
      const [x = Number.NaN, y = Number.NaN, confidence = 0] = data.subarray(at, at + 3);
      const isSeen = confidence >= LEAST_CONFIDENCE && Number.isFinite(x) && Number.isFinite(y);
      return isSeen ? { x, y } : undefined;
    }),
  );
}

/** COCO has no neck; OpenPose's is halfway between the shoulders. */
function withNeck(body: (Keypoint | undefined)[]): Body {
  const at = (part: BodyPart) => BODY_18.indexOf(part);
  const [right, left] = [body[at('rightShoulder')], body[at('leftShoulder')]];
  if (body[at('neck')] !== undefined || right === undefined || left === undefined) return body;
  return body.with(at('neck'), { x: (right.x + left.x) / 2, y: (right.y + left.y) / 2 });
}

function unfit(kind: DetectorKind, dims: readonly number[]): DarkroomError {
  return new DarkroomError('engine_failed', sentence('control.detector_answer', { kind }), {
    cause: new Error(`its output has the shape [${dims}], or numbers that are not finite; see ${kind}.json`),
  });
}
