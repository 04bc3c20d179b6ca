/** From the settings to what an engine is made of: the one place that serve, worker, imagine, bench and doctor share. */
import { join, resolve } from 'node:path';
import type { Settings } from '../config/settings.ts';
import {
  AUTO,
  cpuDevice,
  type Device,
  type DeviceOptions,
  nameOf,
  parseDevice,
  parseDevices,
} from './engine/device.ts';
import { probe } from './engine/probe.ts';
import type { EngineOptions } from './engine/process/process.ts';
import { DarkroomError } from './errors.ts';
import { cardMemory, diagnoseCuda } from './gpu/diagnose.ts';
import { foldersOf } from './installed-models.ts';
import type { SideFilesOptions } from './models/side-files.ts';

type EngineSettings = Pick<
  Settings,
  'DARKROOM_MODELS' | 'DARKROOM_DETECTORS' | 'DARKROOM_DEVICES' | 'DARKROOM_DATA' | 'DARKROOM_CACHE_GB'
>;

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
export async function engineOptions(
  settings: EngineSettings,
  { device, threads }: EngineFlags = {},
): Promise<[EngineOptions, ...EngineOptions[]]> {
  const shared = {
    models: foldersOf(settings),
    detectors: settings.DARKROOM_DETECTORS,
    sideFiles: sideFilesOptions(settings),
  };
  const devices = await devicesOf(settings.DARKROOM_DEVICES, { device, threads });
  const [first, ...others] = devices.map((one): EngineOptions => ({ ...shared, device: one }));
  return [first!, ...others];
}

export function sideFilesOptions({
  DARKROOM_DATA,
  DARKROOM_CACHE_GB,
}: Pick<Settings, 'DARKROOM_DATA' | 'DARKROOM_CACHE_GB'>): SideFilesOptions {
  return { folder: join(resolve(DARKROOM_DATA), 'weights'), limit: DARKROOM_CACHE_GB * 1e9 };
}

async function devicesOf(setting: string, { device, threads }: EngineFlags): Promise<Device[]> {
  const options = { threads };
  if ((device ?? setting) === AUTO) return [(await bestDevice(options)).device];
  const devices = device === undefined ? readSetting(setting, options) : [parseDevice(device, options)];
  return Promise.all(devices.map(withMemory));
}

/** A card's own memory, which is not the machine's. */
async function withMemory(device: Device): Promise<Device> {
  const memory = device.provider === 'cuda' ? await cardMemory(device.index) : undefined;
  return memory === undefined ? device : { ...device, memory };
}

export interface Choice {
  readonly device: Device;
  /** Why a better one is not taken. */
  readonly reason?: string;
}

/** What `auto` takes: the first NVIDIA card where CUDA is ready and gives the CPU's numbers, otherwise the CPU. */
export async function bestDevice(options: DeviceOptions = {}): Promise<Choice> {
  const cpu = cpuDevice(options);
  if (!(await diagnoseCuda()).isReady) return { device: cpu };
  const card = await withMemory(parseDevice('cuda:0', options));
  const { works, reason = '' } = await probe(card);
  return works ? { device: card } : { device: cpu, reason: `${nameOf(card)} is not used: ${reason}` };
}

function readSetting(names: string, options: DeviceOptions): Device[] {
  try {
    return parseDevices(names, options);
  } catch (cause) {
    if (!(cause instanceof DarkroomError)) throw cause;
    throw new DarkroomError('misconfigured', `DARKROOM_DEVICES cannot be used. ${cause.message}`, { cause });
  }
}
