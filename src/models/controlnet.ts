/** ControlNet folders: config.json and safetensors. A model can have its own as controlnets/KIND. */
import { basename, join } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { Component } from '../graph/component.ts';
import { ModelFiles } from './files.ts';
import type { ModelSource } from './source.ts';

/** The folders under controlnets/ by their names, which are the kinds of pictures they read: canny, openpose. */
export async function modelControlnets(files: ModelSource): Promise<Map<string, string>> {
  const kinds = await files.list('controlnets');
  return new Map(kinds.map((kind) => [kind, join(files.folder, 'controlnets', kind)]));
}

export interface ControlnetFiles {
  readonly component: Component;
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

/**
 * @param path of a folder that holds a ControlNet's config.json and weights
 * @throws DarkroomError('not_found' | 'bad_model'), ('unsupported') for another class, which it names
 */
export async function openControlnet(path: string): Promise<ControlnetFiles> {
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
  return { component, version: files.version };
}

/** Whether a folder may hold a ControlNet; openControlnet says what it holds. */
export async function isControlnetFolder(path: string): Promise<boolean> {
  const files = await ModelFiles.at(path).catch(() => undefined);
  return (await files?.has('config.json')) ?? false;
}
