/**
 * FLUX.2's latents (diffusers models/autoencoders/autoencoder_kl_flux2.py, pipelines/flux2): each square of the VAE's
 * latents is one of the sampler's, with the statistics of a batch norm (Ioffe and Szegedy 2015) taken out of its channels.
 */
import type { GraphBuilder, Value } from './builder.ts';
import type { Component } from './component.ts';
import type { ConfigReader } from './config.ts';

export interface Squares {
  /** Of a square, in the VAE's latents. */
  readonly area: number;
  readonly side: number;
  /** Added to the variances. */
  readonly epsilon: number;
}

const SIDE = 2;
const MEAN = 'bn.running_mean';
const VARIANCE = 'bn.running_var';

/** Of a VAE whose weights hold the statistics; nothing of any other. */
export function readSquares(reader: ConfigReader, { tensors }: Component): { squares?: Squares } {
  if (!tensors.has(MEAN)) return {};
  const sides = reader.integers('patch_size', [SIDE, SIDE]);
  if (sides.length !== 2 || sides.some((side) => side !== SIDE)) {
    throw reader.contradiction('patch_size', `only [${SIDE}, ${SIDE}] is supported`);
  }
  // How fast the statistics followed in training.
  reader.harmless(['batch_norm_momentum']);
  return { squares: { area: SIDE ** 2, side: SIDE, epsilon: reader.number('batch_norm_eps', 1e-4) } };
}

/** Mean and standard deviation of each channel of the sampler's latents, float32 [1, C, 1, 1]. */
function statistics(b: GraphBuilder, channels: number, { epsilon }: Squares) {
  const of = (name: string) => b.op('Reshape', [b.wideWeight(name, [channels]), b.ints([1, channels, 1, 1])]);
  return { mean: of(MEAN), std: b.op('Sqrt', [b.op('Add', [of(VARIANCE), b.floats([epsilon], [])])]) };
}

/**
 * The sampler's latents as the VAE's, both float32.
 * @param latents [B, 4 channels, h / 2, w / 2]
 * @returns [B, channels, h, w]
 */
export function splitSquares(b: GraphBuilder, latents: Value, channels: number, squares: Squares): Value {
  const { mean, std } = statistics(b, squares.area * channels, squares);
  const spread = b.op('Add', [b.op('Mul', [latents, std]), mean]);
  const { side } = squares;
  const shape = b.op('Shape', [latents]);
  const part = (axis: number) => b.op('Slice', [shape, b.ints([axis]), b.ints([axis + 1]), b.ints([0])]);
  const apart = b.op('Concat', [part(0), b.ints([channels, side, side]), part(2), part(3)], { axis: 0 });
  const ordered = b.op('Transpose', [b.op('Reshape', [spread, apart])], { perm: [0, 1, 4, 2, 5, 3] });
  const whole = (axis: number) => b.op('Mul', [part(axis), b.ints([side])]);
  return b.op('Reshape', [
    ordered,
    b.op('Concat', [part(0), b.ints([channels]), whole(2), whole(3)], { axis: 0 }),
  ]);
}

/**
 * What an encoder sees, as a distribution of the sampler's latents; float32.
 * @param moments [B, 2 channels, h, w]: means, then log variances
 * @returns [B, 8 channels, h / 2, w / 2], the same of the sampler's
 */
export function joinSquares(b: GraphBuilder, moments: Value, channels: number, squares: Squares): Value {
  const { area, side } = squares;
  const { mean, std } = statistics(b, area * channels, squares);
  const shape = b.op('Shape', [moments]);
  const part = (axis: number) => b.op('Slice', [shape, b.ints([axis]), b.ints([axis + 1]), b.ints([0])]);
  const halved = (axis: number) => b.op('Div', [part(axis), b.ints([side])]);
  const sides = b.ints([side]);
  const apart = b.op('Concat', [part(0), b.ints([2 * channels]), halved(2), sides, halved(3), sides], {
    axis: 0,
  });
  const ordered = b.op('Transpose', [b.op('Reshape', [moments, apart])], { perm: [0, 1, 3, 5, 2, 4] });
  const joined = b.op('Reshape', [
    ordered,
    b.op('Concat', [part(0), b.ints([2 * area * channels]), halved(2), halved(3)], { axis: 0 }),
  ]);
  const rows = (first: number, end: number) =>
    b.op('Slice', [joined, b.ints([first]), b.ints([end]), b.ints([1])]);
  const means = b.op('Div', [b.op('Sub', [rows(0, area * channels), mean]), std]);
  const spread = b.op('Mul', [b.floats([2], []), b.op('Log', [std])]);
  const logVariances = b.op('Sub', [rows(area * channels, 2 * area * channels), spread]);
  return b.op('Concat', [means, logVariances], { axis: 1 });
}
