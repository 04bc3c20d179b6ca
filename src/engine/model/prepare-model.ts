/** Makes the optimised graphs of a model ahead, in this process, rather than behind its first pictures. */
import type { ComponentName, ModelSpec } from '../../models/spec.ts';
import { type Device, denoiserTargetOf, targetOf } from '../device.ts';
import { freeMemory } from '../free-memory.ts';
import { isWorthKeeping } from '../prepared.ts';
import { filesFor, prepareSession } from '../session.ts';
import { bytesToPrepare } from './preparing.ts';

export interface PreparedPart {
  readonly part: ComponentName;
  /** `small`: it opens as fast without; `disk`: the folder may not grow so far; `memory`: too little of it is free. */
  readonly outcome: 'kept' | 'small' | 'disk' | 'memory';
  /** Bytes of memory that it takes. */
  readonly needs: number;
}

/**
 * Yields after each part; it blocks this process for seconds at a time.
 * @throws DarkroomError where a part cannot be opened
 */
export async function* prepareModel(
  spec: ModelSpec,
  device: Device,
  free: () => Promise<number> = freeMemory,
): AsyncGenerator<PreparedPart> {
  const parts: readonly ComponentName[] = [
    ...spec.textEncoders.map(({ name }) => name),
    ...(['denoiser', 'vaeDecoder', 'vaeEncoder'] as const),
  ];
  for (const part of parts) {
    const target = part === 'denoiser' ? denoiserTargetOf(device, spec.denoiser) : targetOf(device);
    const graph = spec.graph(part, target);
    const files = filesFor(graph, device);
    if (files === undefined || !isWorthKeeping(graph, files)) {
      yield { part, outcome: 'small', needs: 0 };
      continue;
    }
    const needs = bytesToPrepare(graph);
    if ((await free()) < needs) yield { part, outcome: 'memory', needs };
    else yield { part, outcome: (await prepareSession(graph, device)) ? 'kept' : 'disk', needs };
  }
}
