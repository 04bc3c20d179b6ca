/** What stands between this machine and CUDA, in one sentence. */
import { constants, existsSync, globSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  cudaMajor,
  driverVersion,
  type Installed,
  installed,
  isSupported,
  missingLibraries,
} from './libraries.ts';
import { leastDriver } from './wheel-index.ts';

/** What can be installed. */
const OLDEST_CUDA = 12;
/** What is found where there is none. */
export const NO_CARD = 'no NVIDIA card';
/** PCI's number of NVIDIA. */
const VENDOR = '0x10de';

export interface Finding {
  readonly isReady: boolean;
  readonly text: string;
}

/**
 * Looks from the card upwards: each sentence says what to do next.
 * @param root of the file system, for tests
 */
export async function diagnoseCuda(root = '/'): Promise<Finding> {
  const lacking = (text: string) => ({ isReady: false, text });
  if (!isSupported())
    return lacking(`not on ${process.platform} ${process.arch}; the device webgpu works there`);
  const found = installed();
  const least = leastDriver(found === undefined ? OLDEST_CUDA : await cudaMajor(found.folder));
  const driver = await driverVersion(root);
  if (driver === undefined) {
    return lacking(
      (await hasCard(root))
        ? `an NVIDIA card without its driver: install driver ${least} or newer; a container needs --gpus all`
        : NO_CARD,
    );
  }
  if (Number(driver.split('.')[0]) < least)
    return lacking(`driver ${driver} is too old: ${least} or newer is needed`);
  const [device] = globSync('dev/nvidia[0-9]*', { cwd: root }).map((name) => join(root, name));
  if (device === undefined)
    return lacking(`driver ${driver}, but no /dev/nvidia0: start the container with --gpus all`);
  try {
    await access(device, constants.R_OK | constants.W_OK);
  } catch {
    return lacking(`no permission on ${device}: this user must be allowed to read and write it`);
  }
  if (found === undefined)
    return lacking(`driver ${driver}; its libraries are missing: darkroom gpu install`);
  const missing = await missingLibraries(found.folder);
  if (missing.length > 0)
    return lacking(`${missing.join(', ')} is missing in ${found.folder}: darkroom gpu install`);
  const twice = foundTwice(found);
  const doubt = twice === undefined ? '' : `; ${twice}`;
  return { isReady: true, text: `ready: driver ${driver}, libraries in ${found.folder}${doubt}` };
}

/** Another copy that a program might take; ours are opened first, by their whole path. */
function foundTwice({ folder, files }: Installed): string | undefined {
  for (const other of (process.env['LD_LIBRARY_PATH'] ?? '').split(':')) {
    if (other === '' || resolve(other) === resolve(folder)) continue;
    const name = files.map((file) => file.name).find((one) => existsSync(join(other, one)));
    if (name !== undefined)
      return `${name} is also in ${other}, by LD_LIBRARY_PATH: unset that where cuda fails`;
  }
  return undefined;
}

async function hasCard(root: string): Promise<boolean> {
  for (const file of globSync('sys/bus/pci/devices/*/vendor', { cwd: root })) {
    if ((await readFile(join(root, file), 'utf8').catch(() => '')).trim() === VENDOR) return true;
  }
  return false;
}
