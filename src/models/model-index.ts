/** model_index.json: the pipeline of a folder, and the class of each of its parts. */
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { isBookkeeping } from '../graph/config.ts';
import { type SamplerName, samplerOfConfig } from '../request.ts';
import type { Family } from './families/family.ts';
import { FAMILIES } from './families/index.ts';
import { classOf, type ModelIndex } from './parts.ts';
import type { ModelSource } from './source.ts';

/**
 * Parts that change no picture here: they check what was drawn, or read pictures for IP-Adapters and ControlNets, which
 * a request names by themselves.
 */
const UNUSED_PARTS = ['safety_checker', 'feature_extractor', 'image_encoder', 'controlnet'];

/** @throws DarkroomError('bad_model' | 'unsupported') that names file, part and class */
export async function readModelIndex(files: ModelSource): Promise<{ family: Family; index: ModelIndex }> {
  const label = basename(files.folder);
  if (!(await files.has('model_index.json'))) throw await noIndex(files, label);
  const index = await files.json('model_index.json');
  return { family: familyOfPipeline(index, label), index };
}

/**
 * The parts of a pipeline that are read, by the names of their folders.
 * @param label of the model, in sentences
 * @throws DarkroomError('unsupported') for a pipeline or part that this version cannot draw with
 */
export function partsOfPipeline(index: ModelIndex, label: string): string[] {
  const { parts } = familyOfPipeline(index, label);
  return [...Object.keys(parts), 'scheduler'].filter((part) => classOf(index, part) !== null);
}

function familyOfPipeline(index: ModelIndex, label: string): Family {
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
  const known = [...Object.keys(found.parts), ...UNUSED_PARTS, 'scheduler'];
  for (const part of Object.keys(index)) {
    if (!known.includes(part) && classOf(index, part) !== null) checkPart(label, index, part, [null]);
  }
  return found;
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
    `${label}/model_index.json: ${part} is ${JSON.stringify(index[part] ?? null)}; this version of Darkroom supports ${classes[0] ?? 'no such part'}.`,
  );
}

/** Options that diffusers' schedulers had until 2022, and no longer read. */
const FORMER_OPTIONS = ['tensor_format', 'timestep_values'];

const isIdle = (key: string) => isBookkeeping(key) || FORMER_OPTIONS.includes(key);

export interface SchedulerPart {
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  /** The sampler of its class. */
  readonly sampler: SamplerName;
}

/**
 * scheduler_config.json as the class that the index names: that one wins over the file's own, as in diffusers.
 * @throws DarkroomError('unsupported') where no sampler is of that class
 */
export async function readScheduler(files: ModelSource, index: ModelIndex): Promise<SchedulerPart> {
  const file = 'scheduler/scheduler_config.json';
  const own = Object.fromEntries(
    Object.entries(await files.json(file)).filter(([key]) => key === '_class_name' || !isIdle(key)),
  );
  const named = classOf(index, 'scheduler');
  const schedulerConfig = named === null ? own : { ...own, _class_name: named };
  const sampler = samplerOfConfig(schedulerConfig);
  if (sampler !== undefined) return { schedulerConfig, sampler };
  const source = named === null ? file : 'model_index.json';
  throw new DarkroomError(
    'unsupported',
    `${basename(files.folder)}/${source}: the scheduler is ${JSON.stringify(schedulerConfig['_class_name'] ?? null)}; this version of Darkroom has no sampler of that class.`,
  );
}

async function noIndex(files: ModelSource, label: string): Promise<DarkroomError> {
  const single = (await files.list('.')).find((file) => /\.(ckpt|pt|pth|bin|safetensors)$/.test(file));
  return new DarkroomError(
    'bad_model',
    single === undefined
      ? `${label} holds no model_index.json; a model is a folder in diffusers' layout.`
      : `${label} holds ${single} but no model_index.json. Name that file as the model, or put the folder into DARKROOM_MODELS.`,
  );
}
