/**
 * Colours of a PNG or AVIF that states its colour space in numbers (PNG specification, third edition, 11.3.2: cHRM,
 * gAMA, cICP; ITU-T H.273) instead of an ICC profile, converted to sRGB as browsers do. ICC profiles are left to sharp.
 */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { Raster } from './resample.ts';

type Matrix = readonly (readonly number[])[];

/** Chromaticities: x and y of white, red, green and blue. */
type Primaries = readonly [number, number, number, number, number, number, number, number];

export interface ColourSpace {
  readonly primaries: Primaries;
  /** A level of 0 to 1 to linear light. */
  readonly linear: (level: number) => number;
}

const D65 = [0.3127, 0.329] as const;
const SRGB: Primaries = [...D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];

/** ITU-T H.273, table 2. */
const PRIMARIES: Readonly<Record<number, Primaries>> = {
  1: SRGB,
  5: [...D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06],
  6: [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  9: [...D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046],
  12: [...D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
};

const srgbLinear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const bt709Linear = (v: number) => (v < 0.081 ? v / 4.5 : ((v + 0.099) / 1.099) ** (1 / 0.45));

/** ITU-T H.273, table 3, without the HDR transfers. */
const TRANSFERS: Readonly<Record<number, (level: number) => number>> = {
  1: bt709Linear,
  4: (v) => v ** 2.2,
  5: (v) => v ** 2.8,
  6: bt709Linear,
  8: (v) => v,
  13: srgbLinear,
  14: bt709Linear,
  15: bt709Linear,
};
/** Perceptual quantiser and hybrid log-gamma. */
const HDR_TRANSFERS = [16, 18];

/**
 * @param primaries and `transfer`, code points of ITU-T H.273
 * @returns undefined for sRGB and for code points that say nothing
 * @throws DarkroomError('bad_picture') for HDR
 */
export function spaceOfCodePoints(primaries: number, transfer: number): ColourSpace | undefined {
  if (HDR_TRANSFERS.includes(transfer)) {
    throw new DarkroomError('bad_picture', sentence('picture.hdr'));
  }
  const [chromaticities, linear] = [PRIMARIES[primaries], TRANSFERS[transfer]];
  if (chromaticities === undefined || linear === undefined) return undefined;
  return primaries === 1 && transfer === 13 ? undefined : { primaries: chromaticities, linear };
}

/** Encoding exponents this near to 1/2.2 are sRGB's own, as in libpng. */
const GAMMA_TOLERANCE = 0.05;

/**
 * @param gamma of a gAMA chunk: the exponent that the levels were encoded with
 * @param primaries of a cHRM chunk; sRGB's where absent
 * @returns undefined where that is sRGB as far as can be seen, or nonsense
 */
export function spaceOfGamma(
  gamma: number | undefined,
  primaries: Primaries | undefined,
): ColourSpace | undefined {
  // Chromaticities without a curve are not used by browsers either.
  if (gamma === undefined || !(gamma > 0.01 && gamma < 100)) return undefined;
  if (primaries !== undefined && !arePrimaries(primaries)) return undefined;
  const isUsual = Math.abs(gamma * 2.2 - 1) < GAMMA_TOLERANCE;
  const isSrgb = primaries === undefined || primaries.every((v, i) => Math.abs(v - SRGB[i]!) < 0.002);
  if (isUsual && isSrgb) return undefined;
  return {
    primaries: primaries ?? SRGB,
    linear: isUsual ? srgbLinear : (v) => v ** (1 / gamma),
  };
}

/** Whether they span a triangle around their white. */
function arePrimaries(primaries: Primaries): boolean {
  const hasHeight = [1, 3, 5, 7].every((y) => primaries[y]! > 0.001);
  return hasHeight && toXyz(primaries).flat().every(Number.isFinite);
}

const ENCODE_STEPS = 4096;
const ENCODED = Uint8Array.from({ length: ENCODE_STEPS + 1 }, (_, i) => {
  const v = i / ENCODE_STEPS;
  return Math.round(255 * (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055));
});

/**
 * Converts a raster to sRGB in place; colours outside sRGB are clipped.
 * @param raster of one or three colour channels, and alpha last where there is one more
 */
export function toSrgb({ data, channels }: Raster, { primaries, linear }: ColourSpace): void {
  const curve = Float32Array.from({ length: 256 }, (_, level) => linear(level / 255));
  const encode = (v: number) => ENCODED[Math.round(Math.min(Math.max(v, 0), 1) * ENCODE_STEPS)]!;
  if (channels < 3) {
    for (let at = 0; at < data.length; at += channels) data[at] = encode(curve[data[at]!]!);
    return;
  }
  const matrix = multiply(invert(toXyz(SRGB)), multiply(adaptation(primaries), toXyz(primaries)));
  const [[a, b, c], [d, e, f], [g, h, i]] = matrix as [number[], number[], number[]];
  for (let at = 0; at < data.length; at += channels) {
    const [red, green, blue] = [curve[data[at]!]!, curve[data[at + 1]!]!, curve[data[at + 2]!]!];
    data[at] = encode(a! * red + b! * green + c! * blue);
    data[at + 1] = encode(d! * red + e! * green + f! * blue);
    data[at + 2] = encode(g! * red + h! * green + i! * blue);
  }
}

const xyzOf = (x: number, y: number) => [x / y, 1, (1 - x - y) / y];

/** Linear RGB of these primaries to CIE XYZ under their own white. */
function toXyz([wx, wy, rx, ry, gx, gy, bx, by]: Primaries): Matrix {
  const columns = transpose([xyzOf(rx, ry), xyzOf(gx, gy), xyzOf(bx, by)]);
  const scale = apply(invert(columns), xyzOf(wx, wy));
  return columns.map((row) => row.map((v, i) => v * scale[i]!));
}

const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

/** From the primaries' white to D65 (Bradford; Lam 1985). */
function adaptation([wx, wy]: Primaries): Matrix {
  const from = apply(BRADFORD, xyzOf(wx, wy));
  const to = apply(BRADFORD, xyzOf(...D65));
  const scaled = BRADFORD.map((row, i) => row.map((v) => (v * to[i]!) / from[i]!));
  return multiply(invert(BRADFORD), scaled);
}

const transpose = (m: Matrix): Matrix => m.map((_, i) => m.map((row) => row[i]!));
const apply = (m: Matrix, v: readonly number[]) => m.map((row) => row.reduce((s, a, i) => s + a * v[i]!, 0));
const multiply = (a: Matrix, b: Matrix): Matrix => transpose(transpose(b).map((column) => apply(a, column)));

function invert(m: Matrix): Matrix {
  const [[a, b, c], [d, e, f], [g, h, i]] = m as [number[], number[], number[]];
  const cofactors = [
    [e! * i! - f! * h!, c! * h! - b! * i!, b! * f! - c! * e!],
    [f! * g! - d! * i!, a! * i! - c! * g!, c! * d! - a! * f!],
    [d! * h! - e! * g!, b! * g! - a! * h!, a! * e! - b! * d!],
  ];
  const determinant = a! * cofactors[0]![0]! + b! * cofactors[1]![0]! + c! * cofactors[2]![0]!;
  return cofactors.map((row) => row.map((v) => v / determinant));
}
