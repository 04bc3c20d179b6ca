/** The first characters of a text, an ellipsis in the place of the rest. Counts UTF-16 units, as the platforms do. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text;
  // Half of a surrogate pair is no character.
  return `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** @param render adds to the text; as much of it is kept as then has `most` characters */
export function clipRendered(text: string, most: number, render: (text: string) => string): string {
  let kept = clip(text, most);
  while (kept !== '' && render(kept).length > most) kept = clip(kept, Math.floor(kept.length * 0.9));
  return render(kept);
}
