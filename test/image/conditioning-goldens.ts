/** The cases that test/golden/make_conditioning.py made, and their pictures. */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import type { Raster } from '../../src/image/resample.ts';

const folder = new URL('../golden/fixtures/conditioning/', import.meta.url);

export const conditioningFile = (name: string): Uint8Array => readFileSync(new URL(name, folder));

/** The cases of one part, each with the file names of its pictures. */
export function casesOf<Case>(part: string): readonly Case[] {
  const cases = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as Record<string, Case[]>;
  const found = cases[part];
  if (found === undefined) throw new Error(`no cases of ${part}`);
  return found;
}

/** A picture's samples as they stand in the file. */
export async function readRaster(name: string): Promise<Raster> {
  const reader = sharp(conditioningFile(name));
  const isGrey = (await reader.metadata()).channels === 1;
  const { data, info } = await reader
    .toColourspace(isGrey ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { data: new Uint8Array(data), width, height, channels };
}

/** How many pixels of two pictures differ by more than `levels` in any channel. */
export function differing(a: Raster, b: Raster, levels = 0): number {
  if (a.data.length !== b.data.length) throw new Error(`${a.data.length} samples against ${b.data.length}`);
  let count = 0;
  for (let i = 0; i < a.data.length; i += a.channels) {
    const isFar = (_: unknown, c: number) => Math.abs(a.data[i + c]! - b.data[i + c]!) > levels;
    if (Array.from({ length: a.channels }).some(isFar)) count++;
  }
  return count;
}
