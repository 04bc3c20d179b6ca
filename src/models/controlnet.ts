/** ControlNet folders: config.json beside safetensors; a model may bring its own as controlnets/KIND. */
import { join } from 'node:path';
import type { Component } from '../graph/component.ts';
import { ModelFiles } from './files.ts';

/** The folders under controlnets/ by their names, which are the kinds of pictures they read: canny, openpose. */
export async function modelControlnets(files: ModelFiles): Promise<Map<string, string>> {
  const kinds = await files.list('controlnets').catch(() => []);
  return new Map(kinds.map((kind) => [kind, join(files.folder, 'controlnets', kind)]));
}

/**
 * @param path of a folder that holds a ControlNet's config.json and weights
 * @throws DarkroomError('not_found' | 'bad_model')
 */
export async function openControlnet(path: string): Promise<Component> {
  const files = await ModelFiles.at(path);
  return files.component('.', 'diffusion_pytorch_model');
}
