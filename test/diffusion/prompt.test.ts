/** The grammar of prompts and their chunks: A1111's published examples, and what holds for every text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Chunk, chunkTokens } from '../../src/diffusion/prompt-chunks.ts';
import { emphasize } from '../../src/diffusion/prompt-emphasis.ts';
import { type PromptSegment, parsePrompt, WEIGHT_LIMIT } from '../../src/diffusion/prompt-weights.ts';

const only = (text: string): [string, number][] => {
  const { sections } = parsePrompt(text);
  assert.equal(sections.length, 1);
  return sections[0]!.map(({ text: part, weight }) => [part, Number(weight.toFixed(6))]);
};

describe('weights', () => {
  // The first seven are the examples in the documentation of A1111's parse_prompt_attention.
  const examples: [string, [string, number][]][] = [
    ['normal text', [['normal text', 1]]],
    [
      'an (important) word',
      [
        ['an ', 1],
        ['important', 1.1],
        [' word', 1],
      ],
    ],
    ['(unbalanced', [['unbalanced', 1.1]]],
    ['\\(literal\\]', [['(literal]', 1]]],
    ['(unnecessary)(parens)', [['unnecessaryparens', 1.1]]],
    [
      'a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).',
      [
        ['a ', 1],
        ['house', 1.573],
        [' ', 1.1],
        ['on', 1],
        [' a ', 1.1],
        ['hill', 0.55],
        [', sun, ', 1.1],
        ['sky', 1.4641],
        ['.', 1.1],
      ],
    ],
    ['', []],
    ['[a]', [['a', 0.909091]]],
    ['[[a', [['a', 0.826446]]],
    ['a) b] :1.3)', [['a) b] :1.3)', 1]]],
    [
      '(a[b)c]',
      [
        ['a', 1.1],
        ['b', 1],
        ['c', 0.909091],
      ],
    ],
    [
      '(a:+.5)(b:2.)(c:-1)',
      [
        ['a', 0.5],
        ['b', 2],
        ['c', -1],
      ],
    ],
    [
      '(a:b) (a: 2) (a:1.2.3) (a:.)',
      [
        ['a:b', 1.1],
        [' ', 1],
        ['a', 2],
        [' ', 1],
        ['a:1.2.3', 1.1],
        [' ', 1],
        ['a:.', 1.1],
      ],
    ],
    ['[a:2]', [['a:2', 0.909091]]],
    [
      '(a\\):1.5) c',
      [
        ['a)', 1.5],
        [' c', 1],
      ],
    ],
    [
      'a\\\\(b) c\\d \\',
      [
        ['a\\', 1],
        ['b', 1.1],
        [' cd ', 1],
      ],
    ],
    ['((([[[a]]]))) b', [['a b', 1]]],
    ['()[](:1.3)a', [['a', 1]]],
  ];
  for (const [text, wanted] of examples) {
    test(JSON.stringify(text), () => assert.deepEqual(only(text), wanted));
  }

  test('weights beyond the limit are clamped and told', () => {
    assert.deepEqual(parsePrompt('(a:100) (b:20) c'), {
      sections: [
        [
          { text: 'a', weight: 10 },
          { text: ' ', weight: 1 },
          { text: 'b', weight: 10 },
          { text: ' c', weight: 1 },
        ],
      ],
      excess: 100,
    });
    assert.equal(parsePrompt('(a:-11)').excess, -11);
    assert.equal(parsePrompt('(a:10)[b:1000]').excess, undefined);
    assert.equal(parsePrompt('(((a:10):10):0.01)').excess, undefined);
  });
});

describe('BREAK', () => {
  const texts = (text: string) =>
    parsePrompt(text).sections.map((s) => s.map((p) => p.text.trim()).join('|'));
  test('is a word of its own, in capitals', () => {
    assert.deepEqual(texts('a BREAK b\nBREAK,c'), ['a', 'b', ',c']);
    assert.deepEqual(texts('BREAKa aBREAK _BREAK éBREAK BREAK1 break'), [
      'BREAKa aBREAK _BREAK éBREAK BREAK1 break',
    ]);
    assert.deepEqual(texts('BREAK BREAK a BREAK'), ['', '', 'a', '']);
  });
  test('breaks within brackets too, and the weight goes on', () => {
    assert.deepEqual(parsePrompt('(a BREAK b:1.2)').sections, [
      [{ text: 'a ', weight: 1.2 }],
      [{ text: ' b', weight: 1.2 }],
    ]);
  });
});

const PARTS = [
  'a',
  ' ',
  '(',
  ')',
  '[',
  ']',
  ':',
  '1.3)',
  ':2)',
  '\\',
  '\\(',
  'BREAK',
  '빨',
  '😀',
  ':-4)',
  ',',
  ':0)',
];
const texts = fc.array(fc.constantFrom(...PARTS), { maxLength: 30 }).map((parts) => parts.join(''));

describe('for every text', () => {
  test('words are kept, neighbours differ, weights are within the limit', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const { sections } = parsePrompt(text);
        const joined = sections.map((s) => s.map((p) => p.text).join('')).join('BREAK');
        // Spaces are not counted: those within (mug: 1.3 ) are part of the weight.
        for (const word of ['a', '빨', '😀', ',']) {
          assert.equal(joined.split(word).length, text.split(word).length);
        }
        let at = 0;
        for (const character of joined) {
          at = text.indexOf(character, at) + character.length;
          assert.ok(at >= character.length, 'a character was invented');
        }
        for (const section of sections) {
          for (const [i, { weight }] of section.entries()) {
            assert.ok(Math.abs(weight) <= WEIGHT_LIMIT);
            assert.notEqual(weight, section[i + 1]?.weight);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('with a backslash before each mark it is itself', () => {
    fc.assert(
      fc.property(fc.oneof(texts, fc.string({ unit: 'binary' })), (text) => {
        fc.pre(!text.includes('BREAK'));
        const escaped = text.replaceAll(/[\\()[\]]/g, '\\$&');
        assert.deepEqual(parsePrompt(escaped).sections, [text === '' ? [] : [{ text, weight: 1 }]]);
      }),
    );
  });
});

test('a bracket around everything multiplies every weight', () => {
  const weights = (text: string) =>
    parsePrompt(text).sections.flatMap((s: readonly PromptSegment[]) => s.map((p) => p.weight));
  for (const text of ['a (b) c', '[a (b:0.3)] c (d', 'a [b (c] d) e']) {
    const closed = text.includes('(d') ? `${text})` : text;
    for (const [i, weight] of weights(`(${closed}:1.5)`).entries()) {
      assert.ok(Math.abs(weight - weights(text)[i]! * 1.5) < 1e-9, text);
    }
  }
});

test('hostile prompts are read in a time that grows with their length', { timeout: 20_000 }, () => {
  const deep = 2_500;
  const prompts = [
    '('.repeat(10_000),
    '(a'.repeat(5_000),
    '(a['.repeat(3_333),
    `${'(a'.repeat(deep)}${':1.1)'.repeat(deep)}`,
    `${'(a'.repeat(deep)}${'[b'.repeat(deep)}${')'.repeat(deep)}${']'.repeat(deep)}`,
    `${'('.repeat(5_000)}(a:0)${')'.repeat(4_995)}`,
    `:${'1'.repeat(9_999)}`,
    '(a:1'.repeat(2_500),
    ' '.repeat(10_000),
    '\\'.repeat(10_000),
    'BREAK '.repeat(1_666),
  ];
  for (const prompt of prompts) {
    const { sections } = parsePrompt(prompt);
    assert.ok(sections.flat().every(({ weight }) => Math.abs(weight) <= WEIGHT_LIMIT));
  }
});

describe('chunks', () => {
  const COMMA = 9;
  const rules = { size: 75, comma: COMMA };
  const words = (count: number, id = 1) => Array.from({ length: count }, () => ({ id, weight: 1 }));
  const comma = { id: COMMA, weight: 1 };
  const lengths = (chunks: readonly Chunk[]) => chunks.map(({ length }) => length);

  test('are of 75 tokens', () => {
    for (const [count, wanted] of [
      [0, [0]],
      [75, [75]],
      [76, [75, 1]],
      [150, [75, 75]],
      [151, [75, 75, 1]],
    ] as const) {
      assert.deepEqual(lengths(chunkTokens([words(count)], rules)), wanted);
    }
  });
  test('a comma within the last 20 tokens ends the chunk', () => {
    const withComma = (at: number) => lengths(chunkTokens([[...words(at), comma, ...words(99 - at)]], rules));
    assert.deepEqual(withComma(54), [75, 25]);
    assert.deepEqual(withComma(55), [56, 44]);
    assert.deepEqual(withComma(74), [75, 25]);
    assert.deepEqual(withComma(75), [75, 25]);
    assert.deepEqual(
      lengths(chunkTokens([[...words(60), comma, ...words(14), comma, ...words(5)]], rules)),
      [75, 6],
    );
    assert.deepEqual(
      lengths(chunkTokens([[...words(60), comma, ...words(40)]], { ...rules, comma: undefined })),
      [75, 26],
    );
  });
  test('BREAK fills a chunk up; one at the end starts none', () => {
    assert.deepEqual(lengths(chunkTokens([words(3), words(4)], rules)), [3, 4]);
    assert.deepEqual(lengths(chunkTokens([words(75), [], words(4), []], rules)), [75, 0, 4]);
    assert.deepEqual(lengths(chunkTokens([[], []], rules)), [0]);
    // A comma before the BREAK is not looked back for.
    assert.deepEqual(lengths(chunkTokens([[...words(60), comma], words(80)], rules)), [61, 75, 5]);
  });
  test('keep every token in its place with its weight', () => {
    const token = fc.record({ id: fc.nat({ max: 12 }), weight: fc.nat() });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 400, size: 'max' }), (tokens) => {
        const chunks = chunkTokens([tokens], rules);
        assert.deepEqual(chunks.flat(), tokens);
        assert.ok(chunks.every(({ length }) => length <= 75));
        assert.ok(chunks.slice(0, -1).every(({ length }) => length > 75 - 20));
      }),
    );
  });
});

describe('emphasis', () => {
  const states = Float32Array.of(1, 2, 3, 5, 1, 0);
  test('no_norm multiplies, original keeps the mean', () => {
    assert.deepEqual([...emphasize(states, [1, 2, 0], 'no_norm')], [1, 2, 6, 10, 0, 0]);
    // Sums: 12 before, 19 after.
    assert.deepEqual(
      [...emphasize(states, [1, 2, 0], 'original')],
      [1, 2, 6, 10, 0, 0].map((v) => Math.fround((v * 12) / 19)),
    );
  });
  test('nothing is touched where all weights are 1', () =>
    assert.equal(emphasize(states, [1, 1, 1], 'original'), states));
  test('a mean that vanishes is no division by zero', () => {
    assert.deepEqual([...emphasize(states, [0, 0, 0], 'original')].map(Math.abs), [0, 0, 0, 0, 0, 0]);
  });
});
