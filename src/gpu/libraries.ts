/**
 * The libraries that onnxruntime's CUDA provider needs beside the driver, and where they lie: in a folder of the user's
 * cache, so that neither root nor a writable node_modules is needed.
 */
import { createReadStream, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';

export const PROVIDER = 'libonnxruntime_providers_cuda.so';
const RUNTIME = 'libonnxruntime.so.1';
/** What a library of the folder is called: the provider's two, and NVIDIA's that it or cuDNN opens. */
export const LIBRARY =
  /^(libonnxruntime_providers_(cuda|shared)\.so|lib(cublas|cublasLt|cudart|cufft|curand|nvrtc|nvrtc-builtins|cudnn\w*)\.so\.[\d.]+)$/;
/** Opened before onnxruntime is, each after those that it needs. The rest find each other in the folder. */
const OPENED_FIRST = [
  /^libcudart\.so/,
  /^libcublasLt\.so/,
  /^libcublas\.so/,
  /^libcurand\.so/,
  // Only a provider for CUDA 12 needs it.
  /^libcufft\.so/,
  /^libcudnn\.so/,
];
/** glibc's RTLD_NODELETE: a library that is no addon of Node stays open all the same. */
const NODELETE = 0x1000;

const require = createRequire(import.meta.url);

/** Version of onnxruntime-node, which the provider's must be. */
export function runtimeVersion(): string {
  return (require('onnxruntime-node/package.json') as { version: string }).version;
}

/** Where onnxruntime-node has its own library for this machine. */
function runtimeFolder(): string {
  const root = dirname(require.resolve('onnxruntime-node/package.json'));
  return join(root, 'bin', 'napi-v6', process.platform, process.arch);
}

/** The folder of the installed libraries: one for each version of onnxruntime. */
export function libraryFolder(): string {
  return join(cacheFolder(), `cuda-${runtimeVersion()}`);
}

/** Where Darkroom keeps what it can make again. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'darkroom');
}

export function isSupported(): boolean {
  return process.platform === 'linux' && process.arch === 'x64';
}

export interface Installed {
  readonly folder: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/** What is installed; undefined where nothing is. */
export function installed(folder = libraryFolder()): Installed | undefined {
  // scripts/preinstall.js makes empty ones.
  if ((statSync(join(folder, PROVIDER), { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined;
  const names = readdirSync(folder).filter((name) => LIBRARY.test(name));
  return { folder, files: names.map((name) => ({ name, bytes: statSync(join(folder, name)).size })) };
}

/** The major version of CUDA that the provider in the folder was built for. */
export async function cudaMajor(folder: string): Promise<number> {
  const names = [...((await neededBy(folder)).get('cublas') ?? [])];
  return Number(names.toSorted().at(-1)?.split('.').at(-1) ?? 13);
}

/**
 * Libraries that the provider asks for and the folder lacks.
 * @returns names such as `libcublas.so.13`
 */
export async function missingLibraries(folder: string): Promise<string[]> {
  const needed = await neededBy(folder);
  const lacks = [...needed.values()].filter((names) =>
    [...names].every((name) => !existsSync(join(folder, name))),
  );
  return lacks.map((names) => [...names].toSorted().at(-1)!).toSorted();
}

/** The names of the libraries that the provider asks for, by library. */
async function neededBy(folder: string): Promise<Map<string, Set<string>>> {
  // By library, since the provider names one of them in two versions and takes what is there.
  const needed = new Map<string, Set<string>>([['cudnn', new Set(['libcudnn.so.9'])]]);
  let rest = '';
  for await (const chunk of createReadStream(join(folder, PROVIDER), { highWaterMark: 2 ** 22 })) {
    const text = rest + (chunk as Buffer).toString('latin1');
    for (const [name, library = ''] of text.matchAll(/lib(cublas|cublasLt|cudart|curand)\.so\.\d+(?=\0)/g)) {
      needed.set(library, (needed.get(library) ?? new Set()).add(name));
    }
    rest = text.slice(-64);
  }
  return needed;
}

/** Puts onnxruntime's own library beside the provider: it looks for providers where it lies itself. */
export async function linkRuntime(folder: string): Promise<void> {
  await makeFolder(folder);
  await rm(join(folder, RUNTIME), { force: true });
  await symlink(join(runtimeFolder(), RUNTIME), join(folder, RUNTIME));
}

/**
 * Opens the installed libraries, so that onnxruntime-node, loaded after this, finds the provider among them and needs no
 * LD_LIBRARY_PATH. Nothing happens where none are installed: they may lie beside onnxruntime-node itself.
 * @throws DarkroomError('misconfigured') where a library cannot be opened, with the loader's reason
 */
export function openLibraries(folder = libraryFolder()): void {
  if (!isSupported() || installed(folder) === undefined) return;
  const runtime = join(folder, RUNTIME);
  if (!existsSync(runtime) || realpathSync(runtime) !== realpathSync(join(runtimeFolder(), RUNTIME))) {
    throw new DarkroomError(
      'misconfigured',
      `The CUDA libraries in ${folder} were installed for another copy of onnxruntime. Run darkroom gpu install again.`,
    );
  }
  const names = readdirSync(folder);
  const first = OPENED_FIRST.flatMap((pattern) => names.filter((name) => pattern.test(name)));
  for (const name of [...first, RUNTIME]) openLibrary(join(folder, name));
}

function openLibrary(path: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | NODELETE);
  } catch (cause) {
    const { message } = cause as Error;
    // It is open by now; Node only misses an addon's own entry.
    if (message.includes('self-register')) return;
    throw new DarkroomError('misconfigured', `A CUDA library cannot be opened: ${message}.`, { cause });
  }
}

/** The driver's version and the names of the cards, as nvidia-smi or the kernel module says; undefined without a driver. */
export async function driverVersion(root = '/'): Promise<string | undefined> {
  const text = await readFile(join(root, 'proc/driver/nvidia/version'), 'utf8').catch(() => '');
  return /Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)/.exec(text)?.[1];
}
