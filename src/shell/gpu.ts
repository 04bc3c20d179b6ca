/** `darkroom gpu`: the libraries that an NVIDIA card needs. */
import { rm } from 'node:fs/promises';
import { installFromFolder, installFromIndex } from '../gpu/install.ts';
import { driverVersion, installed, isSupported, libraryFolder, missingLibraries } from '../gpu/libraries.ts';
import { defaultIndex, LEAST_DRIVER } from '../gpu/wheel-index.ts';
import { asUsage, readOptions, UsageError, type Verb } from './verb.ts';

const ACTIONS = ['install', 'status', 'remove'];

export const gpu: Verb = {
  summary: 'the CUDA libraries for an NVIDIA card: install, status, remove',
  help: `darkroom gpu install|status|remove

  darkroom gpu install                from the package index that pip uses (about 1.2 GB; goes on where it was broken off)
  darkroom gpu install --index URL    from another index of Python packages
  darkroom gpu install --from FOLDER  from a folder with wheels, or with the libraries themselves
  darkroom gpu status                 what is installed, and whether the driver is new enough
  darkroom gpu remove                 frees the disk
Needs Linux on x86-64 and NVIDIA's driver ${LEAST_DRIVER} or newer; no Python, no CUDA toolkit, no root.`,

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
  const folder =
    from === undefined
      ? await installFromIndex(index ?? (await defaultIndex()), view)
      : await installFromFolder(from, view);
  say(`Installed in ${folder}. Set DARKROOM_DEVICES=cuda:0.`);
  return 0;
}

async function status(): Promise<number> {
  const driver = await driverVersion();
  const isNew = driver !== undefined && Number(driver.split('.')[0]) >= LEAST_DRIVER;
  say(
    driver === undefined
      ? `driver: none found; NVIDIA's driver ${LEAST_DRIVER} or newer is needed`
      : `driver: ${driver}${isNew ? '' : `; ${LEAST_DRIVER} or newer is needed`}`,
  );
  const found = installed();
  if (found === undefined) {
    say(`libraries: none in ${libraryFolder()}; darkroom gpu install fetches them`);
    return 1;
  }
  const bytes = found.files.reduce((sum, file) => sum + file.bytes, 0);
  const missing = await missingLibraries(found.folder);
  say(`libraries: ${found.files.length} in ${found.folder}, ${mib(bytes)}`);
  if (missing.length > 0) say(`missing: ${missing.join(', ')}; run darkroom gpu install again`);
  return isNew && missing.length === 0 ? 0 : 1;
}

async function remove(): Promise<number> {
  await rm(libraryFolder(), { recursive: true, force: true });
  say(`${libraryFolder()} is removed.`);
  return 0;
}

const say = (text: string) => void process.stdout.write(`${text}\n`);
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
