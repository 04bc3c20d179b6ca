/** The files beside the model's own that a picture is drawn with: another one of the same name draws another picture. */
import { FilesChanged } from '../job.ts';
import { hashOfPart, type KnownHashes } from '../models/hashes.ts';
import type { ModelSpec } from '../models/spec.ts';
import type { GenerationRequest, PartFile } from '../request.ts';
import type { ControlNet } from './control/controls.ts';

/**
 * @param nets in the order of the request's controls
 * @returns those that lend the model a part, another VAE, and ControlNets
 */
export async function partFiles(
  { lent = new Map() }: Pick<ModelSpec, 'lent'>,
  { controls }: Pick<GenerationRequest, 'controls'>,
  nets: readonly ControlNet[],
  hashes: KnownHashes,
): Promise<PartFile[]> {
  const used = [
    ...Array.from(lent, ([part, one]) => ({ part, ...one })),
    ...nets.map(({ component, path }, i) => {
      const { controlnet, kind } = controls[i]!;
      return { part: 'controlnet', name: controlnet ?? kind, path, component };
    }),
  ];
  return await Promise.all(
    used.map(async ({ part, name, path, component }) => ({
      ...{ part, name },
      hash: await hashOfPart(component, path, hashes).catch(unlessChanged),
    })),
  );
}

/** Of a file that was replaced or deleted while it drew, no hash can be had. */
export function unlessChanged(error: unknown): undefined {
  if (!(error instanceof FilesChanged)) throw error;
}
