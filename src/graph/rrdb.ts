/**
 * RRDBNet, the network of ESRGAN (Wang et al. 2018, https://arxiv.org/abs/1809.00219): residual blocks of densely
 * connected convolutions at the small size, then enlargements by two. Real-ESRGAN (https://github.com/xinntao/Real-ESRGAN)
 * folds pixels into channels first where it enlarges less than four times; ESRGAN+ (Rakotonirina and Rasoanaivo 2020,
 * https://arxiv.org/abs/2001.08073) adds two shortcuts within a dense block.
 */
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph } from './component.ts';
import { conv, upsample } from './layers.ts';
import { PORTABLE, type Target } from './target.ts';

const CHANNELS = 3;
/** Slope below zero, and the share of a block's result that is added to its input; both are fixed. */
const LEAK = 0.2;
const SHARE = 0.2;
const DENSE_BLOCKS = 3;

export interface RrdbConfig {
  readonly features: number;
  /** Channels that each convolution of a dense block adds. */
  readonly growth: number;
  readonly blocks: number;
  /** Enlargements by two. */
  readonly doublings: number;
  /** Whether a convolution makes the pixels of an enlargement, which are otherwise repeated before it. */
  readonly shuffles: boolean;
  /** Pixels of a side that are folded into channels at the beginning; 1 where none are. */
  readonly fold: number;
  /** ESRGAN+. */
  readonly shortcuts: boolean;
}

/**
 * @param component whose tensors have Real-ESRGAN's names
 * @returns a graph. Input: `picture` [B, 3, H, W] in 0..1, whose sides are multiples of `fold`. Output: `enlarged`
 *   [B, 3, s x H, s x W] with s = 2^doublings / fold, not clamped
 */
export function rrdbGraph(component: Component, config: RrdbConfig, target: Target = PORTABLE): Graph {
  const { features, blocks, doublings, shuffles, fold } = config;
  const b = new GraphBuilder('upscaler', component, target);
  const picture = b.input('picture', 'float', ['batch', CHANNELS, 'height', 'width']);
  const folded = fold === 1 ? picture : unshuffle(b, picture, fold);
  const first = conv(b, b.enter(folded), 'conv_first', CHANNELS * fold ** 2, features);
  let x = first;
  for (let i = 0; i < blocks; i++) x = residualBlock(b, x, `body.${i}`, config);
  x = b.op('Add', [conv(b, x, 'conv_body', features, features), first]);
  for (let i = 1; i <= doublings; i++) {
    const name = `conv_up${i}`;
    x = shuffles
      ? shuffle(b, conv(b, x, name, features, 4 * features))
      : conv(b, upsample(b, x), name, features, features);
    x = leaky(b, x);
  }
  x = leaky(b, conv(b, x, 'conv_hr', features, features));
  const enlarged = b.leave(conv(b, x, 'conv_last', features, CHANNELS));
  b.output('enlarged', enlarged, ['batch', CHANNELS, 'enlarged_height', 'enlarged_width']);
  return b.finish();
}

function residualBlock(b: GraphBuilder, x: Value, name: string, config: RrdbConfig): Value {
  let inner = x;
  for (let i = 1; i <= DENSE_BLOCKS; i++) inner = denseBlock(b, inner, `${name}.rdb${i}`, config);
  return b.op('Add', [shrink(b, inner, config.features), x]);
}

/** Each convolution sees what all before it have made. */
function denseBlock(
  b: GraphBuilder,
  x: Value,
  name: string,
  { features, growth, shortcuts }: RrdbConfig,
): Value {
  const seen: Value[] = [x];
  const all = () => (seen.length === 1 ? x : b.op('Concat', [...seen], { axis: b.channelAxis }));
  const channels = () => features + (seen.length - 1) * growth;
  for (let i = 1; i <= 4; i++) {
    let made = leaky(b, conv(b, all(), `${name}.conv${i}`, channels(), growth));
    if (shortcuts && i === 2) {
      const direct = conv(b, x, `${name}.conv1x1`, features, growth, { kernel: 1, bias: false });
      made = b.op('Add', [made, direct]);
    }
    if (shortcuts && i === 4) made = b.op('Add', [made, seen[2]!]);
    seen.push(made);
  }
  const made = conv(b, all(), `${name}.conv5`, channels(), features);
  return b.op('Add', [b.op('Mul', [made, b.numbers([SHARE], [])]), x]);
}

/**
 * The share of what three dense blocks have made. As a product it would lie between convolutions that onnxruntime's CPU
 * runs on blocks of channels, and put every image behind it out of these blocks and back again, at each convolution; a
 * convolution of one pixel and one channel stays within them.
 */
function shrink(b: GraphBuilder, x: Value, features: number): Value {
  if (b.target.channelsLast || !b.target.oddChannels) return b.op('Mul', [x, b.numbers([SHARE], [])]);
  const weights = b.numbers(new Array<number>(features).fill(SHARE), [features, 1, 1, 1]);
  const how = { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] };
  return b.op('Conv', [x, weights], { ...how, group: features });
}

const leaky = (b: GraphBuilder, x: Value): Value => b.op('LeakyRelu', [x], { alpha: { float: LEAK } });

/** Channels to pixels, as torch's PixelShuffle. */
function shuffle(b: GraphBuilder, x: Value): Value {
  const larger = b.op('DepthToSpace', [b.leave(x)], { blocksize: 2, mode: 'CRD' });
  return b.target.channelsLast ? b.op('Transpose', [larger], { perm: [0, 2, 3, 1] }) : larger;
}

/** Pixels to channels, as torch's PixelUnshuffle: SpaceToDepth has the colours innermost, torch outermost. */
function unshuffle(b: GraphBuilder, picture: Value, fold: number): Value {
  const places = fold ** 2;
  const order = Array.from(
    { length: CHANNELS * places },
    (_, i) => (i % places) * CHANNELS + Math.floor(i / places),
  );
  const folded = b.op('SpaceToDepth', [picture], { blocksize: fold });
  return b.op('Gather', [folded, b.ints(order)], { axis: 1 });
}
