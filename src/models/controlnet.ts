/**
 * ControlNets: folders with config.json and weights, of which a model can have its own as controlnets/KIND, and the single
 * files of A1111 and ComfyUI.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { Component } from '../graph/component.ts';
import type { ControlKind } from '../request.ts';
import {
  findControlnet,
  lackingControlnet,
  otherControl,
  readControlnetPart,
} from './checkpoint/controlnet.ts';
import { requireWhole } from './checkpoint/whole.ts';
import { ModelFiles } from './files.ts';
import { SeenFiles } from './seen.ts';
import { readSmallText } from './small-file.ts';
import type { ModelSource } from './source.ts';
import { readWeights, type Weights } from './weights.ts';

/** The folders under controlnets/ by their names, which are the kinds of pictures they read: canny, openpose. */
export async function modelControlnets(files: ModelSource): Promise<Map<string, string>> {
  const kinds = await files.list('controlnets');
  return new Map(kinds.map((kind) => [kind, join(files.folder, 'controlnets', kind)]));
}

interface ControlnetFiles {
  readonly component: Component;
  /** A single file: its config says only what the shapes of its tensors tell. */
  readonly isFile: boolean;
  /** Another one for each change of the files. */
  readonly version: string;
}

/** Other networks that diffusers saves in the same form, by the names that people know. */
const OTHERS: readonly (readonly [className: RegExp, what: string])[] = [
  [/^ControlNetUnionModel$/, 'a ControlNet-Union, which reads many kinds of control images'],
  [/^MultiControlNet/, 'several ControlNets in one'],
  [/ControlNetXS/, 'a ControlNet-XS'],
  [/^T2IAdapter$/, 'a T2I-Adapter'],
  [/^SD3ControlNetModel$/, 'a ControlNet of Stable Diffusion 3'],
  [/^SparseControlNetModel$/, 'a ControlNet for video'],
  [/^(\w+?)(Multi)?ControlNetModel$/, 'a ControlNet of another family of models'],
];

const RUNS = 'This version of Darkroom runs ControlNets of Stable Diffusion 1, 2 and XL.';

/** Why a file of a control network is not run, as a sentence; undefined where it is a ControlNet, or no control network. */
export function controlRefusal({ tensors, label }: Pick<Weights, 'tensors' | 'label'>): string | undefined {
  const other = otherControl(tensors);
  return other && `${label} is ${other}. ${RUNS}`;
}

/**
 * @param path of a folder that holds a ControlNet's config.json and weights, or of a single file
 * @throws DarkroomError('not_found' | 'bad_model'), ('unsupported') for another class or network, which it names
 */
export async function openControlnet(path: string): Promise<ControlnetFiles> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? openFile(path) : openFolder(path);
}

async function openFile(path: string): Promise<ControlnetFiles> {
  const seen = new SeenFiles();
  await seen.note(path);
  const weights = await readWeights(path);
  const component = await controlnetOf(weights, path, seen);
  if (component !== undefined) return { component, isFile: true, version: seen.version };
  throw new DarkroomError('bad_model', `${weights.label} holds no ControlNet.`);
}

/**
 * The ControlNet in a file; undefined where it holds none.
 * @param path as the operator's folder names it: a NAME.yaml beside it may say more
 * @throws DarkroomError('unsupported') for another kind of control network, ('bad_model') for a part of one
 */
export async function controlnetOf(
  weights: Weights,
  path: string,
  seen: SeenFiles,
): Promise<Component | undefined> {
  const refusal = controlRefusal(weights);
  if (refusal !== undefined) throw new DarkroomError('unsupported', refusal);
  const own = findControlnet(weights.tensors);
  if (own === undefined) return undefined;
  requireWhole(weights.label, 'ControlNet', lackingControlnet(own));
  const { tensors, config } = readControlnetPart(own);
  const pools = await poolsConditions(path, seen);
  return {
    configFile: `controlnet of ${weights.label}`,
    config: { ...config, ...(pools && { global_pool_conditions: true }) },
    tensors,
  };
}

/**
 * Whether it averages its features over the picture, as the one for shuffled pictures does. The weights do not tell: A1111
 * reads the yaml of its authors, ComfyUI goes by the name.
 */
async function poolsConditions(path: string, seen: SeenFiles): Promise<boolean> {
  const { name } = parse(path);
  const yaml = await readSmallText(join(dirname(path), `${name}.yaml`), seen, `${name}.yaml`);
  const said = yaml && /^\s*global_average_pooling:\s*(true|false)\s*(#.*)?$/im.exec(yaml)?.[1];
  return said ? said.toLowerCase() === 'true' : /_shuffle(_fp16)?$/i.test(name);
}

async function openFolder(path: string): Promise<ControlnetFiles> {
  const files = await ModelFiles.at(path);
  const { _class_name: className = 'ControlNetModel' } = await files.json('config.json');
  if (className !== 'ControlNetModel') {
    const what = OTHERS.find(([pattern]) => pattern.test(String(className)))?.[1] ?? 'no ControlNet';
    throw new DarkroomError(
      'unsupported',
      `${basename(files.folder)}/config.json: _class_name is ${JSON.stringify(className)}: ${what}. This version of Darkroom runs ControlNetModel, for Stable Diffusion 1, 2 and XL.`,
    );
  }
  const component = await files.component('.', 'diffusion_pytorch_model');
  return { component, isFile: false, version: files.version };
}

/** How names of published ControlNets call what their pictures show: `control_v11p_sd15_canny`, `t2i_openposeXL2`. */
const KIND_WORDS: readonly (readonly [word: RegExp, kind: ControlKind])[] = [
  [/canny/i, 'canny'],
  [/openpose|(?<![a-z])pose(?![a-z])|dw_?pose/i, 'openpose'],
  [/line_?art/i, 'lineart'],
  [/scribble/i, 'scribble'],
  [/depth/i, 'depth'],
];

/** What the pictures of a ControlNet show, guessed from its names; undefined where they say nothing, or several things. */
export function controlKindOf(names: readonly string[]): ControlKind | undefined {
  for (const name of names) {
    const said = KIND_WORDS.filter(([word]) => word.test(name));
    if (said.length === 1) return said[0]![1];
  }
  return undefined;
}

/** Whether a folder may hold a ControlNet; openControlnet says what it holds. */
export async function isControlnetFolder(path: string): Promise<boolean> {
  const files = await ModelFiles.at(path).catch(() => undefined);
  return (await files?.has('config.json')) ?? false;
}
