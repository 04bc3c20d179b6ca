/** What breaks a rule about prompts, however it is spelled, and what only looks like it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenRule, readTerms, requireRuleRoom } from '../../src/moderation/rules.ts';

const isBroken = (terms: string, text: string) =>
  brokenRule([{ name: 'r', terms: readTerms(terms) }], [text]) === 'r';

const CASES: readonly (readonly [terms: string, broken: readonly string[], kept: readonly string[]])[] = [
  [
    'gun',
    [
      ...[
        'a gun',
        'GUN!',
        'g u n',
        'g.u.n',
        'gu-n',
        'g_u n',
        'ｇｕｎ',
        'gúñ',
        '(gun:1.3)',
        '[g]un',
        '🇬🇺🇳',
        '🅖🅤🅝',
        '9un',
      ],
      ...['g\u200bun', 'g\u00adu\u2060n', 'gυn', 'ɡսո', 'g\nu\nn', '𝓰𝓾𝓷'],
    ],
    ['begun', 'gunner', 'e.g. un chat', 'big unit', 'gu nest', ''],
  ],
  ['gun*', ['guns', 'a gun-ner'], ['begun']],
  ['*gun', ['begun'], ['guns']],
  ['kill, god', ['klll', 'k1ll', 'KILL', 'g0d'], ['skill', 'good']],
  ['machine gun', ['a machine  gun', 'machine-gun', 'machinegun', 'machlne gun'], ['machine and gun', 'gun']],
  ['총', ['총을 든 사람', '총'], ['권총']],
  ['폭탄', ['폭 탄', '폭.탄을 든'], ['폭 넓은 탄환', '폭 탄산']],
  ['枪', ['一把枪在'], ['一把']],
  ['/AK-?\\d{2}/', ['ak47', 'an AK-47', 'АК47', 'ａｋ４７'], ['ak', 'a47']],
  ['/(x+x+)+y/', ['xxy'], ['x'.repeat(20_000)]],
];

test('a rule finds its words in every spelling, and leaves other words alone', () => {
  for (const [terms, broken, kept] of CASES) {
    for (const text of broken) assert.ok(isBroken(terms, text), `${terms} is in ${text}`);
    for (const text of kept) assert.ok(!isBroken(terms, text), `${terms} is not in ${text}`);
  }
});

test('what cannot be a rule is refused by name', () => {
  const refusals: readonly (readonly [terms: string, sentence: RegExp])[] = [
    ['', /no words/],
    [' | ', /no words/],
    ['a', /term a is too short/],
    [`x${'y'.repeat(60)}`, /61 characters; the limit is 60/],
    ['/(a/', /pattern \(a cannot be read/],
    ['/(?=a)b/', /no look-around/],
    ['/(a{1000}){1000}/', /cannot be read|too large/],
    ['/.{0,200}.{0,200}q/', /too large/],
    ['/x*/', /refuse everything/],
  ];
  for (const [terms, message] of refusals) assert.throws(() => readTerms(terms), { message }, terms);
  const rules = (count: number, terms: string) =>
    Array.from({ length: count }, (_, i) => ({ name: `r${i}`, terms }));
  assert.throws(() => requireRuleRoom(rules(51, 'gun')), { message: /51 rules; the limit is 50/ });
  const words = Array.from({ length: 501 }, (_, i) => `word${i}`).join('\n');
  assert.throws(() => requireRuleRoom(rules(2, words)), { message: /1002 words and phrases; .* 1000/ });
  assert.throws(() => requireRuleRoom(rules(21, '/ab/')), { message: /21 patterns; the limit is 20/ });
  assert.throws(() => brokenRule(rules(1, 'gun'), ['x'.repeat(50_001)]), { message: /limit is 50000/ });
});
