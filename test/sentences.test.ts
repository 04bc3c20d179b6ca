/** The catalogue: both languages have every sentence, with the same arguments, and each can be said. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { IntlMessageFormat } from 'intl-messageformat';
import { DarkroomError, describeError, wordsOf } from '../src/errors.ts';
import { CATALOGUE, type Key, LOCALES, localeOf, type Sentence, sayIn, sentence } from '../src/sentences.ts';

type Element = ReturnType<IntlMessageFormat['getAst']>[number];
const KEYS = Object.keys(CATALOGUE.en) as Key[];

/** Elements of an ICU message: 0 is text, 7 the number sign of a plural, the others are arguments. */
function argumentsOf(elements: readonly Element[]): [name: string, isCounted: boolean][] {
  return elements.flatMap((element): [string, boolean][] => {
    if (element.type === 0 || element.type === 7 || element.type === 8) return [];
    const own: [string, boolean] = [element.value, element.type === 2 || element.type === 6];
    if (!('options' in element)) return [own];
    const inner = Object.values(element.options as Record<string, { value: Element[] }>);
    return [own, ...inner.flatMap(({ value }) => argumentsOf(value))];
  });
}

const parsed = (locale: 'en' | 'ko', key: Key) =>
  argumentsOf(new IntlMessageFormat(CATALOGUE[locale][key], locale, undefined, { ignoreTag: true }).getAst());

test('both languages have each key with the same arguments, and say it', () => {
  assert.ok(KEYS.length > 50);
  for (const key of KEYS) {
    const names = LOCALES.map((locale) => [...new Set(parsed(locale, key).map(([name]) => name))].sort());
    assert.deepEqual(names[1], names[0], key);
    for (const [name] of parsed('en', key)) assert.match(name, /^[a-z][A-Za-z]*$/, key);
    const counted = new Map(LOCALES.flatMap((locale) => parsed(locale, key).filter(([, is]) => is)));
    for (const count of [0, 1, 2, 5]) {
      const args = Object.fromEntries(
        names[0]!.map((name) => [name, counted.has(name) ? count : `«${name}»`]),
      );
      for (const locale of LOCALES) {
        const said = sayIn(locale).words({ key, args } as Sentence);
        assert.ok(
          said.trim() !== '' && !/[{}]|undefined/.test(said.replaceAll(/\{prompt\}|\{red\|blue\}/g, '')),
          `${key}: ${said}`,
        );
        for (const name of names[0]!) {
          if (!counted.has(name)) assert.ok(said.includes(`«${name}»`) || isChosen(key), `${key}: ${said}`);
        }
      }
    }
  }
});

/** Not every branch of a message holds each argument. */
const isChosen = (key: Key) => /(?:plural|select)/.test(CATALOGUE.en[key] + CATALOGUE.ko[key]);

test('Korean is Korean, in one tone', () => {
  for (const key of KEYS) {
    const ko = CATALOGUE.ko[key];
    if (/[a-z]{3} [a-z]{3}/i.test(CATALOGUE.en[key])) assert.match(ko, /[가-힣]/, key);
    // 해요체: no sentence ends in 합니다체 or in plain style.
    assert.doesNotMatch(ko, /(?:니다|시오|한다|된다|없다|있다)[.!](?:\s|$)/, key);
    // A particle that depends on the argument before it.
    assert.doesNotMatch(
      ko,
      /\}(?:을|를|은|는|이|가|과|와|로|으로|예요|이에요)(?=[\s,.(])|[을를은는이가와과]\((?:를|을|는|은|가|이|과|와)\)/,
      key,
    );
  }
});

test('an error is said in the language of its reader, and in English in the log', () => {
  const error = new DarkroomError(
    'not_found',
    sentence('queue.no_machine', { model: 'x', models: ['a', 'b'] }),
  );
  assert.equal(error.message, 'No running machine has the model x. Choose another: a, b.');
  // As it comes back from the database.
  const stored = JSON.parse(JSON.stringify(describeError(error))) as ReturnType<typeof describeError>;
  assert.match(sayIn('ko').words(wordsOf(stored)), /모델이 있는 기기가 지금 없어요.*a, b/);
  const typo = sentence('error.did_you_mean', { names: { anyOf: ['euler', 'heun'] } });
  assert.equal(sayIn('en').words(typo), 'Did you mean euler or heun?');
  assert.match(sayIn('ko').words(typo), /euler 또는 heun/);
});

test('a language is known by its tag, whatever its region', () => {
  assert.deepEqual(['ko', 'ko-KR', 'KO_kr', 'en-GB', 'fr', undefined].map(localeOf), [
    ...['ko', 'ko', 'ko', 'en', 'en', 'en'],
  ]);
});

const ROOT = new URL('../', import.meta.url);
function* sources(folder: string): Generator<[file: string, text: string]> {
  for (const file of readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })) {
    if (/\.(?:[jt]s|html)$/.test(file))
      yield [`${folder}${file}`, readFileSync(new URL(`${folder}${file}`, ROOT), 'utf8')];
  }
}

test('every key is used', () => {
  const code = ['src/', 'commands/', 'adapters/', 'config/']
    .flatMap((folder) => [...sources(folder)])
    .filter(([file]) => !file.startsWith('src/sentences/'))
    .map(([, text]) => text)
    .join('\n');
  const templates = [...code.matchAll(/`([a-z_]+\.[a-z_.]*)\$\{[^}]+\}([a-z_.]*)`/g)].map(
    ([, before, after]) => new RegExp(`^${before!.replaceAll('.', '\\.')}[a-z0-9_.]+${after}$`),
  );
  const named = new Set([...code.matchAll(/['{]([a-z_]+\.[\w.]+)['}]/g)].map(([, key]) => key));
  const unused = KEYS.filter((key) => !named.has(key) && !templates.some((template) => template.test(key)));
  assert.deepEqual(unused, []);
});

/** Files whose sentences are read by operators and scripts alone. The list only shrinks. */
const FOR_OPERATORS = [
  'adapters/checkup.ts',
  'adapters/discord/checkup.ts',
  'adapters/slack/checkup.ts',
  'adapters/web/server/access.ts',
  'adapters/web/server/client-address.ts',
  'adapters/web/server.ts',
  'adapters/web/server/metrics.ts',
  'adapters/web/server/openapi.ts',
];
/** Rooms of src whose sentences no chat says, with why. The list only shrinks. */
const ROOMS_OF_OPERATORS: readonly (readonly [room: string, why: string])[] = [
  ['src/shell/', 'what the shell prints'],
  ['src/gpu/', 'darkroom gpu, on the shell'],
  ['src/platforms.ts', 'the log of the start'],
  ['src/queue/operators.ts', 'help texts of /metrics'],
  ['src/queue/tickets.ts', 'the log of the start'],
  ['src/store/backup/', 'darkroom backup and restore'],
  ['src/store/embedded.ts', 'the start: the database cannot be opened'],
  ['src/store/lock.ts', 'the start: the data folder is in use'],
  ['src/store/migrate.ts', 'the start: the schema does not fit'],
  ['src/store/postgres.ts', 'the start: the database cannot be reached'],
  ['src/store/s3.ts', 'the start: the bucket cannot be reached'],
  ['src/store/sql.ts', 'a guard that commands/clean.ts comes before'],
  ['src/engine/choose-device.ts', 'DARKROOM_DEVICES, at the start'],
  ['src/engine/device.ts', 'DARKROOM_DEVICES, at the start'],
  ['src/engine/probe.ts', 'the log and the shell: a device that takes long to answer'],
  ['src/engine/session.ts', 'a guard against a mistake in the program'],
  ['src/engine/process/', 'the log: the process ended, and the job goes on in another'],
  ['src/engine/safety/classifier.ts', 'DARKROOM_CLASSIFIER, at the start'],
  ['src/image/clip-input.ts', 'the log: people are told that the picture could not be checked'],
  ['src/image/detector.ts', 'the card of a detector that the operator has installed'],
  ['src/image/png-text.ts', 'a guard against a mistake in the program'],
  // Chats say that the model cannot be used, and quote these as what its file lacks (wordsOf in src/errors.ts).
  ['src/graph/', 'what is wrong with the files of a model'],
  ['src/models/', 'what is wrong with the files of a model'],
];
/** Sentences that are left where they are used, with why. The list only shrinks. */
const LEFT: readonly (readonly [file: string, words: RegExp])[] = [
  // Operators read them in the log.
  ['adapters/discord/errors.ts', /^(?:Discord |DISCORD_TOKEN )/],
  ['adapters/slack/client.ts', /^Slack /],
  ['adapters/slack/adapter.ts', /^Slack is off/],
  ['src/errors.ts', /^The (?:database|disk) /],
  // Programs that use the HTTP API wrongly.
  [
    'adapters/web/server/',
    /^(?:Send |HEAD |The (?:parameter|field|form has)|The message contains a NUL|The value |A message has no field|X-Dark|Here the header|\$\{c\.req)/,
  ],
];

test('no sentence for users is left in the code of commands, adapters and src', () => {
  const isForOperators = (file: string) =>
    FOR_OPERATORS.includes(file) ||
    file.startsWith('src/sentences/') ||
    ROOMS_OF_OPERATORS.some(([room]) => file.startsWith(room));
  const left = ['commands/', 'adapters/', 'src/'].flatMap((folder) =>
    [...sources(folder)]
      .filter(([file]) => file.endsWith('.ts') && !isForOperators(file))
      .flatMap(([file, text]) =>
        text
          .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|new Error\([^\n]*/gm, '')
          .matchAll(
            /'((?:[A-Z]|--)[^'\n]* [^'\n]* [^'\n]*[.?!:])'|"([A-Z][^"\n]* [^"\n]* [^"\n]*[.?!:])"|`((?:[A-Z]|--|\$\{)[^`\n]* [^`\n]* [^`\n]*[.?!:])`/g,
          )
          .map(([, one, two, three]) => [file, one ?? two ?? three ?? ''] as const)
          .toArray(),
      ),
  );
  const stray = left.filter(
    ([file, words]) => !LEFT.some(([where, known]) => file.startsWith(where) && known.test(words)),
  );
  assert.deepEqual(stray, []);
});

/** What the scripts of the page hold with a capital letter and is no word of a language: keys, types, names. */
const PAGE_NAMES =
  /^(?:\\u00b7 Darkroom|Arrow(?:Down|Left|Right|Up)|Darkroom|End|Enter|Escape|Files|Home|Tab|ApiError|Notification|Array|DOMContentLoaded|GET|POST|DELETE)$/;

/** Strings of a script without its comments; of a template the text around its values. */
function* strings(script: string): Generator<string> {
  const code = script.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
  for (const [, one, two, three] of code.matchAll(/'([^'\n]*)'|"([^"\n]*)"|`([^`\n]*)`/g)) {
    if (three === undefined) yield one ?? two ?? '';
    else yield* three.split(/\$\{[^}]*\}/);
  }
}

test("no word of a language is left in the page's scripts and HTML", () => {
  const stray: string[] = [];
  for (const [file, text] of sources('adapters/web/page/')) {
    if (file.endsWith('.html')) {
      const shown = text
        .replaceAll(/<(script|style|code|title)\b[^>]*>[^<]*<\/\1>/g, '')
        .replaceAll(/\{\{[a-z_.]+\}\}/g, '');
      const words = shown.replaceAll(/<[^>]*>/g, '').match(/\p{L}{2,}/gu) ?? [];
      const labels = [...shown.matchAll(/(?:aria-label|aria-valuetext|alt|placeholder|title)="([^"]*)"/g)];
      stray.push(...words, ...labels.map(([, label]) => label!).filter((label) => /\p{L}/u.test(label)));
    } else {
      for (const string of strings(text)) {
        const isName = PAGE_NAMES.test(string.trim());
        if (!isName && /\p{Lu}\p{Ll}|(?:^|\s)(?:of|as|for|to|not|is)(?:\s|$)|[가-힣]/u.test(string)) {
          stray.push(`${file}: ${string}`);
        }
      }
    }
  }
  assert.deepEqual(
    stray.filter((word) => word !== 'Darkroom'),
    [],
  );
});
