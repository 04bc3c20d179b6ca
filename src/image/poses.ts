/** Built-in poses by name, so that "a dancer" needs no file of keypoints. The proportions are an adult's. */
import { BODY_18, type Body, type BodyPart } from './openpose.ts';
import type { Size } from './resample.ts';

type Point = readonly [x: number, y: number];

/** In hundredths of a body's height, y downwards; the person's right side is on the picture's left. */
type Pose = Readonly<Partial<Record<BodyPart, Point>>>;

const POSES = {
  standing: {
    nose: [50, 10],
    neck: [50, 20],
    rightShoulder: [41, 20.5],
    rightElbow: [38, 36],
    rightWrist: [36.5, 50],
    leftShoulder: [59, 20.5],
    leftElbow: [62, 36],
    leftWrist: [63.5, 50],
    rightHip: [44.5, 51],
    rightKnee: [44, 73],
    rightAnkle: [43.5, 95],
    leftHip: [55.5, 51],
    leftKnee: [56.5, 73],
    leftAnkle: [57.5, 95],
    rightEye: [48, 8],
    leftEye: [52, 8],
    rightEar: [45.2, 9.2],
    leftEar: [54.8, 9.2],
  },
  // Towards the picture's right, half turned to the viewer; the far ear is hidden.
  walking: {
    nose: [57, 10.5],
    neck: [51, 20.5],
    rightShoulder: [45, 21.5],
    rightElbow: [39, 36],
    rightWrist: [34, 49],
    leftShoulder: [56.5, 20.5],
    leftElbow: [63, 34],
    leftWrist: [72.5, 44],
    rightHip: [47, 51.5],
    rightKnee: [56.5, 71],
    rightAnkle: [60, 94],
    leftHip: [54, 51],
    leftKnee: [49.5, 73],
    leftAnkle: [36.5, 90],
    rightEye: [55.2, 8.3],
    leftEye: [58.6, 8.3],
    rightEar: [50.3, 9.6],
  },
  dancing: {
    nose: [53, 11.5],
    neck: [50.5, 21],
    rightShoulder: [41.8, 21],
    rightElbow: [29, 13],
    rightWrist: [21.5, 0],
    leftShoulder: [59.3, 20.5],
    leftElbow: [73, 27],
    leftWrist: [86, 22],
    rightHip: [45.2, 50.5],
    rightKnee: [47, 72.5],
    rightAnkle: [46, 95],
    leftHip: [55.8, 49.8],
    leftKnee: [73, 60],
    leftAnkle: [56, 73],
    rightEye: [51, 9],
    leftEye: [55, 9.7],
    rightEar: [47.8, 9.5],
    leftEar: [57.4, 11.2],
  },
  // On a seat, half turned to the picture's right, hands on the knees.
  sitting: {
    nose: [49.5, 10.5],
    neck: [43.5, 21],
    rightShoulder: [36.5, 22.5],
    rightElbow: [37, 39],
    rightWrist: [51, 49],
    leftShoulder: [50, 21.5],
    leftElbow: [55, 37],
    leftWrist: [66, 47],
    rightHip: [38.5, 54],
    rightKnee: [60, 56.5],
    rightAnkle: [58.5, 80],
    leftHip: [47, 53],
    leftKnee: [69, 53.5],
    leftAnkle: [70, 76.5],
    rightEye: [47.8, 8.3],
    leftEye: [51.2, 8.3],
    rightEar: [42.8, 9.6],
  },
  jumping: {
    nose: [50, 16],
    neck: [50, 26],
    rightShoulder: [41.3, 25.5],
    rightElbow: [32, 13.5],
    rightWrist: [26.5, 0],
    leftShoulder: [58.7, 25.5],
    leftElbow: [68, 13.5],
    leftWrist: [73.5, 0],
    rightHip: [44.7, 56],
    rightKnee: [31.5, 69],
    rightAnkle: [35, 90],
    leftHip: [55.3, 56],
    leftKnee: [71, 66],
    leftAnkle: [79, 85],
    rightEye: [48, 14],
    leftEye: [52, 14],
    rightEar: [45.2, 15.3],
    leftEar: [54.8, 15.3],
  },
  waving: {
    nose: [50, 10],
    neck: [50, 20],
    rightShoulder: [41, 20.5],
    rightElbow: [28.5, 25.5],
    rightWrist: [25, 10.5],
    leftShoulder: [59, 20.5],
    leftElbow: [62.5, 36],
    leftWrist: [64, 50],
    rightHip: [44.5, 51],
    rightKnee: [43.5, 73],
    rightAnkle: [42.5, 95],
    leftHip: [55.5, 51],
    leftKnee: [56.5, 73],
    leftAnkle: [58, 95],
    rightEye: [48, 8],
    leftEye: [52, 8],
    rightEar: [45.2, 9.2],
    leftEar: [54.8, 9.2],
  },
} as const satisfies Record<string, Pose>;

type PoseName = keyof typeof POSES;
export const POSE_NAMES = Object.keys(POSES) as readonly PoseName[];

/** Other words for a pose. */
const WORDS: Readonly<Record<string, PoseName>> = {
  stand: 'standing',
  stands: 'standing',
  walk: 'walking',
  walks: 'walking',
  walker: 'walking',
  dance: 'dancing',
  dances: 'dancing',
  dancer: 'dancing',
  sit: 'sitting',
  sits: 'sitting',
  seated: 'sitting',
  jump: 'jumping',
  jumps: 'jumping',
  leaping: 'jumping',
  wave: 'waving',
  waves: 'waving',
};

/** The first pose named in a phrase such as "Dancing" or "a dancer"; undefined without one. */
export function parsePose(phrase: string): PoseName | undefined {
  for (const word of phrase.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const pose =
      POSE_NAMES.find((name) => name === word) ?? (Object.hasOwn(WORDS, word) ? WORDS[word] : undefined);
    if (pose !== undefined) return pose;
  }
  return undefined;
}

/** Free space around the figure, as a share of the shorter side. */
const MARGIN = 0.06;
/** Distances from the ears to the crown and from the ankles to the soles, where there are no keypoints. */
const CROWN = 9;
const SOLES = 4;

/** The pose centred in a picture, as large as fits. */
export function poseBody(name: PoseName, size: Size): Body {
  const pose: Pose = POSES[name];
  const points = Object.values(pose);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  // A raised hand can be higher than the crown.
  const crown = (pose.nose?.[1] ?? 0) - CROWN;
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(crown, ...ys), Math.max(...ys) + SOLES];
  const { width, height } = size;
  const margin = MARGIN * Math.min(width, height);
  const scale = Math.min((width - 2 * margin) / (right - left), (height - 2 * margin) / (bottom - top));
  return BODY_18.map((part) => {
    const point = pose[part];
    if (point === undefined) return undefined;
    const [x, y] = point;
    return {
      x: width / 2 + (x - (left + right) / 2) * scale,
      y: height / 2 + (y - (top + bottom) / 2) * scale,
    };
  });
}
