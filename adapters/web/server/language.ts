/** The language of whoever sends a request: the first of the browser's languages that Darkroom speaks. */
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { LOCALES, type Locale, localeOf, spokenLocale } from '../../../src/sentences.ts';

export const localeOfCall = (c: Context): Locale =>
  localeOf(
    accepts(c, {
      header: 'Accept-Language',
      supports: [...LOCALES],
      default: 'en',
      match: (given, { default: otherwise }) =>
        given.toSorted((a, b) => b.q - a.q).find(({ type, q }) => q > 0 && spokenLocale(type) !== undefined)
          ?.type ?? otherwise,
    }),
  );
