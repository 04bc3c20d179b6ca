/** The page's HTML in the language of whoever opens it, with the sentences that its scripts say. */
import { html } from 'hono/html';
import { compiledMessages, isKey, type Locale, labelsFrom, sayIn } from '../../../src/sentences.ts';
import { readPageFile } from './page-files.ts';

/** What the scripts of the page may say: its own words, and the labels that buttons have on cards. */
const PREFIXES = ['page.', 'button.'];
/** What cards bring that each reader sees in their own language: buttons, and the forms that they open. */
const LABELS = ['button.', 'form.'];
const DATA: Partial<Record<Locale, string>> = {};

/** JSON within a script element: nothing in it ends the element. The page's policy runs no script in the page. */
function dataOf(locale: Locale): string {
  DATA[locale] ??= JSON.stringify({
    sentences: compiledMessages(locale, PREFIXES),
    labels: labelsFrom(locale, LABELS),
  }).replaceAll('<', '\\u003c');
  return DATA[locale];
}

const DATA_ELEMENT = '<script type="application/json" id="sentences">';

/** @returns index.html in that language: `{{page.send}}` stands for the sentence of that key */
export async function drawPage(locale: Locale): Promise<string> {
  const file = await readPageFile('index.html');
  const template = Buffer.from(file?.bytes ?? []).toString('utf8');
  return template
    .replaceAll(/\{\{([a-z_.]+)\}\}/g, (_, key: string) => {
      if (!isKey(key)) throw new TypeError(`index.html names ${key}, which is no key of the catalogue`);
      return String(html`${sayIn(locale).words({ key })}`);
    })
    .replace('<html lang="en">', `<html lang="${locale}">`)
    .replace(`${DATA_ELEMENT}{}`, () => DATA_ELEMENT + dataOf(locale));
}
