/** The menu above the prompt line, as far as it needs no browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

interface Suggestion {
  readonly from: number;
  readonly entries: readonly { readonly insert: string; readonly title: string }[];
}
type Complete = (command: string, option: string, typed: string) => { value: string; words?: string[] }[];

test('<lora: in a prompt completes to LoRAs, with and without their first trigger word', async (t) => {
  // The page's sentences are read from the page when say.js is loaded.
  const page = { textContent: JSON.stringify({ sentences: {}, labels: {} }) };
  const document = { getElementById: () => page, documentElement: { lang: 'en' } };
  Object.assign(globalThis, { document });
  t.after(() => Reflect.deleteProperty(globalThis, 'document'));
  const path = new URL('../../adapters/web/page/menu.js', import.meta.url).href;
  const { suggest } = (await import(path)) as {
    suggest(commands: object[], text: string, caret: number, plain: string, complete: Complete): Suggestion;
  };
  const commands = [{ name: 'imagine', description: '', options: [] }];
  const asked: string[][] = [];
  const complete: Complete = (...of) => {
    asked.push(of);
    return [{ value: 'ink 2', words: ['ink style'] }, { value: 'inkling' }];
  };
  const text = 'a fox <lora:in and more';
  const { from, entries } = suggest(commands, text, 14, 'imagine', complete);
  assert.deepEqual(asked, [['imagine', 'lora', 'in']]);
  assert.equal(from, text.indexOf('in '));
  assert.deepEqual(
    entries.map(({ insert }) => insert),
    ['ink 2:1> ', 'ink 2:1> ink style ', 'inkling:1> '],
  );
});
