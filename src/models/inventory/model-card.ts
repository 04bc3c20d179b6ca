/** The front matter of a README.md, as the Hugging Face Hub reads it: which licence it names. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { bounded } from './text.ts';

/** Bytes in which a front matter ends. */
const MOST = 64 * 1024;
/** The folder of a repository in the Hub's cache. */
const SNAPSHOT = /^(.*[/\\]models--[^/\\]+[/\\]snapshots[/\\][^/\\]+)[/\\]/;

/** @param folder of a model; a README that cannot be read says nothing */
export async function readLicence(folder: string): Promise<string | undefined> {
  const text = await readStart(join(folder, 'README.md'));
  const matter = /^\uFEFF?---\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)/s.exec(text)?.[1];
  if (matter === undefined) return undefined;
  const value = (key: string) => {
    // A list is written on one line or on several; a model has one licence in almost all of them.
    const found = new RegExp(`^${key}:[ \\t]*(?:\\r?\\n[ \\t]*- +)?\\[?["']?([^\\r\\n"'\\],#]+)`, 'm').exec(
      matter,
    );
    return bounded(found?.[1]);
  };
  const licence = value('license');
  return licence === 'other' ? (value('license_name') ?? licence) : licence;
}

/** Of a file in the Hub's cache: the card of its repository. */
export async function readLicenceOfFile(path: string): Promise<string | undefined> {
  const folder = SNAPSHOT.exec(path)?.[1];
  return folder === undefined ? undefined : readLicence(folder);
}

async function readStart(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST), 0, MOST, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}
