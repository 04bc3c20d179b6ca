/** Hashes by which recipes name the files that a picture was drawn with. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Component } from '../graph/component.ts';
import { filesChanged, requireSameFiles } from './seen.ts';

/** What has hashed files before: the inventory. */
export interface KnownHashes {
  /** @returns the SHA-256 of a file in hex, undefined for one that it does not know */
  hash(path: string): Promise<string | undefined>;
}

/** Hex digits of a SHA-256 that A1111 and Civitai show. */
const SHOWN = 10;

/**
 * First 10 hex digits of the SHA-256 over a component's files, in the order of their names: of a single file the file's own.
 * @throws FilesChanged where they are gone, or no longer those whose headers were read
 */
export async function hashOfWeights({ tensors }: Component): Promise<string> {
  const hash = createHash('sha256');
  const files = new Set([...tensors.values()].map(({ file }) => file));
  for (const file of [...files].sort()) {
    try {
      for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }))
        hash.update(chunk as Buffer);
    } catch {
      throw filesChanged(file);
    }
  }
  await requireSameFiles(tensors.values());
  return hash.digest('hex').slice(0, SHOWN);
}

/**
 * The same of a component that may lie in one file, which need not be read again once its hash is known.
 * @param path of the file as it is known, or of a folder
 */
export async function hashOfPart(component: Component, path: string, hashes: KnownHashes): Promise<string> {
  const known = await hashes.hash(path);
  if (known === undefined) return hashOfWeights(component);
  await requireSameFiles(component.tensors.values());
  return known.slice(0, SHOWN);
}
