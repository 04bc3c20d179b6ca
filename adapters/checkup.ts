/** What `darkroom doctor` finds out about a platform: one row a question. */
export interface Finding {
  readonly name: string;
  /** What is so, or what is wrong and which switch to set. */
  readonly words: string;
  readonly good: boolean;
}

export const good = (name: string, words: string): Finding => ({ name, words, good: true });
export const bad = (name: string, words: string): Finding => ({ name, words, good: false });
