/**
 * Words and phrases as they are found in shapeOf(): by looking up what neighbouring parts of a text make together, so
 * that the time depends on the text and hardly on how many words there are.
 */
import { shapeOf } from './fold.ts';

/** Letters of a word or phrase. */
export const MOST_LETTERS = 60;
/** Signs that may stand between two parts of one word. */
const MOST_BETWEEN = 3;
/** A word of two letters that is spelled letter by letter is found in too many harmless texts. */
const LEAST_SPELLED = 3;

/** Two syllables are as many letters as a word of five. */
const SYLLABLES = /^\p{Script=Hangul}{2}$/u;

const PART = /[\p{L}\p{N}\p{M}]+/gu;
/** Scripts without spaces between words, and one whose particles follow a word without a space. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const SUFFIXED = /\p{Script=Hangul}$/u;

/** How a text goes together from one part on. */
interface Joint {
  /** Nothing but signs between its parts: `g-u-n`. */
  readonly isTight: boolean;
  /** Letter by letter: `g u n`. */
  readonly isSpelled: boolean;
}

/** Words and phrases by their letters, each with what it belongs to; a phrase is also found over spaces. */
class Words {
  readonly words = new Map<string, string>();
  readonly phrases = new Map<string, string>();
  /** How many letters they have: a look at a text costs more than one at its length. */
  readonly lengths = new Set<number>();

  find(letters: string, { isTight, isSpelled }: Joint): string | undefined {
    if (!this.lengths.has(letters.length)) return undefined;
    const word = this.words.get(letters);
    const isWord = isTight || (isSpelled && (letters.length >= LEAST_SPELLED || SYLLABLES.test(letters)));
    return word !== undefined && isWord ? word : this.phrases.get(letters);
  }
}

/** All terms of some rules. */
export class Terms {
  /** By whether they begin and end anywhere in a word. */
  readonly #kinds = { whole: new Words(), beginning: new Words(), end: new Words(), within: new Words() };
  #longest = 0;
  #hasPhrases = false;
  #hasInner = false;
  /** Lengths of what may end anywhere. */
  readonly #lengths = new Set<number>();

  /** @param rule that the term belongs to. @param term `gun`, `machine gun`, `gun*`, `*gun` */
  add(rule: string, term: string): void {
    const parts = shapeOf(term).match(PART) ?? [];
    const letters = parts.join('');
    const beginsAnywhere = term.startsWith('*') || UNSPACED.test(Array.from(term)[0] ?? '');
    const endsAnywhere =
      term.endsWith('*') || SUFFIXED.test(term) || UNSPACED.test(Array.from(term).at(-1) ?? '');
    const kind = beginsAnywhere ? (endsAnywhere ? 'within' : 'end') : endsAnywhere ? 'beginning' : 'whole';
    this.#kinds[kind][parts.length > 1 ? 'phrases' : 'words'].set(letters, rule);
    this.#kinds[kind].lengths.add(letters.length);
    this.#longest = Math.max(this.#longest, letters.length);
    this.#hasPhrases ||= parts.length > 1;
    this.#hasInner ||= beginsAnywhere;
    if (endsAnywhere) this.#lengths.add(letters.length);
  }

  /** @param shape of a text, by shapeOf() @returns the rule of a term that is in it */
  find(shape: string): string | undefined {
    if (this.#longest === 0) return undefined;
    const parts = [...shape.matchAll(PART)].map(({ 0: text, index }) => ({ text, at: index }));
    /** What stands before part i: how many signs, and whether spaces are among them. */
    const gaps = parts.map(({ at }, i) => {
      const before = parts[i - 1];
      const gap = before === undefined ? '' : shape.slice(before.at + before.text.length, at);
      return { isNear: gap.length <= MOST_BETWEEN, isTight: !/\s/u.test(gap) };
    });
    for (const [i, { text }] of parts.entries()) {
      const starts = this.#hasInner ? text.length : 1;
      for (let start = 0; start < starts; start++) {
        const found = this.#findFrom(parts, gaps, i, start);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  #findFrom(
    parts: readonly { readonly text: string }[],
    gaps: readonly { readonly isNear: boolean; readonly isTight: boolean }[],
    first: number,
    start: number,
  ): string | undefined {
    const { whole, beginning, end, within } = this.#kinds;
    const complete = start === 0 ? [whole, end] : [end];
    const open = start === 0 ? [beginning, within] : [within];
    let letters = '';
    let joint: Joint = { isTight: true, isSpelled: true };
    for (let j = first; j < parts.length && letters.length < this.#longest; j++) {
      const { text } = parts[j]!;
      const gap = gaps[j]!;
      if (j > first) {
        if (!gap.isNear) return undefined;
        joint = { isTight: joint.isTight && gap.isTight, isSpelled: joint.isSpelled };
      }
      const before = letters.length;
      // One letter more than any term has says that it goes on.
      const from = j === first ? start : 0;
      letters += text.slice(from, from + this.#longest + 1);
      joint = { ...joint, isSpelled: joint.isSpelled && letters.length - before === 1 };
      if (!joint.isTight && !joint.isSpelled && !this.#hasPhrases) return undefined;
      for (const words of complete) {
        const found = words.find(letters, joint);
        if (found !== undefined) return found;
      }
      for (const length of this.#lengths) {
        if (length <= before || length > letters.length) continue;
        for (const words of open) {
          const found = words.find(letters.slice(0, length), joint);
          if (found !== undefined) return found;
        }
      }
    }
    return undefined;
  }
}

/** Letters of a term, as they are compared. */
export const lettersOf = (term: string): number => (shapeOf(term).match(PART) ?? []).join('').length;
