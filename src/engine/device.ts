/** The devices that an engine can run on, by the names that the operator gives them: cpu, webgpu, cuda:1. */
import { totalmem } from 'node:os';
import { DarkroomError } from '../errors.ts';
import { CUDA, inFloat32, PORTABLE, type Target, WEBGPU } from '../graph/target.ts';
import type { SideFilesOptions } from '../models/side-files.ts';

export const PROVIDERS = ['cpu', 'webgpu', 'cuda'] as const;
export type Provider = (typeof PROVIDERS)[number];
export type Precision = 'float32' | 'float16';

/** One device of this machine and how it is used. It is plain data: the inference process is given it as JSON. */
export interface Device {
  readonly provider: Provider;
  /** Which of the provider's devices, from 0. */
  readonly index: number;
  /** CPU threads of one operator; 0 takes all cores. */
  readonly threads: number;
  /** Of weights and activations. */
  readonly precision: Precision;
  /** Bytes that models and pictures can take. */
  readonly memory: number;
  /** Where optimised graphs and their weights are kept; nowhere where it is left out. */
  readonly sideFiles?: (SideFilesOptions & { readonly least?: number }) | undefined;
}

export interface DeviceOptions {
  /** CPU threads of one operator; 0, the default, takes all cores. */
  readonly threads?: number | undefined;
}

/** Stands for the best device that works; by itself, not in a list. */
export const AUTO = 'auto';

/** The highest index that a name can have; far more cards than one machine holds. */
const MAX_INDEX = 63;
const NAME = /^(?<provider>cpu|webgpu|cuda)(?::(?<index>\d{1,2}))?$/;

/**
 * The devices of a list such as `cuda:0,cuda:1`.
 * @throws DarkroomError('bad_request') for a name that is unknown or given twice
 */
export function parseDevices(names: string, options: DeviceOptions = {}): Device[] {
  const devices = names.split(',').map((name) => parseDevice(name.trim(), options));
  devices.forEach((device, i) => {
    if (devices.findIndex((other) => nameOf(other) === nameOf(device)) === i) return;
    throw new DarkroomError('bad_request', `The device ${nameOf(device)} is given twice. Name each once.`);
  });
  return devices;
}

/** As the operator writes it: the index only where there is a choice. */
export function nameOf({ provider, index }: Pick<Device, 'provider' | 'index'>): string {
  return provider === 'cuda' ? `${provider}:${index}` : provider;
}

export function cpuDevice({ threads = 0 }: DeviceOptions = {}): Device {
  return { provider: 'cpu', index: 0, threads, precision: 'float32', memory: totalmem() };
}

const TARGETS: Readonly<Record<Provider, Target>> = { cpu: PORTABLE, webgpu: WEBGPU, cuda: CUDA };

/** What the device's graphs are built for. */
export function targetOf({ provider, precision }: Device): Target {
  const target = TARGETS[provider];
  return precision === 'float32' ? inFloat32(target) : { ...target, type: 'float16' };
}

/** @throws DarkroomError('bad_request') for a name that is unknown */
export function parseDevice(name: string, options: DeviceOptions = {}): Device {
  const cpu = cpuDevice(options);
  const groups = NAME.exec(name)?.groups;
  const provider = groups?.['provider'] as Provider | undefined;
  const index = Number(groups?.['index'] ?? 0);
  if (provider === undefined || index > MAX_INDEX) {
    throw new DarkroomError(
      'bad_request',
      `The device ${JSON.stringify(name)} is not known. Use auto, cpu, webgpu or cuda:N, where N is the number of the card from 0 to ${MAX_INDEX}.`,
    );
  }
  if (provider !== 'cuda' && index > 0) {
    throw new DarkroomError(
      'bad_request',
      `The device ${name} cannot be chosen: ${provider} has no numbered devices. Use ${provider}.`,
    );
  }
  return { ...cpu, provider, index, precision: provider === 'cuda' ? 'float16' : 'float32' };
}
