/** One name for each model of a kind, by which people call it. */
import { basename, dirname } from 'node:path';
import type { Found } from './walk.ts';

const LONGEST = 120;

/**
 * What can be typed behind --model, in a row of --lora or in <lora:NAME:1>, and read in a list.
 * @returns '_' for what these need themselves
 */
export const typable = (name: string): string =>
  name
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}<>:,"`|]/gu, '_')
    .trim()
    .slice(0, LONGEST) || 'unnamed';

/**
 * The plain name; where that is taken, the one with its ending (beside a file of another format) or with its folder in
 * front; then numbered ones.
 * @param ownerOf path of what has a name, among those of its kind
 */
export function chooseName(
  { name, path, parent, form }: Found,
  ownerOf: (name: string) => string | undefined,
): string {
  const plain = typable(name);
  const owner = ownerOf(plain);
  if (owner === undefined || owner === path) return plain;
  const isBeside = form === 'file' && dirname(owner) === dirname(path);
  const candidates = [isBeside ? basename(path) : `${parent}-${name}`].map(typable);
  for (let i = 2; ; i++) {
    const free = candidates.find((one) => (ownerOf(one) ?? path) === path);
    if (free !== undefined) return free;
    candidates.push(typable(`${name.slice(0, LONGEST - 10)}-${i}`));
  }
}
