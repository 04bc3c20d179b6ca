/** The safety checker of a model folder, and the file that says how it wants its pictures. */
import type { Component } from '../graph/component.ts';
import { readSafetyCheckerConfig, type SafetyCheckerConfig } from '../graph/safety-checker.ts';
import { classOf, type ModelIndex } from './parts.ts';
import type { ModelSource } from './source.ts';

/** Read only where pictures are checked: a checker that cannot be used is no reason not to draw with the model. */
export interface SafetyPart {
  /** Real path of the model's folder. */
  readonly folder: string;
  /** @throws DarkroomError('bad_model' | 'unsupported') naming file and key */
  open(): Promise<{
    readonly component: Component;
    readonly config: SafetyCheckerConfig;
    /** preprocessor_config.json; empty where there is none. */
    readonly preprocessor: Readonly<Record<string, unknown>>;
    /** Its name in sentences. */
    readonly label: string;
  }>;
}

const CLASS = 'StableDiffusionSafetyChecker';
const FILE = 'feature_extractor/preprocessor_config.json';

/** @returns undefined where the folder has none, or its index names none: people take it out so */
export async function findSafetyChecker(
  files: ModelSource,
  index: ModelIndex,
): Promise<SafetyPart | undefined> {
  if (classOf(index, 'safety_checker') !== CLASS) return undefined;
  if (!(await files.has('safety_checker/config.json'))) return undefined;
  return safetyChecker(files);
}

/** Of a folder that holds `safety_checker`. */
export function safetyChecker(files: ModelSource): SafetyPart {
  return {
    folder: files.folder,
    async open() {
      const component = await files.component('safety_checker', 'model');
      const config = readSafetyCheckerConfig(component);
      const preprocessor = (await files.has(FILE)) ? await files.json(FILE) : {};
      return { component, config, preprocessor, label: files.label(FILE) };
    },
  };
}
