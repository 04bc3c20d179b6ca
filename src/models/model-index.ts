/** model_index.json: the pipeline of a folder, and the class of each of its parts. */
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { classOf, type Family, type ModelIndex } from './families/family.ts';
import { FAMILIES } from './families/index.ts';
import type { ModelFiles } from './files.ts';

/** @throws DarkroomError('bad_model' | 'unsupported') that names file, part and class */
export async function readModelIndex(files: ModelFiles): Promise<{ family: Family; index: ModelIndex }> {
  const label = basename(files.folder);
  if (!(await files.has('model_index.json'))) throw await noIndex(files, label);
  const index = await files.json('model_index.json');
  const pipeline = index['_class_name'];
  const found = FAMILIES.find(({ pipelines }) => pipelines.test(String(pipeline)));
  if (found === undefined) {
    const known = FAMILIES.map(({ title }) => title).join(', ');
    throw new DarkroomError(
      'unsupported',
      `${label}/model_index.json: _class_name is ${JSON.stringify(pipeline)}; this version of Darkroom runs ${known}.`,
    );
  }
  for (const [part, classes] of Object.entries(found.parts)) checkPart(label, index, part, classes);
  return { family: found, index };
}

function checkPart(
  label: string,
  index: ModelIndex,
  part: string,
  classes: readonly (string | null)[],
): void {
  const found = classOf(index, part);
  // A fast tokenizer gives the same tokens.
  if (classes.some((known) => found === known || (known !== null && found === `${known}Fast`))) return;
  throw new DarkroomError(
    'unsupported',
    `${label}/model_index.json: ${part} is ${JSON.stringify(index[part] ?? null)}; this version of Darkroom supports ${classes[0]}.`,
  );
}

async function noIndex(files: ModelFiles, label: string): Promise<DarkroomError> {
  const single = (await files.list('.')).find((file) => /\.(ckpt|pt|pth|bin|safetensors)$/.test(file));
  return new DarkroomError(
    'bad_model',
    single === undefined
      ? `${label} holds no model_index.json; a model is a folder in diffusers' layout.`
      : `${label} holds ${single} but no model_index.json. Convert it to a diffusers folder with safetensors weights first.`,
  );
}
