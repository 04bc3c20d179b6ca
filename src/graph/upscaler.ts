/**
 * SRVGGNetCompact, Real-ESRGAN's small network that enlarges a finished picture (Wang et al. 2021,
 * https://github.com/xinntao/Real-ESRGAN): convolutions at the small size, and what they add to the repeated pixels.
 */
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph } from './component.ts';
import { ConfigReader } from './config.ts';
import { conv } from './layers.ts';
import { PORTABLE, type Target } from './target.ts';

/** Of the sides. */
const UPSCALE = { min: 1, max: 4 } as const;
const CHANNELS = 3;
/** Slope below zero, as in Real-ESRGAN. */
const LEAK = 0.1;

interface UpscalerConfig {
  readonly numFeat: number;
  readonly numConv: number;
  /** How many times longer the sides become. */
  readonly upscale: number;
  readonly actType: 'relu' | 'leakyrelu' | 'prelu';
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readUpscalerConfig(component: Component): UpscalerConfig {
  const reader = new ConfigReader(component);
  reader.only({ num_in_ch: CHANNELS, num_out_ch: CHANNELS });
  const config: UpscalerConfig = {
    numFeat: reader.integer('num_feat', 64),
    numConv: reader.integer('num_conv', 16),
    upscale: reader.integer('upscale', 4),
    actType: reader.choice('act_type', ['relu', 'leakyrelu', 'prelu'], 'prelu'),
  };
  reader.finish();
  if (config.upscale < UPSCALE.min || config.upscale > UPSCALE.max) {
    throw reader.contradiction('upscale', `it must be from ${UPSCALE.min} to ${UPSCALE.max}`);
  }
  return config;
}

/** Input: `picture` [B, 3, H, W] in 0..1. Output: `enlarged` [B, 3, upscale x H, upscale x W], not clamped. */
export const upscalerGraph = (component: Component, target: Target = PORTABLE): Graph =>
  compactGraph(component, readUpscalerConfig(component), target);

/** The same for a network whose tensors say what its config would. */
export function compactGraph(
  component: Component,
  { numFeat, numConv, upscale, actType }: UpscalerConfig,
  target: Target = PORTABLE,
): Graph {
  const b = new GraphBuilder('upscaler', component, target);
  const picture = b.input('picture', 'float', ['batch', CHANNELS, 'height', 'width']);
  let x = b.enter(picture);
  for (let i = 0; i <= numConv; i++) {
    x = conv(b, x, `body.${2 * i}`, i === 0 ? CHANNELS : numFeat, numFeat);
    x = activation(b, x, actType, `body.${2 * i + 1}`, numFeat);
  }
  x = conv(b, x, `body.${2 * numConv + 2}`, numFeat, CHANNELS * upscale ** 2);
  const detail = b.op('DepthToSpace', [b.leave(x)], { blocksize: upscale, mode: 'CRD' });
  const how = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  const repeated = b.op('Resize', [b.narrow(picture), '', b.floats([1, 1, upscale, upscale])], how);
  b.output('enlarged', b.op('Add', [detail, repeated]), [
    'batch',
    CHANNELS,
    'enlarged_height',
    'enlarged_width',
  ]);
  return b.finish();
}

function activation(
  b: GraphBuilder,
  x: Value,
  kind: UpscalerConfig['actType'],
  name: string,
  channels: number,
): Value {
  if (kind === 'relu') return b.op('Relu', [x]);
  if (kind === 'leakyrelu') return b.op('LeakyRelu', [x], { alpha: { float: LEAK } });
  const slope = b.weight(`${name}.weight`, [channels]);
  const shape = b.target.channelsLast ? [channels] : [channels, 1, 1];
  return b.op('PRelu', [x, b.op('Reshape', [slope, b.ints(shape)])]);
}
