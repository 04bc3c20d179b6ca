/**
 * Whether a device works, not only whether it is listed: a small graph of the operators that models are made of runs on
 * it in a process of its own, which may crash or hang, and its numbers are held against the CPU's.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { graphicsVersion } from '../gpu/graphics.ts';
import { cacheFolder, driverVersion, runtimeVersion } from '../gpu/libraries.ts';
import { makeFolder } from '../make-folder.ts';
import { type Device, nameOf, type Precision } from './device.ts';
import { processor } from './prepared.ts';

export interface Probe {
  readonly works: boolean;
  /** Why not, for the operator. */
  readonly reason?: string;
  /** The narrowest that works. */
  readonly precision?: Precision;
  /** It has float16, and is too inexact in it for long sums: it is used so only where that is asked for. */
  readonly addsInFloat16?: boolean;
  /** It could not be opened: a driver that is missing, or no permission. The next start asks again. */
  readonly isUnopened?: boolean;
  /** Only the processor does the work, by a graphics driver made for tests. */
  readonly isSoftware?: boolean;
  /**
   * Of a larger graph on the device and on the CPU in float32, where that is a question: of hardware behind WebGPU, and of
   * the CPU's own int8.
   */
  readonly seconds?: number;
  readonly cpuSeconds?: number;
}

/** Raised when other questions are asked: answers of before count no more. */
const VERSION = 3;
/** Seconds that the first start of a driver may take. */
const LIMIT = 90;
/** After which whoever waits is told. */
const SLOW = 5;
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const CHILD = new URL(`./probe-child.${EXTENSION}`, import.meta.url);

export interface ProbeOptions {
  /** Is told what is waited for, where a device takes long to answer. */
  readonly onSlow?: ((what: string) => void) | undefined;
  /** The module that probes, and how long it may take; tests have others. */
  readonly child?: URL;
  readonly seconds?: number;
  readonly slowAfter?: number;
}

/** Asks once for each version of onnxruntime and of the driver; the answer is kept in the user's cache. */
export async function probe(device: Device, options: ProbeOptions = {}): Promise<Probe> {
  const driver = await driverOf(device);
  const key = `probe ${VERSION}, onnxruntime ${runtimeVersion()}, driver ${driver}, ${nameOf(device)}`;
  const file = answersFile();
  const known = await readKnown(file);
  const answer = Object.hasOwn(known, key) ? known[key] : undefined;
  if (answer !== undefined) return answer;
  // A graphics device may lack float16, or get it wrong, or crash over it.
  const tries: Precision[] = device.provider === 'webgpu' ? ['float16', 'float32'] : [device.precision];
  let found: Probe = { works: false };
  for (const precision of tries) {
    if (found.works) continue;
    const { addsInFloat16 } = found;
    found = await runProbe({ ...device, precision }, options);
    if (addsInFloat16 === true) found = { ...found, addsInFloat16 };
  }
  // What it lacks may be there at the next start: memory that another program has, a driver, a permission.
  if (found.isUnopened === true) return found;
  // A cache that cannot be written only costs the next start its probe.
  await makeFolder(dirname(file))
    .then(() => writeFile(file, `${JSON.stringify({ ...known, [key]: found }, null, 2)}\n`))
    .catch(() => {});
  return found;
}

/** What a device's answer depends on besides onnxruntime. */
async function driverOf({ provider, precision, threads }: Device): Promise<string> {
  if (provider === 'webgpu') return graphicsVersion();
  if (provider === 'cuda') return (await driverVersion()) ?? 'none';
  const kind = createHash('sha256').update(processor()).digest('hex').slice(0, 16);
  return `processor ${kind}, ${threads} threads, ${precision}`;
}

function answersFile(): string {
  return join(cacheFolder(), 'devices.json');
}

async function readKnown(file: string): Promise<Record<string, Probe>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, Probe>) : {};
  } catch {
    return {};
  }
}

/** What is kept of a device that crashed or hung would else stand for ever. */
const again = () => `it is tried again with another driver, or once ${answersFile()} is deleted`;

function runProbe(
  device: Device,
  { onSlow = () => {}, child = CHILD, seconds = LIMIT, slowAfter = SLOW }: ProbeOptions,
): Promise<Probe> {
  return new Promise((resolve) => {
    const running = fork(child, [JSON.stringify(device)], {
      execPath: process.execPath,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const end = (answer: Probe) => {
      clearTimeout(timer);
      clearTimeout(slow);
      running.kill('SIGKILL');
      resolve(answer);
    };
    const timer = setTimeout(
      () => end({ works: false, reason: `it did not answer within ${seconds} s; ${again()}` }),
      seconds * 1000,
    );
    const slow = setTimeout(
      () =>
        onSlow(
          `Still testing the device ${nameOf(device)}: its driver has not answered for ${slowAfter} s, and may take up to ${seconds} s.`,
        ),
      slowAfter * 1000,
    );
    running.once('message', (answer: Probe) => end(answer));
    running.once('error', (error) => end({ works: false, reason: error.message }));
    running.once('exit', (code, signal) =>
      end({ works: false, reason: `it crashed (${signal ?? code}); ${again()}` }),
    );
  });
}
