/** The card of a refusal, in the language of whoever reads it. */
import { describeError, wordsOf } from '../src/errors.ts';
import { localeOf, sayIn } from '../src/sentences.ts';
import type { Card } from './card.ts';

/** @param locale as in Where */
export function refusalCard(error: unknown, locale: string | undefined): Card & { error: object } {
  const described = describeError(error);
  const message = sayIn(localeOf(locale)).words(wordsOf(described));
  return { text: message, error: { code: described.code, message } };
}
