/** What people mean by the name of a model or of another file. */

/** The same for names that mean the same: `Name.safetensors [a1b2c3d4e5]`, as A1111 shows it, in any case. */
export const plainName = (text: string): string =>
  text
    .trim()
    .replace(/\s*\[[0-9a-f]{8,64}\]$/i, '')
    .replace(/\.(safetensors|sft|gguf|ckpt|pt|pth|bin)$/i, '')
    .toLowerCase();

/** Those that are called exactly so; where none is, those that are meant. */
export function called<T extends { readonly name: string }>(typed: string, all: readonly T[]): readonly T[] {
  const exact = all.filter(({ name }) => name === typed);
  return exact.length > 0 ? exact : all.filter(({ name }) => plainName(name) === plainName(typed));
}

/** @returns undefined where none of the names is meant, or more than one */
export function nameMeant(typed: string, names: readonly string[]): string | undefined {
  const [first, second] = called(
    typed,
    names.map((name) => ({ name })),
  );
  return second === undefined ? first?.name : undefined;
}
