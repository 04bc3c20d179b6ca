/** From the names that the operator gives to the devices of this machine, and what `auto` takes of them. */

import { DarkroomError, requireAll } from '../errors.ts';
import { type Card, listCards } from '../gpu/cards.ts';
import { diagnoseCuda, type Finding } from '../gpu/diagnose.ts';
import { type GraphicsDevice, listGraphics, selectionOf, titleOf } from '../gpu/graphics.ts';
import { sentence } from '../sentences.ts';
import {
  AUTO,
  cpuDevice,
  type Device,
  type DeviceOptions,
  nameOf,
  onCard,
  parseDevice,
  parseDevices,
} from './device.ts';
import { type Probe, type ProbeOptions, probe } from './probe.ts';

/** What is asked of the machine; tests have others. */
export interface Machine {
  readonly system: string;
  cuda(): Promise<Pick<Finding, 'isReady' | 'text'>>;
  cards(): Promise<readonly Card[]>;
  graphics(): Promise<readonly GraphicsDevice[]>;
  probe(device: Device): Promise<Probe>;
}

type OnSlow = ProbeOptions['onSlow'];

const thisMachine = (onSlow?: OnSlow): Machine => ({
  system: `${process.platform} ${process.arch}`,
  cuda: diagnoseCuda,
  cards: listCards,
  graphics: listGraphics,
  probe: (device) => probe(device, { onSlow }),
});

/** Where onnxruntime-node comes with WebGPU. */
const WITH_WEBGPU = ['linux x64', 'darwin arm64', 'win32 x64', 'win32 arm64'];

interface Choice {
  readonly device: Device;
  /** Why a better one is not taken. */
  readonly reason?: string;
}

/**
 * What `auto` takes: an NVIDIA card where CUDA is ready, the one with the most memory first; otherwise what WebGPU finds,
 * where it is faster than the CPU. Each must give the CPU's numbers.
 */
export async function bestDevice(
  options: DeviceOptions = {},
  machine: Machine = thisMachine(),
): Promise<Choice> {
  const reasons: string[] = [];
  const chosen = (device: Device): Choice =>
    reasons.length === 0 ? { device } : { device, reason: reasons.join('; ') };
  if ((await machine.cuda()).isReady) {
    const cards = await machine.cards();
    for (const card of cards.toSorted((a, b) => b.memory - a.memory)) {
      const device = onCard(parseDevice(`cuda:${card.index}`, options), card);
      const { works, reason = '' } = await machine.probe(device);
      if (works) return chosen(device);
      reasons.push(`${nameOf(device)} is not used: ${reason}`);
    }
  }
  const graphics = await tryGraphics(options, machine, reasons);
  if (typeof graphics !== 'string' && graphics !== undefined) return chosen(graphics);
  if (graphics !== undefined) reasons.push(`webgpu is not used: ${graphics}`);
  return chosen(cpuDevice(options));
}

/**
 * @param reasons gets why it is not used as well as it might be
 * @returns why not; undefined where there is nothing to try
 */
async function tryGraphics(
  options: DeviceOptions,
  machine: Machine,
  reasons: string[],
): Promise<Device | string | undefined> {
  if (!WITH_WEBGPU.includes(machine.system)) return undefined;
  if (machine.system.startsWith('linux') && (await machine.graphics()).length === 0) return undefined;
  const device = parseDevice('webgpu', options);
  const answer = await machine.probe(device);
  const { works, reason, precision, isSoftware, seconds = 0, cpuSeconds = 0 } = answer;
  if (!works) return reason ?? 'its probe failed';
  if (isSoftware === true) return 'only a Vulkan driver in software was found';
  const ms = (value: number) => `${(1000 * value).toFixed(0)} ms`;
  if (seconds >= cpuSeconds) return `its probe took ${ms(seconds)}, the CPU ${ms(cpuSeconds)}`;
  if (answer.addsInFloat16 === true)
    reasons.push(
      'webgpu is not used in float16: its sums are inexact there; DARKROOM_PRECISION=float16 takes half the memory, and changes pictures',
    );
  return { ...device, ...(precision !== undefined && { precision }) };
}

interface Asked {
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  /**
   * For a chat, which goes on with the devices that are there: is told of each that is left out. Without it one that is
   * missing is refused.
   */
  readonly onLeftOut?: ((why: string) => void) | undefined;
  /** For whoever describes the machine: is told of each that is not there, and gets the others untried. */
  readonly onMissing?: ((why: string) => void) | undefined;
  readonly onSlow?: OnSlow;
}

/**
 * The devices of DARKROOM_DEVICES or --device.
 * @returns at least one
 * @throws DarkroomError('bad_request' | 'misconfigured') for names that are unknown, and for numbers without a device
 */
export async function devicesOf(
  setting: string,
  { device, threads, onLeftOut, onMissing, onSlow }: Asked,
  machine: Machine = thisMachine(onSlow),
): Promise<Device[]> {
  const options = { threads };
  if ((device ?? setting).trim() === AUTO) return [(await bestDevice(options, machine)).device];
  const devices = device === undefined ? readSetting(setting, options) : [parseDevice(device, options)];
  if (onLeftOut !== undefined) return foundOf(devices, onLeftOut, machine);
  const tried = await Promise.allSettled(devices.map((one) => found(one, machine)));
  if (onMissing === undefined || tried.every(({ status }) => status === 'rejected')) return requireAll(tried);
  for (const one of tried) if (one.status === 'rejected') onMissing(messageOf(one.reason));
  return tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

/** Those of several devices that are there. */
async function foundOf(
  devices: readonly Device[],
  onLeftOut: (why: string) => void,
  machine: Machine,
): Promise<Device[]> {
  const tried = await Promise.allSettled(
    devices.map(async (one) => {
      if (one.provider === 'cuda') {
        const { isReady, text } = await machine.cuda();
        if (!isReady) throw unusable(one, text);
      }
      const device = await found(one, machine);
      if (one.provider === 'webgpu') {
        const answer = await machine.probe(device);
        if (!answer.works) throw unusable(one, answer.reason ?? 'its probe failed', answer.isUnopened);
      }
      return device;
    }),
  );
  const there = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  // With nothing else, such a device is asked for again by each job: its driver may come up later than the chat.
  const later = devices.filter(
    ({ provider, index }) => provider === 'cuda' || (provider === 'webgpu' && index === 0),
  );
  if (there.length === 0 && later.length === 0) return requireAll(tried);
  for (const one of tried) if (one.status === 'rejected') onLeftOut(messageOf(one.reason));
  return there.length > 0 ? there : later;
}

/** @throws what nobody expects */
function messageOf(reason: unknown): string {
  if (reason instanceof DarkroomError && reason.code === 'misconfigured') return reason.message;
  throw reason;
}

/** @param isWhole whether the reason is a sentence that names the device itself */
const unusable = (device: Device, reason: string, isWhole = false) =>
  new DarkroomError(
    'misconfigured',
    isWhole ? reason : sentence('engine.device_unusable', { device: nameOf(device), reason }),
  );

async function found(device: Device, machine: Machine): Promise<Device> {
  if (device.provider === 'cuda') {
    const cards = await machine.cards();
    const card = cards[device.index];
    if (card !== undefined) return onCard(device, card);
    // Without a driver that answers, the engine says what is missing.
    if (cards.length === 0) return device;
    throw missing(
      device,
      cards.map(({ index, name }) => `cuda:${index} (${name})`),
    );
  }
  if (device.provider !== 'webgpu') return device;
  const selected = device.index === 0 ? device : await numbered(device, machine);
  const { precision } = await machine.probe(selected);
  return precision === undefined ? selected : { ...selected, precision };
}

/** WebGPU's other devices: onnxruntime takes the first of the fastest kind, and only the driver can be told otherwise. */
async function numbered(device: Device, machine: Machine): Promise<Device> {
  if (!machine.system.startsWith('linux')) {
    throw new DarkroomError(
      'misconfigured',
      `${nameOf(device)} cannot be chosen on this system, which decides itself: use webgpu.`,
    );
  }
  const all = await machine.graphics();
  const chosen = all[device.index];
  if (chosen === undefined)
    throw missing(
      device,
      all.map((one, i) => `webgpu:${i} (${titleOf(one)})`),
    );
  return { ...device, environment: { ...device.environment, ...selectionOf(chosen) } };
}

function missing(device: Device, known: readonly string[]): DarkroomError {
  const has = known.length === 0 ? 'no graphics device was found' : `this machine has ${known.join(', ')}`;
  return new DarkroomError(
    'misconfigured',
    `There is no ${nameOf(device)}: ${has}. Use ${known.length === 0 ? 'auto' : 'one of them, or auto'}.`,
  );
}

function readSetting(names: string, options: DeviceOptions): Device[] {
  try {
    return parseDevices(names, options);
  } catch (cause) {
    if (!(cause instanceof DarkroomError)) throw cause;
    throw new DarkroomError('misconfigured', `DARKROOM_DEVICES cannot be used. ${cause.message}`, { cause });
  }
}
