/** Normalisations that the components share; their inputs and names are as in layers.ts. */
import type { GraphBuilder, Value } from './builder.ts';
import { activation } from './layers.ts';

export interface GroupNormOptions {
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
  /** Whether SiLU follows. */
  readonly silu?: boolean;
  /** [B, channels]: added to each position first. */
  readonly shift?: Value;
  /** [channels]: added as well; only with `shift`, and only where the target has fused group norms. */
  readonly bias?: Value | undefined;
}

/** A group norm: groupNorm, or one whose statistics are given to it (SharedNorms). */
export type Norm = (b: GraphBuilder, x: Value, name: string, options: GroupNormOptions) => Value;

/** Group normalisation (Wu & He 2018). */
export function groupNorm(b: GraphBuilder, x: Value, name: string, options: GroupNormOptions): Value {
  const { channels, groups, silu = false, shift, bias } = options;
  // onnxruntime's kernel reads two channels of a group at once.
  if (b.target.groupNorm && (channels / groups) % 2 === 0) return fusedGroupNorm(b, x, name, options);
  const biased = bias === undefined ? x : b.op('Add', [x, bias]);
  const shifted =
    shift === undefined ? biased : b.op('Add', [biased, b.op('Unsqueeze', [shift, b.ints(b.sideAxes)])]);
  const normal = plainGroupNorm(b, shifted, name, options);
  return silu ? activation(b, normal, 'silu') : normal;
}

function fusedGroupNorm(
  b: GraphBuilder,
  x: Value,
  name: string,
  { channels, groups, epsilon, silu = false, shift, bias = '' }: GroupNormOptions,
): Value {
  const weights = ['weight', 'bias'].map((part) => b.wideWeight(`${name}.${part}`, [channels]));
  const how = { groups, epsilon: { float: epsilon }, activation: silu ? 1 : 0, channels_last: 1 };
  if (shift !== undefined) return b.fused('SkipGroupNorm', [x, ...weights, shift, bias], how);
  const normal = b.name('SkipGroupNorm');
  const isTaken = b.takeResidual(x, (addends) => {
    const inputs = [addends.x, ...weights, addends.skip, addends.bias ?? ''];
    b.fusedWithOutputs('SkipGroupNorm', inputs, [normal, x], how);
  });
  return isTaken ? normal : b.fused('GroupNorm', [x, ...weights], how);
}

/**
 * Each group of channels is one instance of InstanceNormalization, which onnxruntime's CPU provider has a kernel for;
 * GroupNormalization would be taken apart into many passes.
 */
function plainGroupNorm(
  b: GraphBuilder,
  input: Value,
  name: string,
  { channels, groups, epsilon }: GroupNormOptions,
): Value {
  const x = b.leave(input);
  const ones = b.numbers(new Array<number>(groups).fill(1));
  const zeros = b.numbers(new Array<number>(groups).fill(0));
  const grouped = b.op('Reshape', [x, b.ints([0, groups, -1, 0])]);
  const normal = b.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } });
  const image = b.op('Reshape', [normal, b.ints([0, channels, -1, 0])]);
  const perChannel = (part: string) =>
    b.op('Reshape', [b.weight(`${name}.${part}`, [channels]), b.ints([1, channels, 1, 1])]);
  const scaled = b.op('Add', [b.op('Mul', [image, perChannel('weight')]), perChannel('bias')]);
  return b.target.channelsLast ? b.op('Transpose', [scaled], { perm: [0, 2, 3, 1] }) : scaled;
}

/** Layer normalisation (Ba et al. 2016) over the last axis. */
export function layerNorm(b: GraphBuilder, x: Value, name: string, channels: number, epsilon = 1e-5): Value {
  const weights = ['weight', 'bias'].map((part) => b.weight(`${name}.${part}`, [channels]));
  if (b.target.skipNorm) {
    const normal = b.name('SkipLayerNormalization');
    const isTaken = b.takeResidual(x, ({ x: addend, skip, bias = '' }) =>
      b.fusedWithOutputs('SkipLayerNormalization', [addend, skip, ...weights, bias], [normal, '', '', x], {
        epsilon: { float: epsilon },
      }),
    );
    if (isTaken) return normal;
  }
  return b.op('LayerNormalization', [x, ...weights], { axis: -1, epsilon: { float: epsilon } });
}

/** Root mean square normalisation (Zhang & Sennrich 2019) over the last axis. */
export function rmsNorm(b: GraphBuilder, x: Value, name: string, channels: number, epsilon: number): Value {
  // onnxruntime's own operator in ONNX's name space; RMSNormalization came with a later opset.
  return b.op('SimplifiedLayerNormalization', [x, b.weight(`${name}.weight`, [channels])], {
    axis: -1,
    epsilon: { float: epsilon },
  });
}
