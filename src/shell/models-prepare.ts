/** `darkroom models prepare`: makes ahead what an idle engine makes behind a model's first pictures. */
import type { Settings } from '../../config/settings.ts';
import { inUnits } from '../download/units.ts';
import { type PreparedPart, prepareModel } from '../engine/model/model-cache.ts';
import { engineOptions } from '../engine-options.ts';
import { DarkroomError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { Catalogue } from '../models/catalogue.ts';
import { sayBeside, UsageError } from './verb.ts';

/** @returns 1 where something could not be kept */
export async function prepareModels(
  names: readonly string[],
  { catalogue, settings }: { readonly catalogue: Catalogue; readonly settings: Settings },
): Promise<number> {
  if (names.length === 0) throw new UsageError('models prepare takes names or folders of models.');
  const engines = await engineOptions(settings, { onSlow: sayBeside, onMissing: sayBeside });
  const device = engines.map((one) => one.device).find(isCpu);
  if (device === undefined) {
    throw new DarkroomError(
      'unsupported',
      'Optimised graphs are kept for the CPU only: the devices here open a model fast without. Set DARKROOM_DEVICES=cpu to prepare for the CPU.',
    );
  }
  // A folder is not made behind anybody's back, but here it is what was asked for.
  await makeFolder(settings.DARKROOM_DATA);
  let code = 0;
  for (const name of names) {
    const spec = await catalogue.openNameOrFolder(name);
    for await (const made of prepareModel(spec, device)) {
      process.stdout.write(`${name} ${made.part}: ${describe(made)}\n`);
      if (made.outcome === 'disk' || made.outcome === 'memory') code = 1;
    }
  }
  return code;
}

const isCpu = ({ provider }: { readonly provider: string }) => provider === 'cpu';

function describe({ outcome, needs }: PreparedPart): string {
  if (outcome === 'kept') return 'kept';
  if (outcome === 'small') return 'opens as fast without';
  if (outcome === 'memory')
    return `not made: it takes ${inUnits(needs)} of free memory. End other programs first`;
  return 'not made: weights/ in DARKROOM_DATA may not grow so far. See DARKROOM_CACHE_GB, and the free space of the disk';
}
