/** The files of the page by their names, and the types of pictures by their first bytes. */
import { readFile } from 'node:fs/promises';

const PAGE = new URL('../page/', import.meta.url);
/** One folder, and no dot except before the ending: no name leads out of the folder. */
const PAGE_FILE = /^[a-z0-9][a-z0-9-]*\.(html|css|js|svg|webp)$/;
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  webp: 'image/webp',
};

/** @returns undefined if the page has no such file */
export async function readPageFile(
  name: string,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; type: string } | undefined> {
  const ending = PAGE_FILE.exec(name)?.[1];
  if (ending === undefined) return undefined;
  const bytes = await readFile(new URL(name, PAGE)).catch(() => undefined);
  return bytes && { bytes, type: TYPES[ending]! };
}

const SIGNATURES: readonly (readonly [type: string, at: number, text: string])[] = [
  ['image/png', 0, '\x89PNG'],
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/webp', 8, 'WEBP'],
  ['image/gif', 0, 'GIF8'],
  ['image/avif', 4, 'ftyp'],
];

/** The media type of a stored picture; browsers do not display any other bytes as a picture. */
export function pictureType(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  return SIGNATURES.find(([, at, text]) => head.startsWith(text, at))?.[0] ?? 'application/octet-stream';
}
