/** From the settings to what an engine is made of: the one place that serve, worker, imagine, bench and doctor share. */
import { join, resolve } from 'node:path';
import type { Settings } from '../config/settings.ts';
import { devicesOf } from './engine/choose-device.ts';
import { type Device, nameOf } from './engine/device.ts';
import { canTake, withPrecision } from './engine/precision.ts';
import type { EngineOptions } from './engine/process/process.ts';
import { foldersOf, indexFile } from './installed-models.ts';
import type { SideFilesOptions } from './models/side-files.ts';

type EngineSettings = Pick<
  Settings,
  | 'DARKROOM_MODELS'
  | 'DARKROOM_DETECTORS'
  | 'DARKROOM_CLASSIFIER'
  | 'DARKROOM_DEVICES'
  | 'DARKROOM_PRECISION'
  | 'DARKROOM_DATA'
  | 'DARKROOM_CACHE_GB'
  | 'DARKROOM_MEMORY'
>;

interface EngineFlags {
  /** `--device`, which wins over DARKROOM_DEVICES. */
  readonly device?: string | undefined;
  /** `--threads`; 0 takes all cores. */
  readonly threads?: number | undefined;
  /** `--precision`, which wins over DARKROOM_PRECISION. */
  readonly precision?: string | undefined;
  /** For a chat, which goes on without a device that is missing: is told of each. */
  readonly onLeftOut?: ((why: string) => void) | undefined;
  /** For whoever describes the machine: is told of each device that is not there, and gets the others. */
  readonly onMissing?: ((why: string) => void) | undefined;
  /** Is told which device the start waits for. */
  readonly onSlow?: ((what: string) => void) | undefined;
}

/**
 * The options of one engine for each device.
 * @throws DarkroomError('bad_request') for a --device, ('misconfigured') for DARKROOM_DEVICES that names no device;
 *   the same for a precision that a device cannot compute in
 */
export async function engineOptions(
  settings: EngineSettings,
  { device, threads, precision, onLeftOut, onMissing, onSlow }: EngineFlags = {},
): Promise<[EngineOptions, ...EngineOptions[]]> {
  const shared = {
    models: foldersOf(settings),
    index: indexFile(settings),
    detectors: settings.DARKROOM_DETECTORS,
    classifier: settings.DARKROOM_CLASSIFIER,
  };
  if (settings.DARKROOM_CLASSIFIER !== undefined) {
    // Loaded only where it is needed: it opens models.
    const { requireClassifier } = await import('./engine/safety/safety.ts');
    await requireClassifier(settings.DARKROOM_CLASSIFIER);
  }
  const sideFiles = sideFilesOptions(settings);
  const found = await devicesOf(settings.DARKROOM_DEVICES, {
    ...{ device, threads, onLeftOut, onMissing, onSlow },
  });
  const { DARKROOM_PRECISION: set } = settings;
  // The setting is that of the usual devices, and one run may have another one.
  const isOther = device !== undefined && set !== undefined && !found.some((one) => canTake(one, set));
  const setting = isOther ? undefined : set;
  const [wanted, asker] =
    precision === undefined
      ? ([setting, 'DARKROOM_PRECISION'] as const)
      : ([precision, '--precision'] as const);
  const devices = wanted === undefined ? found : await withPrecision(found, wanted, asker);
  const [first, ...others] = devices.map(
    (one): EngineOptions => ({
      ...shared,
      device: { ...limited(one, settings.DARKROOM_MEMORY), sideFiles },
    }),
  );
  return [first!, ...others];
}

export function sideFilesOptions({
  DARKROOM_DATA,
  DARKROOM_CACHE_GB,
}: Pick<Settings, 'DARKROOM_DATA' | 'DARKROOM_CACHE_GB'>): SideFilesOptions {
  return { folder: join(resolve(DARKROOM_DATA), 'weights'), limit: DARKROOM_CACHE_GB * 1e9 };
}

/** @param setting DARKROOM_MEMORY: gigabytes for each device, or by their names */
function limited(device: Device, setting: string | undefined): Device {
  const own = setting?.split(',').flatMap((item) => {
    const [name, gigabytes] = item.includes('=') ? item.split('=') : [nameOf(device), item];
    return name!.trim() === nameOf(device) ? [Number(gigabytes) * 2 ** 30] : [];
  })[0];
  return own === undefined ? device : { ...device, limit: own };
}
