/** Where `imagine` writes: nothing is overwritten unasked, and a request writes nowhere but under --out. */
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { Task } from './task.ts';
import { UsageError } from './verb.ts';

export interface OutputOptions {
  /** Folder, or for a single request a file that ends in .png. */
  readonly out: string;
  /** Whether files that exist may be replaced. */
  readonly overwrite: boolean;
}

interface OutputFiles {
  /** One file per picture. */
  readonly pictures: readonly string[];
  readonly latents: string | undefined;
}

const OTHER_FORMATS = ['.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.bmp', '.avif', '.heic', '.jxl'];

/**
 * Whether --out can be what the requests need, before a model is opened.
 * @param count of requests
 * @throws UsageError for another format, or one file for several requests
 */
export function checkOut(out: string, count: number): void {
  if (out === '') throw new UsageError('--out is empty. Name a file that ends in .png, or a folder.');
  if (isFolder(out)) return;
  const extension = extname(out).toLowerCase();
  if (OTHER_FORMATS.includes(extension)) {
    const png = `${out.slice(0, -extension.length)}.png`;
    throw new UsageError(`--out ${out}: pictures are written as PNG. Use --out ${png}, or a folder.`);
  }
  if (extension === '.png' && count > 1) {
    throw new UsageError(`--out ${out} is one file, but there are ${count} requests. Name a folder.`);
  }
}

/**
 * The files of a request, found to be writable before it is drawn; their folders are made.
 * @param picture how many pictures there will be, and the seed of the first
 * @throws DarkroomError('forbidden') for a file that exists or cannot be written, ('bad_request') for one outside of --out
 */
export async function planOutput(
  task: Task,
  { out, overwrite }: OutputOptions,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<OutputFiles> {
  const pictures = pictureFiles(task, { out, overwrite }, count, seed);
  const latents = task.latents ?? latentsFile(task, out);
  const files = latents === undefined ? pictures : [...pictures, latents];
  for (const file of files) if (!overwrite && existsSync(file)) throw existing(file);
  for (const folder of new Set(files.map((file) => dirname(file)))) await requireWritable(folder);
  return { pictures, latents };
}

/**
 * @throws DarkroomError('forbidden') where the file has appeared meanwhile; DarkroomError('internal') where the disk
 *   does not take it
 */
export async function writeOutput(file: string, bytes: Uint8Array, overwrite: boolean): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: overwrite ? 'w' : 'wx' });
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') throw existing(file);
    // What is there of it is no picture.
    await rm(file, { force: true }).catch(() => undefined);
    throw new DarkroomError('internal', `${file} cannot be written: ${reasonOf(cause)}.`, { cause });
  }
}

function pictureFiles(task: Task, options: OutputOptions, count: number, seed: number): string[] {
  const { out } = options;
  if (extname(out).toLowerCase() === '.png' && !isFolder(out)) return numbered(out, count);
  if (task.output !== undefined) {
    const name = /\.png$/i.test(task.output) ? task.output : `${task.output}.png`;
    return numbered(inside(out, name, 'output', task.output), count);
  }
  // Nobody has asked for this name: one that is free serves as well.
  for (let i = 1; ; i++) {
    const files = numbered(join(out, i === 1 ? `darkroom-${seed}.png` : `darkroom-${seed}-${i}.png`), count);
    if (options.overwrite || !files.some((file) => existsSync(file))) return files;
  }
}

/** name.png; with several pictures name-0.png, name-1.png … */
const numbered = (file: string, count: number) =>
  count === 1 ? [file] : Array.from({ length: count }, (_, i) => file.replace(/\.png$/i, `-${i}.png`));

/** A request's own file of latents lies beside the request or under --out. */
function latentsFile({ latentsOutput, base }: Task, out: string): string | undefined {
  if (latentsOutput === undefined) return undefined;
  const file = resolve(base, latentsOutput);
  if (isInside(out, file)) return file;
  return inside(base, latentsOutput, 'latents_output', latentsOutput);
}

function inside(folder: string, name: string, field: string, given: string): string {
  const file = resolve(folder, name);
  if (!given.includes('\0') && isInside(folder, file)) return join(folder, relative(folder, file));
  throw new DarkroomError(
    'bad_request',
    `${field} ${JSON.stringify(given)} is outside of ${folder}. Give a name without .. and without a leading slash.`,
  );
}

function isInside(folder: string, file: string): boolean {
  const way = relative(folder, file);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === resolve(file);
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

async function requireWritable(folder: string): Promise<void> {
  const probe = join(folder, `.darkroom-${randomUUID()}`);
  try {
    await makeFolder(folder);
    await writeFile(probe, '', { flag: 'wx' });
    await rm(probe);
  } catch (cause) {
    throw new DarkroomError(
      'forbidden',
      `Nothing can be written to ${folder}: ${reasonOf(cause)}. Choose another --out.`,
      { cause },
    );
  }
}

const existing = (file: string) =>
  new DarkroomError(
    'forbidden',
    `${file} exists already. Choose another name, or replace it with --overwrite.`,
  );

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

/** What the system says of a file, in words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'no folder can be made there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'part of the path is a file',
  EEXIST: 'part of the path is a file',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the name is too long',
};

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (typeof code === 'string' && Object.hasOwn(REASONS, code)) return REASONS[code]!;
  return typeof code === 'string' ? `the system answered ${code}` : 'it is not clear why';
}
