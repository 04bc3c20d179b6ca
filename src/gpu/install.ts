/** `darkroom gpu install`: the CUDA libraries from an index of wheels, or from a folder of wheels or libraries. */
import { globSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { DarkroomError } from '../errors.ts';
import {
  LIBRARY,
  libraryFolder,
  linkRuntime,
  missingLibraries,
  PROVIDER,
  runtimeVersion,
} from './libraries.ts';
import { fetchWheel, findWheel, requirements, sizeOf, type Wheel } from './wheel-index.ts';
import { extract, readZip } from './zip.ts';

export interface InstallView {
  say(text: string): void;
  /** @param total 0 where the server does not say it */
  progress(name: string, bytes: number, total: number): void;
}

/** What unpacked libraries take beside the wheels they come from, as a share of the wheels. */
const UNPACKED = 2.2;

/** @throws DarkroomError for an index that cannot be reached, a damaged wheel, a full disk, libraries that do not fit together */
export async function installFromIndex(index: string, view: InstallView): Promise<string> {
  const wheels: Wheel[] = [];
  for (const requirement of requirements(runtimeVersion())) wheels.push(await findWheel(index, requirement));
  const sizes = await Promise.all(wheels.map(sizeOf));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const folder = libraryFolder();
  const downloads = join(folder, 'wheels');
  await mkdir(downloads, { recursive: true });
  const wanted = total * (1 + UNPACKED);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < wanted) {
    throw new DarkroomError(
      'too_large',
      `The CUDA libraries need ${gib(wanted)} in ${folder}; ${gib(bavail * bsize)} are free. Free some, or set XDG_CACHE_HOME to another disk.`,
    );
  }
  view.say(`${wheels.length} wheels, ${gib(total)}, to ${folder}`);
  const files: string[] = [];
  for (const [i, wheel] of wheels.entries()) {
    const file = join(downloads, `${wheel.name}-${wheel.version}.whl`);
    await fetchWheel(wheel, file, (bytes) =>
      view.progress(`${wheel.name} ${wheel.version}`, bytes, sizes[i]!),
    );
    files.push(file);
  }
  await unpack(files, folder);
  await finish(folder);
  await rm(downloads, { recursive: true, force: true });
  return folder;
}

/** @param from holds wheels, or the libraries themselves, at any depth (a Python's site-packages, for one) */
export async function installFromFolder(from: string, view: InstallView): Promise<string> {
  const root = resolve(from);
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new DarkroomError('not_found', `${from} is no folder. --from takes one with wheels or libraries.`);
  }
  const folder = libraryFolder();
  await mkdir(folder, { recursive: true });
  const wheels = globSync('**/*.whl', { cwd: root }).map((name) => join(root, name));
  const libraries = globSync('**/*.so*', { cwd: root }).filter((name) => LIBRARY.test(basename(name)));
  view.say(`${wheels.length} wheels and ${libraries.length} libraries in ${root}, to ${folder}`);
  await unpack(wheels, folder);
  for (const name of libraries)
    await replace(join(folder, basename(name)), (to) => copyFile(join(root, name), to));
  await finish(folder);
  return folder;
}

async function unpack(wheels: readonly string[], folder: string): Promise<void> {
  for (const wheel of wheels) {
    for (const entry of await readZip(wheel)) {
      // Only the last part of a name is used: what a wheel says of folders leads nowhere else.
      const name = entry.name.split('/').at(-1)!;
      if (LIBRARY.test(name)) await replace(join(folder, name), (to) => extract(wheel, entry, to));
    }
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
  await linkRuntime(folder);
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
