/**
 * Detectors of depth and poses that a user has put into a folder: depth.onnx or pose.onnx, each with a JSON file next to
 * it (DetectorCard). A session is opened at its first picture and kept.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeText } from '../../decode-text.ts';
import { DarkroomError } from '../../errors.ts';
import {
  type DetectorCard,
  type DetectorKind,
  type Detectors,
  type DetectorTensor,
  depthPicture,
  detectedBodies,
  detectorInput,
  parseDetectorCard,
} from '../../image/detector.ts';
import type { Raster } from '../../image/resample.ts';
import { type PlainKey, sentence } from '../../sentences.ts';
import type { Device } from '../device.ts';
import { openSession, type Session } from '../session.ts';

/** With what a user can do instead. */
const MISSING = {
  depth: 'control.no_depth_detector',
  pose: 'control.no_pose_detector',
} as const satisfies Readonly<Record<DetectorKind, PlainKey>>;

interface DetectorFolder extends Detectors {
  /** Of those that are open, as their files are. */
  readonly bytes: number;
  /** Frees the models; a later picture opens them again. */
  close(): Promise<void>;
}

interface Opened {
  readonly card: DetectorCard;
  readonly session: Session;
  readonly bytes: number;
}

/**
 * @param folder DARKROOM_DETECTORS; without one each call is refused with how to add one
 */
export function openDetectors(folder: string | undefined, device: Device): DetectorFolder {
  const opened = new Map<DetectorKind, Promise<Opened>>();
  const sizes = new Map<DetectorKind, number>();
  const detect = async (kind: DetectorKind, picture: Raster): Promise<[DetectorTensor, DetectorCard]> => {
    const opening = opened.get(kind) ?? open(folder, kind, device);
    opened.set(kind, opening);
    // A folder that was mended is read again at the next picture.
    opening.catch(() => opened.delete(kind));
    const { card, session, bytes } = await opening;
    sizes.set(kind, bytes);
    const { input = session.inputNames[0]!, output = session.outputNames[0]! } = card;
    const answer = await session.run({ [input]: detectorInput(picture, card) }, [output]);
    return [answer[output]!, card];
  };
  return {
    get bytes() {
      return sizes.values().reduce((sum, size) => sum + size, 0);
    },
    async depth(picture) {
      return depthPicture(...(await detect('depth', picture)), picture);
    },
    async pose(picture) {
      return detectedBodies(...(await detect('pose', picture)), picture);
    },
    async close() {
      const all = [...opened.values()];
      opened.clear();
      sizes.clear();
      for (const found of await Promise.allSettled(all)) {
        if (found.status === 'fulfilled') await found.value.session.close();
      }
    },
  };
}

async function open(folder: string | undefined, kind: DetectorKind, device: Device): Promise<Opened> {
  if (folder === undefined) throw missing(kind, 'set DARKROOM_DETECTORS to it');
  const read = async (name: string) => {
    try {
      return await readFile(join(folder, name));
    } catch (cause) {
      throw missing(kind, `that folder is DARKROOM_DETECTORS, and ${name} cannot be read there`, cause);
    }
  };
  const bytes = await read(`${kind}.onnx`);
  const card = parseDetectorCard(kind, decodeText(await read(`${kind}.json`)));
  const session = await openSession({ bytes, folder }, device).catch((cause: unknown) => {
    throw new DarkroomError('bad_model', sentence('control.detector_unloaded', { kind }), {
      cause,
    });
  });
  for (const [field, names] of [
    ['input', session.inputNames],
    ['output', session.outputNames],
  ] as const) {
    const name = card[field];
    if (name === undefined || names.includes(name)) continue;
    await session.close();
    throw new DarkroomError(
      'misconfigured',
      sentence('control.detector_names', { kind, field, name, names: names.join(', ') }),
    );
  }
  return { card, session, bytes: bytes.length };
}

function missing(kind: DetectorKind, where: string, cause?: unknown): DarkroomError {
  const hint = new Error(`put ${kind}.onnx and ${kind}.json into a folder (${where})`, { cause });
  return new DarkroomError('unsupported', sentence(MISSING[kind]), { cause: hint });
}
