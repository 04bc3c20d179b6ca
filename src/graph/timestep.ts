/** How a number (a timestep, a size) enters a network: sinusoids, then two linear layers. */
import type { GraphBuilder, Value } from './builder.ts';
import { activation, type LinearOptions, linear } from './layers.ts';

interface SinusoidOptions {
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
}

/**
 * Sinusoids of each number (Vaswani et al. 2017; diffusers models/embeddings.py get_timestep_embedding):
 * float32 [n] -> [n, channels] of the target's type.
 */
export function sinusoids(
  b: GraphBuilder,
  numbers: Value,
  channels: number,
  { flipSinToCos, freqShift }: SinusoidOptions,
): Value {
  const half = channels >> 1;
  // Each step is rounded to float32, as the reference computes it: at t = 999 the last bits show.
  const step = Math.fround(-Math.log(10_000));
  const frequencies = Float32Array.from({ length: half }, (_, i) =>
    Math.exp(Math.fround(Math.fround(step * i) / Math.fround(half - freqShift))),
  );
  const angles = b.op('Mul', [b.op('Unsqueeze', [numbers, b.ints([1])]), b.floats(frequencies, [1, half])]);
  const [sin, cos] = [b.op('Sin', [angles]), b.op('Cos', [angles])];
  const waves = b.op('Concat', flipSinToCos ? [cos, sin] : [sin, cos], { axis: 1 });
  return b.narrow(channels % 2 === 0 ? waves : b.op('Pad', [waves, b.ints([0, 0, 0, 1])]));
}

/** linear_1, SiLU, linear_2: [n, inputs] -> [n, channels]. */
export function embedder(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  channels: number,
  how: Pick<LinearOptions, 'bias'> = {},
): Value {
  const layer = (value: Value, part: string, from: number) =>
    linear(b, value, `${name}.${part}`, from, channels, { precise: true, ...how });
  return layer(activation(b, layer(x, 'linear_1', inputs), 'silu'), 'linear_2', channels);
}
