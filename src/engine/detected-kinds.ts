/** Which control pictures can be made of a photo on this machine, and the detectors that do. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DetectorKind } from '../image/detector.ts';
import { isKeypoints } from '../image/pose-file.ts';
import { readBesides } from '../models/inventory/beside.ts';
import type { ControlKind, GenerationRequest } from '../request.ts';

/** What needs no detector. */
const DRAWN: readonly ControlKind[] = ['canny', 'scribble', 'lineart'];

const DETECTORS = ['depth', 'pose'] as const satisfies readonly DetectorKind[];

/** @param folder DARKROOM_DETECTORS */
export function detectedKinds(folder: string | undefined): ControlKind[] {
  const has = (name: string) => folder !== undefined && existsSync(join(folder, `${name}.onnx`));
  return [
    ...DRAWN,
    ...(has('depth') ? ['depth' as const] : []),
    ...(has('pose') ? ['openpose' as const] : []),
  ];
}

export interface DetectorFile {
  readonly kind: 'detector';
  readonly name: DetectorKind;
  readonly path: string;
  readonly bytes: number;
  /** As its JSON file says: `licence`, `commercial_use`. */
  readonly licence?: string;
  readonly commercial?: boolean;
}

/** The detectors that are installed, with what is known of their licences. */
export async function detectorFiles(folder: string | undefined): Promise<DetectorFile[]> {
  if (folder === undefined) return [];
  const all = await Promise.all(
    DETECTORS.map(async (name) => {
      const path = join(folder, `${name}.onnx`);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) return [];
      const { licence, commercial } = await readBesides(folder, [`${name}.json`]);
      return {
        ...{ kind: 'detector' as const, name, path, bytes: found.size },
        ...(licence !== undefined && { licence }),
        ...(commercial !== undefined && { commercial }),
      };
    }),
  );
  return all.flat();
}

/**
 * The detectors that a request asks for: of depth for a photo; of poses for one that is neither a pose's name nor a file
 * of keypoints.
 * @param pictureOf a control picture by its reference; one that has not come yet asks for no detector of poses
 */
export async function detectorsOf(
  { controls }: Pick<GenerationRequest, 'controls'>,
  pictureOf: (reference: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
): Promise<ReadonlySet<DetectorKind>> {
  const kinds = new Set<DetectorKind>();
  for (const control of controls) {
    if (control.kind === 'depth') kinds.add('depth');
    if (control.kind !== 'openpose') continue;
    const bytes = await pictureOf(control.image);
    if (bytes !== undefined && !isKeypoints(bytes)) kinds.add('pose');
  }
  return kinds;
}
