/** `darkroom gpu install`: the CUDA libraries from an index of wheels, or from a folder of wheels or libraries. */
import { execFile } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { DarkroomError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { onFolder } from './folder-work.ts';
import {
  cudaMajor,
  LIBRARY,
  libraryFolder,
  linkRuntime,
  missingLibraries,
  PROVIDER,
  runtimeVersion,
} from './libraries.ts';
import { findLibraries, findProvider, type SizedDownload, VENDORS, type Vendors } from './vendors.ts';
import { type Download, fetchFile, findWheel, leastDriver, requirements, sizeOf } from './wheel-index.ts';
import { extract, readZip, type ZipEntry } from './zip.ts';

interface InstallView {
  say(text: string): void;
  /** @param total 0 where the server does not say it */
  progress(name: string, bytes: number, total: number): void;
}

/** What unpacked libraries take beside the wheels they come from, as a share of the wheels. */
const UNPACKED = 2.2;

/** @throws DarkroomError for an index that cannot be reached, a damaged wheel, a full disk, libraries that do not fit together */
export const installFromIndex = (index: string, view: InstallView): Promise<string> =>
  onFolder(libraryFolder(), () => fromIndex(index, view));

async function fromIndex(index: string, view: InstallView): Promise<string> {
  const wheels: Download[] = [];
  for (const requirement of requirements(runtimeVersion())) wheels.push(await findWheel(index, requirement));
  const sizes = await Promise.all(wheels.map(sizeOf));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const folder = libraryFolder();
  const downloads = join(folder, 'wheels');
  await makeFolder(downloads);
  await requireRoom(folder, total);
  view.say(`${wheels.length} wheels, ${gib(total)}, to ${folder}`);
  const files: string[] = [];
  for (const [i, wheel] of wheels.entries()) {
    const file = join(downloads, `${wheel.name}-${wheel.version}.whl`);
    const size = sizes[i]!;
    await fetchFile(wheel, file, size, (bytes) =>
      view.progress(`${wheel.name} ${wheel.version}`, bytes, size),
    );
    files.push(file);
  }
  await unpack(files, folder);
  await finish(folder);
  await rm(downloads, { recursive: true, force: true });
  return folder;
}

/** @param total bytes of what is fetched */
async function requireRoom(folder: string, total: number): Promise<void> {
  const wanted = total * (1 + UNPACKED);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= wanted) return;
  throw new DarkroomError(
    'too_large',
    `The CUDA libraries need ${gib(wanted)} in ${folder}; ${gib(bavail * bsize)} are free. Free some, or set XDG_CACHE_HOME to another disk.`,
  );
}

/**
 * From where the vendors publish them: the provider by the source of onnxruntime-node's own script, then NVIDIA's
 * libraries for the CUDA that it was built for.
 */
export const installFromVendors = (
  view: InstallView,
  vendors: Vendors = VENDORS,
  driver?: string,
): Promise<string> => onFolder(libraryFolder(), () => fromVendors(view, vendors, driver));

async function fromVendors(view: InstallView, vendors: Vendors, driver: string | undefined): Promise<string> {
  const folder = libraryFolder();
  const downloads = join(folder, 'wheels');
  await makeFolder(downloads);
  const fetched = async ({ file, bytes }: SizedDownload): Promise<string> => {
    const to = join(downloads, basename(new URL(file.url).pathname));
    await fetchFile(file, to, bytes, (have) => view.progress(`${file.name} ${file.version}`, have, bytes));
    return to;
  };
  const provider = await findProvider(vendors.nuget, runtimeVersion());
  view.say(`onnxruntime's provider, ${gib(provider.bytes)}, to ${folder}`);
  await requireRoom(folder, provider.bytes);
  await unpack([await fetched(provider)], folder);
  const major = await cudaMajor(folder);
  const least = leastDriver(major);
  if (driver !== undefined && Number(driver.split('.')[0]) < least) {
    throw new DarkroomError(
      'misconfigured',
      `The libraries of CUDA ${major} need driver ${least} or newer; this machine has ${driver}. Install a newer driver first.`,
    );
  }
  const archives = await findLibraries(vendors, major);
  const total = archives.reduce((sum, { bytes }) => sum + bytes, 0);
  view.say(`NVIDIA's libraries for CUDA ${major}: ${archives.length} archives, ${gib(total)}, to ${folder}`);
  await requireRoom(folder, total);
  for (const archive of archives) {
    const file = await fetched(archive);
    const unpacked = join(downloads, 'unpacked');
    await rm(unpacked, { recursive: true, force: true });
    await mkdir(unpacked);
    await untar(file, unpacked);
    for (const name of globSync('**/lib/*.so*', { cwd: unpacked })) {
      // By the names that programs ask for; the files behind them have longer ones.
      if (LIBRARY.test(basename(name)) && /\.so\.\d+(\.\d+)?$/.test(name))
        await replace(join(folder, basename(name)), (to) => copyFile(join(unpacked, name), to));
    }
    await rm(unpacked, { recursive: true, force: true });
  }
  await finish(folder);
  await rm(downloads, { recursive: true, force: true });
  return folder;
}

/** Bytes; less than the smallest archive unpacks to. */
const NO_ROOM = 2 ** 20;

/** Node has no xz of its own. */
async function untar(file: string, to: string): Promise<void> {
  try {
    await promisify(execFile)('tar', ['-xJf', file, '-C', to]);
  } catch (cause) {
    const { bavail, bsize } = await statfs(to);
    const reason =
      bavail * bsize < NO_ROOM
        ? 'the disk is full. Free some of it, or set XDG_CACHE_HOME to a folder of another disk.'
        : 'it needs the programs tar and xz. Install them, or use --index URL.';
    throw new DarkroomError('misconfigured', `${basename(file)} could not be unpacked: ${reason}`, { cause });
  }
}

/** @param from holds wheels, or the libraries themselves, at any depth (a Python's site-packages, for one) */
export const installFromFolder = (from: string, view: InstallView): Promise<string> =>
  onFolder(libraryFolder(), () => fromFolder(from, view));

async function fromFolder(from: string, view: InstallView): Promise<string> {
  const root = resolve(from);
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new DarkroomError('not_found', `${from} is no folder. --from takes one with wheels or libraries.`);
  }
  const folder = libraryFolder();
  await makeFolder(folder);
  const wheels = globSync('**/*.whl', { cwd: root }).map((name) => join(root, name));
  // scripts/preinstall.js leaves empty ones beside onnxruntime-node.
  const libraries = globSync('**/*.so*', { cwd: root }).filter(
    (name) => LIBRARY.test(basename(name)) && statSync(join(root, name)).size > 0,
  );
  view.say(`${wheels.length} wheels and ${libraries.length} libraries in ${root}, to ${folder}`);
  await unpack(wheels, folder);
  for (const name of libraries)
    await replace(join(folder, basename(name)), (to) => copyFile(join(root, name), to));
  await finish(folder);
  return folder;
}

async function unpack(wheels: readonly string[], folder: string): Promise<void> {
  for (const wheel of wheels) {
    const entries = await readZip(wheel);
    requireVersion(wheel, entries);
    // Only the last part of a name is used: what a wheel says of folders leads nowhere else.
    const libraries = new Map(entries.map((entry) => [entry.name.split('/').at(-1)!, entry]));
    for (const [name, entry] of libraries) {
      if (LIBRARY.test(name)) await replace(join(folder, name), (to) => extract(wheel, entry, to));
    }
  }
}

/** A provider of another version than onnxruntime's crashes in it, or is refused by it. */
function requireVersion(wheel: string, entries: readonly ZipEntry[]): void {
  for (const { name } of entries) {
    const version = /^onnxruntime_gpu-([^/]+)\.dist-info\//.exec(name)?.[1];
    if (version === undefined || version === runtimeVersion()) continue;
    throw new DarkroomError(
      'misconfigured',
      `${basename(wheel)} is of onnxruntime ${version}; this Darkroom needs the wheel onnxruntime-gpu ${runtimeVersion()}.`,
    );
  }
}

/** A library that is in use is not written into. */
async function replace(to: string, write: (part: string) => Promise<void>): Promise<void> {
  const part = `${to}.part`;
  await write(part);
  await rename(part, to);
}

async function finish(folder: string): Promise<void> {
  await stat(join(folder, PROVIDER)).catch(() => {
    throw new DarkroomError(
      'not_found',
      `There is no ${PROVIDER} there: it is in the wheel onnxruntime-gpu ${runtimeVersion()}.`,
    );
  });
  const missing = await missingLibraries(folder);
  if (missing.length > 0) {
    throw new DarkroomError(
      'misconfigured',
      `The provider needs ${missing.join(', ')}, which is not there. Provider and libraries must be of the same major version of CUDA.`,
    );
  }
  await removeOthers(folder);
  await linkRuntime(folder);
}

/** What an earlier installation for another CUDA has left: the same library found twice. */
async function removeOthers(folder: string): Promise<void> {
  const major = await cudaMajor(folder);
  for (const name of globSync('lib{cublas,cublasLt,cudart,nvrtc,nvrtc-builtins}.so.*', { cwd: folder })) {
    if (!name.split('.so.')[1]!.startsWith(`${major}`)) await rm(join(folder, name));
  }
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
