/** The sentences of Darkroom in its languages; the door of src/sentences/. */
export { CATALOGUE, isKey, type Key } from './sentences/catalogue.ts';
export { compiledMessages, labelsFrom } from './sentences/compiled.ts';
export { LOCALES, type Locale, localeOf, spokenLocale } from './sentences/locale.ts';
export { type Say, sayIn, sayWords } from './sentences/say.ts';
export { type PlainKey, type Sentence, sentence, type Words } from './sentences/sentence.ts';
export { shorten } from './sentences/shorten.ts';
