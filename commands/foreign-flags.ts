/** Flags of other programs that people type here, each with what takes its place. */
import { type Sentence, sentence } from '../src/sentences.ts';

const MIDJOURNEY = [
  [['v', 'version', 'niji'], 'foreign.model'],
  [['q', 'quality', 'hd'], 'foreign.quality'],
  [['s', 'stylize'], 'foreign.stylize'],
  [['c', 'chaos', 'w', 'weird', 'r', 'repeat'], 'foreign.chaos'],
  [['iw', 'cw', 'sw'], 'foreign.weight'],
  [['sref', 'cref', 'oref', 'p', 'profile', 'sv'], 'foreign.not_here'],
  [['tile', 'stop', 'video', 'motion', 'loop', 'raw', 'draft'], 'foreign.not_here'],
  [['fast', 'relax', 'turbo', 'stealth', 'public'], 'foreign.turns'],
] as const;
const SIZES = ['w', 'h', 'width', 'height'];

/** @returns a sentence for `--v`; undefined for a flag that no program is known for */
export function foreignFlag(flag: string): Sentence | undefined {
  const name = flag.slice(2);
  if (SIZES.includes(name) && name !== 'w') return sentence('foreign.size', { flag });
  const found = MIDJOURNEY.find(([names]) => names.some((one) => one === name));
  return found && sentence(found[1], { flag });
}
