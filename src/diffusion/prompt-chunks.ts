/**
 * Long prompts in the windows of a CLIP text encoder, by the rules of AUTOMATIC1111's web UI: chunks of 75 tokens,
 * each encoded on its own with its BOS and EOS, then put one after another.
 */

/** How many tokens back a comma is looked for, so that a phrase is not cut in two (A1111's comma padding backtrack). */
const COMMA_BACKTRACK = 20;

export interface WeightedToken {
  readonly id: number;
  readonly weight: number;
  /** Tokens from this one on that stay in one chunk: the vectors of an embedding. */
  readonly run?: number;
}

export type Chunk<Token extends WeightedToken = WeightedToken> = readonly Token[];

interface ChunkRules {
  /** Tokens of the text in one chunk: 75. */
  readonly size: number;
  /** Id of a comma that ends a word. */
  readonly comma: number | undefined;
}

/**
 * @param sections the tokens between the BREAKs
 * @returns at least one chunk; all tokens in order, each chunk of `size` tokens at most, unpadded
 */
export function chunkTokens<Token extends WeightedToken>(
  sections: readonly (readonly Token[])[],
  { size, comma }: ChunkRules,
): Chunk<Token>[] {
  const chunks: Token[][] = [[]];
  for (const [i, section] of sections.entries()) {
    if (i > 0) chunks.push([]);
    let lastComma: number | undefined;
    for (const token of section) {
      let chunk = chunks.at(-1)!;
      const isComma = token.id === comma;
      if (chunk.length === size) {
        // A comma that no longer fits does not move the words before it, and is not looked back for.
        const isNear = lastComma !== undefined && size - lastComma <= COMMA_BACKTRACK;
        const moved = isNear && !isComma ? chunk.splice(lastComma! + 1) : [];
        lastComma = undefined;
        chunk = moved;
        chunks.push(chunk);
      } else if (isComma) {
        lastComma = chunk.length;
      }
      if (token.run !== undefined && token.run <= size && chunk.length + token.run > size) {
        chunk = [];
        chunks.push(chunk);
        lastComma = undefined;
      }
      chunk.push(token);
    }
  }
  // A BREAK at the very end starts nothing.
  if (chunks.length > 1 && chunks.at(-1)!.length === 0) chunks.pop();
  return chunks;
}
