/** The words that people read, for tests that read them in English. */
import { sayWords, type Words } from '../src/sentences.ts';

export const inEnglish = (notes: readonly Words[]): string[] => notes.map((note) => sayWords('en', note));
