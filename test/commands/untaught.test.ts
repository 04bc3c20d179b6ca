import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeUntaught } from '../../commands/untaught.ts';
import { sayWords } from '../../src/sentences.ts';
import { MINI } from '../adapters/stand-in.ts';

const describe = (...args: Parameters<typeof describeUntaught>) =>
  describeUntaught(...args).map((one) => sayWords('en', one));

const model = { ...MINI, words: ['mug', 'boat'], vocabulary: ['a', 'red', 'mug', 'on', 'boat', '머그잔'] };

test('words that a small model was not taught are named, with some that it knows', () => {
  assert.deepEqual(describe('A (red:1.3) rabbit, a Rabbit BREAK on [hats] 7', model), [
    'This small model was not taught: rabbit, hats. It knows mug, boat and more: /help lists its words.',
  ]);
});

test('many, and long ones, are not quoted in full', () => {
  const typed = [...'bcdefghijk', 'x'.repeat(50)].reverse().join(' ');
  const [sentence] = describe(typed, model);
  assert.match(sentence!, new RegExp(`not taught: ${'x'.repeat(40)}…, k, j, i, h, g, f, e and 3 more\\.`));
});

test('nothing is said where all words are known, also in Korean, or where a model lists none', () => {
  assert.deepEqual(describe('a red mug, 머그잔 (on:0.5)', model), []);
  assert.deepEqual(describe('', model), []);
  assert.deepEqual(describe('a rabbit', MINI), []);
});

test('inflections of known words are known: plurals, possessives, Korean particles', () => {
  const vocabulary = ['cat', 'apple', 'box', 'berry', 'mountains', '고양이', '고양이와', '숲속의', 'a'];
  const prompt = "cats, apples, boxes, berries, a cat's mountain, 고양이를, 고양이가 숲속에서";
  assert.deepEqual(describe(prompt, { ...model, vocabulary }), []);
  assert.match(describe('rabbits 토끼를', { ...model, vocabulary })[0]!, /not taught: rabbits, 토끼를\./);
});
