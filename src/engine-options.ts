/** From the settings to what an engine is made of: the one place that serve, worker, imagine, bench and doctor share. */
import type { Settings } from '../config/settings.ts';
import { type Device, parseDevice, parseDevices } from './engine/device.ts';
import type { EngineOptions } from './engine/process/process.ts';
import { DarkroomError } from './errors.ts';
import { modelFolders } from './installed-models.ts';

type EngineSettings = Pick<Settings, 'DARKROOM_MODELS' | 'DARKROOM_DETECTORS' | 'DARKROOM_DEVICES'>;

export interface EngineFlags {
  /** `--device`, which wins over DARKROOM_DEVICES. */
  readonly device?: string | undefined;
  /** `--threads`; 0 takes all cores. */
  readonly threads?: number | undefined;
}

/**
 * The options of one engine for each device.
 * @throws DarkroomError('bad_request') for a --device, ('misconfigured') for DARKROOM_DEVICES that names no device
 */
export function engineOptions(
  settings: EngineSettings,
  { device, threads }: EngineFlags = {},
): [EngineOptions, ...EngineOptions[]] {
  const devices =
    device === undefined
      ? readSetting(settings.DARKROOM_DEVICES, threads)
      : [parseDevice(device, { threads })];
  const shared = {
    models: modelFolders(settings.DARKROOM_MODELS),
    detectors: settings.DARKROOM_DETECTORS,
  };
  const [first, ...others] = devices.map((one): EngineOptions => ({ ...shared, device: one }));
  return [first!, ...others];
}

function readSetting(names: string, threads: number | undefined): Device[] {
  try {
    return parseDevices(names, { threads });
  } catch (cause) {
    if (!(cause instanceof DarkroomError)) throw cause;
    throw new DarkroomError('misconfigured', `DARKROOM_DEVICES cannot be used. ${cause.message}`, { cause });
  }
}
