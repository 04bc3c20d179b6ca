/** What stands between this machine and CUDA, in one sentence. */
import { constants, existsSync, globSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Sentence, sayWords, sentence } from '../sentences.ts';
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
/** PCI's number of NVIDIA. */
const VENDOR = '0x10de';

export interface Finding {
  readonly isReady: boolean;
  /** Whether only the libraries are missing, which `darkroom gpu install` fetches. */
  readonly isInstallable?: true;
  /** For the page, in its reader's language. */
  readonly words: Sentence;
  /** In English, for the shell and the log. */
  readonly text: string;
}

const lacking = (words: Sentence): Finding => ({ isReady: false, words, text: sayWords('en', words) });
const uninstalled = (words: Sentence): Finding => ({ ...lacking(words), isInstallable: true });

/**
 * Looks from the card upwards: each sentence says what to do next.
 * @param root of the file system, for tests
 */
export async function diagnoseCuda(root = '/'): Promise<Finding> {
  if (!isSupported())
    return lacking(sentence('status.cuda.system', { system: `${process.platform} ${process.arch}` }));
  const found = installed();
  const least = leastDriver(found === undefined ? OLDEST_CUDA : await cudaMajor(found.folder));
  const driver = await driverVersion(root);
  if (driver === undefined)
    return lacking(
      (await hasCard(root)) ? sentence('status.cuda.no_driver', { least }) : sentence('status.no_card'),
    );
  if (Number(driver.split('.')[0]) < least)
    return lacking(sentence('status.cuda.old_driver', { driver, least }));
  const [device] = globSync('dev/nvidia[0-9]*', { cwd: root }).map((name) => join(root, name));
  if (device === undefined) return lacking(sentence('status.cuda.no_device', { driver }));
  try {
    await access(device, constants.R_OK | constants.W_OK);
  } catch {
    return lacking(sentence('status.cuda.no_permission', { device }));
  }
  if (found === undefined) return uninstalled(sentence('status.cuda.no_libraries', { driver }));
  const missing = await missingLibraries(found.folder);
  const { folder } = found;
  if (missing.length > 0) return uninstalled(sentence('status.cuda.incomplete', { files: missing, folder }));
  const twice = foundTwice(found);
  const words =
    twice === undefined
      ? sentence('status.cuda.ready', { driver, folder })
      : sentence('status.cuda.ready_twice', { driver, folder, ...twice });
  return { ...lacking(words), isReady: true };
}

/** Another copy that a program might take; ours are opened first, by their whole path. */
function foundTwice({
  folder,
  files,
}: Installed): { readonly file: string; readonly other: string } | undefined {
  for (const other of (process.env['LD_LIBRARY_PATH'] ?? '').split(':')) {
    if (other === '' || resolve(other) === resolve(folder)) continue;
    const file = files.map(({ name }) => name).find((one) => existsSync(join(other, one)));
    if (file !== undefined) return { file, other };
  }
  return undefined;
}

async function hasCard(root: string): Promise<boolean> {
  for (const file of globSync('sys/bus/pci/devices/*/vendor', { cwd: root })) {
    if ((await readFile(join(root, file), 'utf8').catch(() => '')).trim() === VENDOR) return true;
  }
  return false;
}
