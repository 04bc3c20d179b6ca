/**
 * Logarithm, sine and cosine in float32 as PyTorch's x86 AVX2 kernel rounds them, for numbers that must agree with
 * torch to the last bit. The polynomials are those of Moshier's Cephes library (logf, sinf, cosf); where that kernel
 * multiplies and adds in one instruction, the product is not rounded here either.
 */

const { fround } = Math;

/** The double of each decimal is rounded to float32, as a C compiler does. */
const floats = (...decimals: number[]): number[] => decimals.map(fround);

const SQRT_HALF = fround(Math.SQRT1_2);
/** log 2 in two parts; the high one has few bits, so that its product with an exponent is exact. */
const LOG2_HIGH = 0.693359375;
const LOG2_LOW = fround(-2.1219444e-4);
const [L0, L1, L2, L3, L4, L5, L6, L7, L8] = floats(
  7.0376836292e-2,
  -1.151461031e-1,
  1.167699874e-1,
  -1.2420140846e-1,
  1.4249322787e-1,
  -1.6668057665e-1,
  2.0000714765e-1,
  -2.4999993993e-1,
  3.3333331174e-1,
) as Nine;
type Nine = [number, number, number, number, number, number, number, number, number];
type Three = [number, number, number];

const FOUR_OVER_PI = fround(4 / Math.PI);
/** -pi / 4 in three parts, added one after the other. */
const [P0, P1, P2] = floats(-0.78515625, -2.4187564849853516e-4, -3.774894977445941e-8) as Three;
const [S0, S1, S2] = floats(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1) as Three;
const [C0, C1, C2] = floats(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2) as Three;

const asFloat = new Float32Array(1);
const asBits = new Uint32Array(asFloat.buffer);

/**
 * a * b + c of three float32 numbers, rounded to float32 once. A double holds the product whole but rounds the sum;
 * only a rounded sum halfway between two float32 numbers can then go the wrong way, and what it lost decides.
 */
function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const nearest = fround(sum);
  const other = 2 * sum - nearest;
  if (other === nearest || fround(other) !== other) return nearest;
  const added = sum - product;
  const lost = product - (sum - added) + (c - added);
  if (lost === 0) return nearest;
  return lost > 0 ? Math.max(nearest, other) : Math.min(nearest, other);
}

/** The natural logarithm of a positive, normal float32. */
export function log(value: number): number {
  asFloat[0] = value;
  const bits = asBits[0]!;
  let exponent = (bits >>> 23) - 126;
  asBits[0] = (bits & 0x7fffff) | 0x3f000000;
  let x = asFloat[0]!;
  if (x < SQRT_HALF) {
    exponent--;
    x += x;
  }
  x -= 1;
  const square = fround(x * x);
  let y = fma(L0, x, L1);
  y = fma(y, x, L2);
  y = fma(y, x, L3);
  y = fma(y, x, L4);
  y = fma(y, x, L5);
  y = fma(y, x, L6);
  y = fma(y, x, L7);
  y = fma(y, x, L8);
  y = fma(fround(y * x), square, fround(exponent * LOG2_LOW));
  y = fround(y - square / 2);
  return fma(exponent, LOG2_HIGH, fround(x + y));
}

/** The octant of an angle, rounded to an even one, of which sine and cosine are polynomials. */
function octant(angle: number): number {
  return (Math.trunc(fround(angle * FOUR_OVER_PI)) + 1) & ~1;
}

function sinPolynomial(x: number, square: number): number {
  return fma(fround(fma(fma(S0, square, S1), square, S2) * square), x, x);
}

function cosPolynomial(square: number): number {
  const y = fma(fma(C0, square, C1), square, C2);
  return fround(fma(fround(y * square), square, -square / 2) + 1);
}

/** Writes the sine and the cosine of `angle`, a float32 from 0 to 8192 radians, to the two places of `into`. */
export function sinCos(angle: number, into: Float32Array): void {
  const j = octant(angle);
  const x = fma(j, P2, fma(j, P1, fma(j, P0, angle)));
  const square = fround(x * x);
  const a = sinPolynomial(x, square);
  const b = cosPolynomial(square);
  const straight = (j & 2) === 0;
  const sin = straight ? a : b;
  const cos = straight ? b : a;
  into[0] = j & 4 ? -sin : sin;
  into[1] = (j - 2) & 4 ? cos : -cos;
}
