/** The buttons of a card in rows: for several pictures a row for each verb. */
import type { CardAction } from './card.ts';

/** Buttons in a row; Discord takes no more. */
const ROW = 5;

export function buttonRows(actions: readonly CardAction[]): CardAction[][] {
  const verbs = Object.values(Object.groupBy(actions, ({ id }) => id.split(':')[0] ?? '')).map(
    (group = []) => group,
  );
  // One button of each verb is one row, also beside a picture of its own.
  const groups = verbs.every(({ length }) => length === 1) ? [[...actions]] : verbs;
  return groups.flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / ROW) }, (_, i) => group.slice(i * ROW, (i + 1) * ROW)),
  );
}
