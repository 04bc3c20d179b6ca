/** Text as it is compared with rules: what only looks different is the same. */
import { letterOf } from './look-alikes.ts';

/** Digits and signs that are written for letters, and letters that are written for each other. */
const SHAPES: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'l',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  i: 'l',
};

/** NFKC in lower case, without characters that nobody sees: zero-width ones, joiners, directions, soft hyphens. */
export const plainText = (text: string): string =>
  text
    .normalize('NFKC')
    .replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, '')
    .toLowerCase();

/** plainText() in Latin letters where they look alike, and without accents. */
export function latinText(text: string): string {
  const bare = plainText(text)
    .normalize('NFD')
    .replaceAll(/([\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])\p{Mn}+/gu, '$1')
    .normalize('NFC');
  return Array.from(bare, letterOf).join('');
}

/** latinText() in which what stands for a letter is that letter: `g0d` is `god`, and i, l and 1 are one. */
export const shapeOf = (text: string): string =>
  latinText(text).replaceAll(/[01345789@$i]/g, (one) => SHAPES[one]!);
