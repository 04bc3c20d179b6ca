/**
 * The prompt grammar of AUTOMATIC1111's web UI, as its wiki describes it ("Attention/emphasis", "BREAK keyword"):
 * (x) weighs x by 1.1, [x] by 1/1.1, (x:1.3) and (x: 1.3) by 1.3; nesting multiplies; a backslash takes a bracket as text;
 * BREAK starts a new chunk. A bracket that is never closed reaches to the end; one that was never opened is text.
 *
 * It differs in three places, where the original breaks: BREAK inside brackets is a break too, a weight that is no
 * number ("1.2.3") is text, and weights stay within WEIGHT_LIMIT.
 */

const EMPHASIS = 1.1;
/** Weights are clamped to -WEIGHT_LIMIT .. WEIGHT_LIMIT: beyond it every picture is noise. */
export const WEIGHT_LIMIT = 10;

export interface PromptSegment {
  readonly text: string;
  /** 1 is neutral. */
  readonly weight: number;
}

export interface ParsedPrompt {
  /** What stands between the BREAKs; neighbours within a section differ in weight. At least one, perhaps empty. */
  readonly sections: readonly (readonly PromptSegment[])[];
  /** The weight furthest beyond WEIGHT_LIMIT, before it was clamped. */
  readonly excess?: number;
}

const TOKENS = /\\[\\()[\]]?|:\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*\)|[()[\]:]|[^\\()[\]:]+/g;
/** As a word of its own: letters, numbers and _ on either side belong to another word. */
const BREAK = /(?<![\p{L}\p{N}_])BREAK(?![\p{L}\p{N}_])/u;

/** Time is linear in the length of the text, whatever its brackets. */
export function parsePrompt(text: string): ParsedPrompt {
  const tokens = text.match(TOKENS) ?? [];
  const matches = matchBrackets(tokens);
  const sections: PromptSegment[][] = [[]];
  // Round and square brackets may overlap, so each kind has its own stack of running products.
  const round = [1];
  const square = [1];
  let excess: number | undefined;

  const add = (part: string) => {
    if (part === '') return;
    const weight = tidy(round.at(-1)! * square.at(-1)!);
    if (Math.abs(weight) > WEIGHT_LIMIT && Math.abs(weight) > Math.abs(excess ?? 0)) excess = weight;
    const clamped = Math.min(WEIGHT_LIMIT, Math.max(-WEIGHT_LIMIT, weight));
    const section = sections.at(-1)!;
    const last = section.at(-1);
    if (last?.weight === clamped) section[section.length - 1] = { text: last.text + part, weight: clamped };
    else section.push({ text: part, weight: clamped });
  };

  for (const [i, token] of tokens.entries()) {
    const match = matches.get(i);
    if (match === undefined) {
      if (token.startsWith('\\')) {
        add(token.slice(1));
        continue;
      }
      for (const [j, part] of token.split(BREAK).entries()) {
        if (j > 0) sections.push([]);
        add(part);
      }
      continue;
    }
    const stack = match.kind === 'round' ? round : square;
    if (match.factor === undefined) stack.pop();
    else stack.push(bounded(stack.at(-1)! * match.factor));
  }
  return excess === undefined ? { sections } : { sections, excess };
}

interface Bracket {
  readonly kind: 'round' | 'square';
  /** Of an opening bracket. */
  readonly factor?: number;
}

/** The tokens that act as brackets. */
function matchBrackets(tokens: readonly string[]): Map<number, Bracket> {
  const brackets = new Map<number, Bracket>();
  const round: number[] = [];
  const square: number[] = [];
  const close = (i: number, kind: Bracket['kind'], factor: number) => {
    brackets.set((kind === 'round' ? round : square).pop()!, { kind, factor });
    brackets.set(i, { kind });
  };
  for (const [i, token] of tokens.entries()) {
    if (token === '(') round.push(i);
    else if (token === '[') square.push(i);
    else if (token === ')' && round.length > 0) close(i, 'round', EMPHASIS);
    else if (token === ']' && square.length > 0) close(i, 'square', 1 / EMPHASIS);
    else if (token.length > 1 && token.startsWith(':') && round.length > 0) {
      close(i, 'round', Number(token.slice(1, -1)));
    }
  }
  for (const i of round) brackets.set(i, { kind: 'round', factor: EMPHASIS });
  for (const i of square) brackets.set(i, { kind: 'square', factor: 1 / EMPHASIS });
  return brackets;
}

/** Thousands of nested brackets neither overflow nor, times 0, make NaN. */
const bounded = (product: number) => Math.min(1e30, Math.max(-1e30, product));

/** Brackets that undo each other give exactly 1. */
const tidy = (weight: number) => Number(weight.toPrecision(12));
