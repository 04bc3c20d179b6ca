/** Floats of 8 bits: what each byte stands for. */

/** PyTorch's float8_e4m3fn (Micikevicius et al. 2022): no infinity, one NaN of each sign. */
const E4M3 = Float32Array.from({ length: 256 }, (_, byte) => {
  const [sign, exponent, mantissa] = [byte & 128 ? -1 : 1, (byte >> 3) & 15, byte & 7];
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  return sign * (exponent === 0 ? 2 ** -9 * mantissa : 2 ** (exponent - 7) * (1 + mantissa / 8));
});
/** float8_e5m2 is the first byte of a float16. */
const E5M2 = Float32Array.from(
  new Float16Array(Uint16Array.from({ length: 256 }, (_, byte) => byte << 8).buffer),
);

export type Float8 = 'F8_E4M3' | 'F8_E5M2';

/** Float32 [256], by the byte. */
export const FLOAT8: Readonly<Record<Float8, Float32Array>> = { F8_E4M3: E4M3, F8_E5M2: E5M2 };

export const isFloat8 = (dtype: string): dtype is Float8 => Object.hasOwn(FLOAT8, dtype);
