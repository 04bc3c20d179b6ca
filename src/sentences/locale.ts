/** The languages that Darkroom speaks. */

export const LOCALES = ['en', 'ko'] as const;
export type Locale = (typeof LOCALES)[number];

/** @param tag BCP 47: `en-US`, `ko` @returns undefined for a language that is not spoken here */
export function spokenLocale(tag: string): Locale | undefined {
  const [language] = tag.toLowerCase().split(/[-_]/);
  return LOCALES.find((locale) => locale === language);
}

/** @param tag as a platform says it @returns English where the platform says none, or one that is not spoken here */
export const localeOf = (tag: string | undefined): Locale => spokenLocale(tag ?? '') ?? 'en';
