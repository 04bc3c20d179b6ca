/** An upscaler in a file of its own: which network it is, told by its tensors, and its graph. */
import { DarkroomError } from '../../errors.ts';
import type { Component, Graph } from '../../graph/component.ts';
import { rrdbGraph } from '../../graph/rrdb.ts';
import type { Target } from '../../graph/target.ts';
import { compactGraph } from '../../graph/upscaler.ts';
import { type Tensors, under } from '../checkpoint/tensors.ts';
import { readWeights } from '../weights.ts';
import { foreignUpscaler } from './foreign.ts';
import { isRrdb, readRrdb, withNewNames } from './rrdb.ts';

/** A network that enlarges pictures. */
interface UpscalerNetwork {
  readonly architecture: 'ESRGAN' | 'Compact';
  /** How many times longer it makes the sides; 1 for one that only restores. */
  readonly scale: number;
  /** What the sides of its input are multiples of. */
  readonly multiple: number;
  readonly tensors: Tensors;
  /** Input: `picture` [1, 3, H, W] in 0..1. Output: `enlarged`, not clamped. */
  graph(target: Target): Graph;
}

/** Of the sides. */
const MOST_SCALE = 8;
/** Blocks or convolutions. The largest that people use have 64. */
const MOST_LAYERS = 200;
const COLOURS = 3;
/** What programs put before all names of a file. */
const PREFIXES = ['params_ema.', 'params.', 'module.', 'netG.', 'generator.', 'net.'];

/** What an upscaler's file is: a network that runs here, or the name of one that does not. */
export type FoundUpscaler =
  | { readonly network: UpscalerNetwork }
  | { readonly foreign: string }
  | { readonly refusal: string };

/**
 * @param label the file's name, as a sentence says it
 * @returns undefined where it is no upscaler
 */
export function findUpscaler(all: Tensors, label: string): FoundUpscaler | undefined {
  const tensors = withoutPrefixes(all);
  const foreign = foreignUpscaler(tensors);
  if (foreign !== undefined) return { foreign };
  const found = isRrdb(tensors)
    ? readEsrgan(withNewNames(tensors), label)
    : isCompact(tensors)
      ? readCompact(tensors, label)
      : undefined;
  if (typeof found !== 'string') return found && { network: found };
  return { refusal: `The upscaler ${label} cannot be used: ${found}.` };
}

/**
 * @throws DarkroomError('not_found' | 'bad_model') where the file cannot be read or is none, ('unsupported') for a network
 *   of another architecture
 */
export async function openUpscaler(path: string): Promise<UpscalerNetwork> {
  const { tensors, label } = await readWeights(path);
  const found = findUpscaler(tensors, label);
  if (found === undefined) throw new DarkroomError('bad_model', `${label} is no upscaler.`);
  if ('network' in found) return found.network;
  throw new DarkroomError('unsupported', 'refusal' in found ? found.refusal : refuse(label, found.foreign));
}

export const refuse = (label: string, architecture: string): string =>
  `${label} is an upscaler of the architecture ${architecture}, which this version of Darkroom does not run. It runs ESRGAN and Compact.`;

function withoutPrefixes(tensors: Tensors): Tensors {
  let rest = tensors;
  for (const prefix of PREFIXES) {
    const inner = under(rest, prefix);
    if (inner.size > 0 && inner.size === rest.size) rest = inner;
  }
  return rest;
}

function readEsrgan(tensors: Tensors, label: string): UpscalerNetwork | string {
  const config = readRrdb(tensors);
  if (typeof config === 'string') return config;
  if (config.blocks > MOST_LAYERS) return layersSentence(config.blocks);
  const scale = 2 ** config.doublings / config.fold;
  if (!Number.isInteger(scale) || scale > MOST_SCALE) return scaleSentence(scale);
  const component: Component = { configFile: label, config: {}, tensors };
  return {
    architecture: 'ESRGAN',
    scale,
    multiple: config.fold,
    tensors,
    graph: (target) => rrdbGraph(component, config, target),
  };
}

/** Convolutions with a PReLU behind each but the last, and nothing else. */
function isCompact(tensors: Tensors): boolean {
  const first = tensors.get('body.0.weight')?.shape;
  return (
    first?.length === 4 &&
    tensors.get('body.1.weight')?.shape.length === 1 &&
    [...tensors.keys()].every((name) => /^body\.\d+\.(weight|bias)$/.test(name))
  );
}

function readCompact(tensors: Tensors, label: string): UpscalerNetwork | string {
  const last = Math.max(...Array.from(tensors.keys(), (name) => Number(name.split('.')[1])));
  const [features = 0, inputs = 0] = tensors.get('body.0.weight')!.shape;
  const outputs = tensors.get(`body.${last}.weight`)?.shape[0] ?? 0;
  const upscale = Math.sqrt(outputs / COLOURS);
  if (inputs !== COLOURS || !Number.isInteger(upscale)) {
    return `it reads ${inputs} and writes ${outputs} channels, and pictures in colour have ${COLOURS}`;
  }
  const numConv = last / 2 - 1;
  if (upscale > MOST_SCALE) return scaleSentence(upscale);
  if (!Number.isInteger(numConv) || numConv > MOST_LAYERS) return layersSentence(numConv);
  const component: Component = { configFile: label, config: {}, tensors };
  const config = { numFeat: features, numConv, upscale, actType: 'prelu' } as const;
  return {
    architecture: 'Compact',
    scale: upscale,
    multiple: 1,
    tensors,
    graph: (target) => compactGraph(component, config, target),
  };
}

const layersSentence = (layers: number) => `it has ${layers} layers; up to ${MOST_LAYERS} are possible`;
const scaleSentence = (scale: number) =>
  `it makes the sides ${scale} times longer; 1 to ${MOST_SCALE} times are possible`;
