/** `darkroom gpu`: the libraries that an NVIDIA card needs. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { onFolder } from '../gpu/folder-work.ts';
import { installFromFolder, installFromIndex, installFromVendors } from '../gpu/install.ts';
import {
  cudaMajor,
  driverVersion,
  installed,
  isSupported,
  libraryFolder,
  missingLibraries,
} from '../gpu/libraries.ts';
import { VENDORS } from '../gpu/vendors.ts';
import { configuredIndex, leastDriver } from '../gpu/wheel-index.ts';
import { asUsage, readOptions, UsageError, type Verb } from './verb.ts';

const ACTIONS = ['install', 'status', 'remove'];

export const gpu: Verb = {
  summary: 'the CUDA libraries for an NVIDIA card: install, status, remove',
  help: `darkroom gpu install|status|remove

  darkroom gpu install                from the index that pip is configured to use; without one, the provider from
                                      NuGet and the libraries from NVIDIA (1 to 3 GB; continues where it stopped)
  darkroom gpu install --index URL    from an index of Python packages, such as https://pypi.org/simple
  darkroom gpu install --from FOLDER  from a folder with wheels, or with the libraries themselves
  darkroom gpu status                 what is installed, and whether the driver is new enough
  darkroom gpu remove                 frees the disk
Needs Linux on x86-64 and NVIDIA's driver: ${leastDriver(13)} or newer for CUDA 13 (an index of packages), ${leastDriver(12)} or
newer for CUDA 12 (NuGet). No Python, no CUDA toolkit, no root.`,

  async run(args) {
    const { values, positionals } = readOptions(
      args,
      { from: { type: 'string' }, index: { type: 'string' } },
      { positionals: 1 },
    );
    const [action] = positionals;
    if (action === undefined || !ACTIONS.includes(action)) {
      throw new UsageError(`Say what to do: darkroom gpu ${ACTIONS.join(' | ')}.`);
    }
    if (action !== 'install' && (values.from ?? values.index) !== undefined) {
      throw new UsageError('--from and --index go with darkroom gpu install.');
    }
    if (!isSupported()) {
      throw new UsageError(
        `onnxruntime has no CUDA provider for ${process.platform} on ${process.arch}; use the device webgpu there.`,
      );
    }
    try {
      if (action === 'install') return await install(values);
      if (action === 'remove') return await remove();
      return await status();
    } catch (error) {
      throw asUsage(error);
    }
  },
};

async function install({ from, index }: { from?: string; index?: string }): Promise<number> {
  if (from === '' || index === '')
    throw new UsageError('--from takes a folder, --index the address of an index.');
  if (from !== undefined && index !== undefined) throw new UsageError('Give --from or --index, not both.');
  let last = 0;
  let title = '';
  const view = {
    say: (text: string) => say(text),
    progress(name: string, bytes: number, total: number) {
      const isOver = bytes === total;
      if (name === title && !isOver && performance.now() - last < 200) return;
      last = performance.now();
      if (process.stderr.isTTY) {
        const share = total === 0 ? '' : ` ${((100 * bytes) / total).toFixed(0)} %`;
        process.stderr.write(`\r${name}: ${mib(bytes)}${share}\x1b[K${isOver ? '\n' : ''}`);
      } else if (name !== title) process.stderr.write(`${name}: ${mib(total)}\n`);
      title = name;
    },
  };
  const folder = await installFrom();
  say(`Installed in ${folder}. Set DARKROOM_DEVICES=cuda:0.`);
  return 0;

  async function installFrom(): Promise<string> {
    if (from !== undefined) return installFromFolder(from, view);
    const chosen = index ?? (await configuredIndex());
    if (chosen !== undefined) return installFromIndex(chosen, view);
    return installFromVendors(view, VENDORS, await driverVersion());
  }
}

async function status(): Promise<number> {
  const driver = await driverVersion();
  const there = installed();
  const least = leastDriver(there === undefined ? 12 : await cudaMajor(there.folder));
  const isNew = driver !== undefined && Number(driver.split('.')[0]) >= least;
  say(
    driver === undefined
      ? `driver: none found; NVIDIA's driver ${least} or newer is needed`
      : `driver: ${driver}${isNew ? '' : `; ${least} or newer is needed`}`,
  );
  if (there === undefined) {
    say(`libraries: none in ${libraryFolder()}; darkroom gpu install fetches them`);
    return 1;
  }
  const bytes = there.files.reduce((sum, file) => sum + file.bytes, 0);
  const missing = await missingLibraries(there.folder);
  say(`libraries: ${there.files.length} in ${there.folder}, ${mib(bytes)}`);
  if (missing.length > 0) say(`missing: ${missing.join(', ')}; run darkroom gpu install again`);
  return isNew && missing.length === 0 ? 0 : 1;
}

async function remove(): Promise<number> {
  const folder = libraryFolder();
  if (!existsSync(folder)) {
    say(`There is nothing to remove in ${folder}.`);
    return 0;
  }
  await onFolder(folder, () => rm(folder, { recursive: true, force: true }));
  say(`${folder} is removed.`);
  return 0;
}

const say = (text: string) => void process.stdout.write(`${text}\n`);
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
