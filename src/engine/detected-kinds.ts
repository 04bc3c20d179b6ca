/** Which control pictures can be made of a photo on this machine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlKind } from '../request.ts';

/** What needs no detector. */
const DRAWN: readonly ControlKind[] = ['canny', 'scribble', 'lineart'];

/** @param folder DARKROOM_DETECTORS */
export function detectedKinds(folder: string | undefined): ControlKind[] {
  const has = (name: string) => folder !== undefined && existsSync(join(folder, `${name}.onnx`));
  return [
    ...DRAWN,
    ...(has('depth') ? ['depth' as const] : []),
    ...(has('pose') ? ['openpose' as const] : []),
  ];
}
