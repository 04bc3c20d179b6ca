/** Flags of other programs that people type here, each with what takes its place. */

const NOT_HERE = 'It is not available here. Leave it out.';
const MIDJOURNEY: readonly (readonly [names: readonly string[], instead: string])[] = [
  [['v', 'version', 'niji'], 'Choose a model with --model.'],
  [['q', 'quality', 'hd'], 'More detail comes with --steps, a larger picture with --upscale.'],
  [['s', 'stylize'], 'How closely the prompt is followed is --cfg; looks are in /style list.'],
  [['c', 'chaos', 'w', 'weird', 'r', 'repeat'], 'Several different pictures come with --n 4.'],
  [['iw', 'cw', 'sw'], 'How much of a picture is kept is --strength.'],
  [['sref', 'cref', 'oref', 'p', 'profile', 'sv'], NOT_HERE],
  [['tile', 'stop', 'video', 'motion', 'loop', 'raw', 'draft'], NOT_HERE],
  [['fast', 'relax', 'turbo', 'stealth', 'public'], 'Jobs take turns by fair share. Leave it out.'],
];
const SIZES = ['w', 'h', 'width', 'height'];

/** @returns a sentence for `--v`; undefined for a flag that no program is known for */
export function foreignFlag(flag: string): string | undefined {
  const name = flag.slice(2);
  if (SIZES.includes(name) && name !== 'w') return `${flag} is written as --size WIDTHxHEIGHT here.`;
  const found = MIDJOURNEY.find(([names]) => names.includes(name));
  return found && `${flag} is a flag of Midjourney. ${found[1]}`;
}
