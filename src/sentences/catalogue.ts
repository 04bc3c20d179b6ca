/** All sentences in all languages, by key. */
import { en } from './en/index.ts';
import { ko } from './ko/index.ts';
import type { Locale } from './locale.ts';

export type Key = keyof typeof en;

export const isKey = (text: string): text is Key => Object.hasOwn(en, text);

export const CATALOGUE: Readonly<Record<Locale, Readonly<Record<Key, string>>>> = { en, ko };
export type English = typeof en;
