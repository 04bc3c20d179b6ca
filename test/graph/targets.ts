/** All that a graph can be built for. */
import { CUDA, inFloat32, PORTABLE, type Target, WEBGPU } from '../../src/graph/target.ts';

export const TARGETS: Readonly<Record<string, Target>> = {
  PORTABLE,
  WEBGPU,
  CUDA,
  'CUDA in float32': inFloat32(CUDA),
  int8: { ...PORTABLE, int8: true },
};
