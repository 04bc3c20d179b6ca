/** The devices that an engine can run on, by the names that the operator gives them: cpu, webgpu, cuda:1. */
import { totalmem } from 'node:os';
import { DarkroomError, requireAll } from '../errors.ts';
import { CARD_ORDER, type Card } from '../gpu/cards.ts';
import { CUDA, inFloat32, PORTABLE, type Target, WEBGPU } from '../graph/target.ts';
import type { PreparedOptions } from './prepared.ts';

const PROVIDERS = ['cpu', 'webgpu', 'cuda'] as const;
export type Provider = (typeof PROVIDERS)[number];
export type Precision = 'float32' | 'float16' | 'int8';

/** One device of this machine and how it is used. It is plain data: the inference process is given it as JSON. */
export interface Device {
  readonly provider: Provider;
  /** Which of the provider's devices, from 0. */
  readonly index: number;
  /** CPU threads of one operator; 0 takes all cores. */
  readonly threads: number;
  /** Of weights and activations; int8: of a denoiser's, all else being float32. */
  readonly precision: Precision;
  /** Bytes of memory that it has. */
  readonly memory: number;
  /** Where optimised graphs and their weights are kept; nowhere where it is left out. */
  readonly sideFiles?: PreparedOptions | undefined;
  /** Variables that its driver and onnxruntime's provider read when they are loaded. */
  readonly environment: Readonly<Record<string, string>>;
  /** Bytes that models and pictures may take, as the operator has set them; what is free is asked where it is left out. */
  readonly limit?: number;
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
  const named = names.split(',').map((name) => name.trim());
  if (named.includes(AUTO)) {
    throw new DarkroomError(
      'bad_request',
      `${AUTO} stands by itself, and takes the best device that works. Use ${AUTO}, or name each device, such as cuda:0,cuda:1.`,
    );
  }
  const devices = requireAll(
    named.map((name): PromiseSettledResult<Device> => {
      try {
        return { status: 'fulfilled', value: parseDevice(name, options) };
      } catch (reason) {
        return { status: 'rejected', reason };
      }
    }),
  );
  devices.forEach((device, i) => {
    if (devices.findIndex((other) => nameOf(other) === nameOf(device)) === i) return;
    throw new DarkroomError('bad_request', `The device ${nameOf(device)} is given twice. Name each once.`);
  });
  return devices;
}

/** As the operator writes it: the index only where there is a choice. */
export function nameOf({ provider, index }: Pick<Device, 'provider' | 'index'>): string {
  return provider === 'cuda' || index > 0 ? `${provider}:${index}` : provider;
}

/**
 * What a provider reads when a session is made.
 * - ORT_DISABLE_FLASH_ATTENTION: onnxruntime's own flash attention gives wrong numbers for heads of 160 channels over
 *   more than 64 keys, which SD 1.5 has (measured with 1.30.0 on an H100: 1.4 times off, where cuDNN's and the
 *   memory-efficient kernel agree with the CPU to 0.02 %). Cards from Hopper on take cuDNN's before it.
 * - TF32 stays on, as is the provider's default (onnxruntime's use_tf32): float32 is used on a card where float16
 *   overflows (SDXL's VAE, SD 2.1's scores), and TF32 has the range of float32 with the digits of float16.
 *   NVIDIA_TF32_OVERRIDE=0, NVIDIA's own variable, turns it off.
 */
const ENVIRONMENT: Readonly<Record<Provider, Readonly<Record<string, string>>>> = {
  cpu: {},
  webgpu: {},
  cuda: { ...CARD_ORDER, ORT_DISABLE_FLASH_ATTENTION: '1' },
};

/** From this major number of the compute capability on: Blackwell. */
const BLACKWELL = 10;

/**
 * A card's own: cuDNN's attention, which onnxruntime takes from Hopper on (pull request 28849), fails on some Blackwell
 * cards or takes 16 s to its first picture, and is 0.88 times as fast there (transformers pull request 48163); the
 * memory-efficient kernel stands in for it. ORT_ENABLE_CUDNN_FLASH_ATTENTION=1 in the environment turns it on.
 */
export function onCard(device: Device, { memory, generation }: Pick<Card, 'memory' | 'generation'>): Device {
  const more = generation >= BLACKWELL ? { ORT_ENABLE_CUDNN_FLASH_ATTENTION: '0' } : {};
  return { ...device, memory, environment: { ...device.environment, ...more } };
}

export function cpuDevice({ threads = 0 }: DeviceOptions = {}): Device {
  return {
    provider: 'cpu',
    index: 0,
    threads,
    precision: 'float32',
    memory: machineMemory(),
    environment: {},
  };
}

/** Of the container, where it has a limit of its own. */
function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(totalmem(), limit) : totalmem();
}

const TARGETS: Readonly<Record<Provider, Target>> = { cpu: PORTABLE, webgpu: WEBGPU, cuda: CUDA };

/** What the device's graphs are built for. */
export function targetOf({ provider, precision }: Device): Target {
  const target = TARGETS[provider];
  return precision === 'float16' ? { ...target, type: 'float16' } : inFloat32(target);
}

/** What the device's denoisers compute in: 8 bits only where the family is made for that. */
export function precisionOf(
  { precision }: Device,
  { takesInt8 = false }: { takesInt8?: boolean },
): Precision {
  return precision === 'int8' && !takesInt8 ? 'float32' : precision;
}

/** targetOf for a denoiser, which alone computes in int8. */
export function denoiserTargetOf(device: Device, denoiser: { takesInt8?: boolean }): Target {
  return { ...targetOf(device), int8: precisionOf(device, denoiser) === 'int8' };
}

/** @throws DarkroomError('bad_request') for a name that is unknown */
export function parseDevice(name: string, options: DeviceOptions = {}): Device {
  const cpu = cpuDevice(options);
  if (name.includes(',')) {
    throw new DarkroomError(
      'bad_request',
      `One device is used here, and ${JSON.stringify(name)} names several. Name one; DARKROOM_DEVICES takes more.`,
    );
  }
  const groups = NAME.exec(name.trim())?.groups;
  const provider = groups?.['provider'] as Provider | undefined;
  const index = Number(groups?.['index'] ?? 0);
  if (provider === undefined || index > MAX_INDEX) {
    throw new DarkroomError(
      'bad_request',
      `The device ${JSON.stringify(name)} is not known. Use auto, cpu, webgpu, webgpu:N or cuda:N, where N is the number of the card from 0 to ${MAX_INDEX}.`,
    );
  }
  if (provider === 'cpu' && index > 0) {
    throw new DarkroomError('bad_request', `The device ${name} cannot be chosen: there is one CPU. Use cpu.`);
  }
  const precision = provider === 'cuda' ? 'float16' : 'float32';
  return { ...cpu, provider, index, precision, environment: ENVIRONMENT[provider] };
}
