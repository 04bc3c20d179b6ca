/** What looks at finished pictures where an admin wants it. */
import { stat } from 'node:fs/promises';
import { DarkroomError } from '../../errors.ts';
import { ModelFiles } from '../../models/files.ts';
import { safetyChecker } from '../../models/safety.ts';
import type { ModelSpec } from '../../models/spec.ts';
import { sentence } from '../../sentences.ts';
import type { Device } from '../device.ts';
import { openSafetyChecker, type PictureCheck, safetyCheckerBytes } from './checker.ts';
import { openClassifier, readClassifierCard } from './classifier.ts';

export type { PictureCheck } from './checker.ts';

/** Model folders whose checkers are open at once; most are copies of one and the same. */
const MOST_OPEN = 1;
const CLASSIFIER = 'classifier';

/** The checks of one engine, each opened when it is first needed. */
export class Checks {
  readonly #classifier: string | undefined;
  readonly #device: Device;
  readonly #open = new Map<string, Promise<PictureCheck>>();
  /** Bytes of those that are open, while they look. */
  bytes = 0;

  /** @param classifier DARKROOM_CLASSIFIER */
  constructor(classifier: string | undefined, device: Device) {
    this.#classifier = classifier;
    this.#device = device;
  }

  /**
   * Opens what looks at a model's pictures: the operator's classifier, else the model's own checker.
   * @throws DarkroomError('unsupported') where there is neither: nothing is drawn then
   */
  async of({ safetyChecker: part, name }: Pick<ModelSpec, 'safetyChecker' | 'name'>): Promise<PictureCheck> {
    const classifier = this.#classifier;
    if (classifier !== undefined)
      return await this.#kept(CLASSIFIER, () => openCheck(classifier, this.#device));
    if (part === undefined)
      throw new DarkroomError('unsupported', sentence('moderation.no_checker', { model: name }));
    return await this.#kept(part.folder, () => openSafetyChecker(part, this.#device));
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    this.bytes = 0;
    for (const one of await Promise.allSettled(all)) {
      if (one.status === 'fulfilled') await one.value.close();
    }
  }

  async #kept(key: string, open: () => Promise<PictureCheck>): Promise<PictureCheck> {
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    if (this.#open.size >= MOST_OPEN) await this.close();
    const opening = open();
    this.#open.set(key, opening);
    // Files that were mended are read again at the next picture.
    opening.then(
      ({ bytes }) => {
        this.bytes += bytes;
      },
      () => this.#open.delete(key),
    );
    // Whoever asked for a picture is not told of files: the log is.
    return opening.catch((cause: unknown) => {
      throw new DarkroomError('engine_failed', sentence('moderation.unchecked'), { cause });
    });
  }
}

/** @param path an ONNX file, or a folder that holds `safety_checker` @throws DarkroomError for files that cannot be used */
export async function openCheck(path: string, device: Device): Promise<PictureCheck> {
  if (!(await isFolder(path))) return openClassifier(path, device);
  return openSafetyChecker(safetyChecker(await ModelFiles.at(path)), device);
}

/**
 * Bytes that whatever looks at a model's pictures takes while it looks; 0 where nothing can look, or its files cannot be used:
 * the job that needs it is told.
 * @param classifier DARKROOM_CLASSIFIER
 */
export async function bytesToCheck(
  classifier: string | undefined,
  { safetyChecker: own }: Pick<ModelSpec, 'safetyChecker'>,
  device: Device,
): Promise<number> {
  try {
    if (classifier === undefined) return own === undefined ? 0 : await safetyCheckerBytes(own, device);
    if (!(await isFolder(classifier))) return (await stat(classifier)).size;
    return await safetyCheckerBytes(safetyChecker(await ModelFiles.at(classifier)), device);
  } catch {
    return 0;
  }
}

/** For the start: whether the file is one, and the JSON beside it can be read. @throws DarkroomError in one sentence */
export async function requireClassifier(path: string): Promise<void> {
  if (await isFolder(path)) await safetyChecker(await ModelFiles.at(path)).open();
  else await readClassifierCard(path);
}

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
