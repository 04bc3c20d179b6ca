import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AnyCommand, parseValues } from '../../commands/command.ts';
import { draftOf } from '../../commands/draft.ts';
import { imagine } from '../../commands/imagine.ts';
import { parseLine, splitCommand } from '../../commands/line.ts';
import { queue } from '../../commands/queue.ts';
import { commandLine } from '../../commands/recipe.ts';
import { freezeRequest, type ModelDefaults, requestToJson } from '../../src/request.ts';

const parse = (line: string, command: AnyCommand = imagine) =>
  parseValues(command, parseLine(command, line), 'discord');

const DEFAULTS: ModelDefaults = {
  numInferenceSteps: 20,
  guidanceScale: 5,
  sampler: 'ddim',
  schedule: 'normal',
  width: 256,
  height: 256,
  strength: 0.7,
  maxSize: 512,
};

test('a line becomes typed values', () => {
  assert.deepEqual(splitCommand(' /Imagine a mug'), { name: 'imagine', rest: 'a mug' });
  assert.equal(splitCommand('a mug'), undefined);
  assert.deepEqual(
    parse('a mug --seed 3 --steps=20 --cfg 5.5 --ar 3:2 --n 4 --strength .6 --sampler euler --model mini'),
    {
      prompt: 'a mug',
      seed: 3,
      steps: 20,
      cfg: 5.5,
      ar: '3:2',
      n: 4,
      strength: 0.6,
      sampler: 'euler',
      model: 'mini',
    },
  );
  assert.deepEqual(parse('--seed 3 a mug'), { seed: 3, prompt: 'a mug' });
  assert.deepEqual(parse('a mug --no text and frames --seed 3'), {
    prompt: 'a mug',
    no: 'text and frames',
    seed: 3,
  });
  assert.deepEqual(parse('a mug --no "text" on a table'), { prompt: 'a mug on a table', no: 'text' });
  assert.deepEqual(parse('a mug \u2014seed 3'), { prompt: 'a mug', seed: 3 }); // as phones write it
  assert.deepEqual(parse('a sign that says "two words" -- dash -x'), {
    prompt: 'a sign that says "two words" -- dash -x',
  });
  assert.deepEqual(parse('"a mug --seed 3"'), { prompt: 'a mug --seed 3' });
  assert.deepEqual(parse('a mug --sampler DPM++ 2M Karras --seed 3'), {
    prompt: 'a mug',
    sampler: 'DPM++ 2M Karras',
    seed: 3,
  });
  assert.deepEqual(parse('a mug --sampler Euler a red one'), { prompt: 'a mug red one', sampler: 'Euler a' });
});

test('what cannot be read is refused in one sentence', () => {
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['a --sede 3', /^Unknown flag --sede. Did you mean --seed/],
    ['a --seed', /^--seed needs a value, for example --seed 7\.$/],
    ['a --seed --steps 3', /^--seed needs a value/],
    ['a --seed three', /^--seed three is not a whole number from 0 to 4294967295\.$/],
    ['a --seed 1.5', /^--seed 1.5 is not a whole number. Try 2\.$/],
    ['a --n 9', /^--n 9 is outside 1 to 8. Try 8\.$/],
    ['a --cfg NaN', /^--cfg NaN is not a number/],
    ['a --sampler elder', /^elder is not a value of --sampler. Did you mean euler/],
    ['a --constructor 3', /^Unknown flag --constructor/],
  ];
  for (const [line, sentence] of refusals)
    assert.throws(() => parse(line), { code: 'bad_request', message: sentence });
  assert.throws(() => parse('now', queue), { message: '/queue takes no words. Send only /queue.' });
  assert.throws(() => parseValues(imagine, { sed: 3 }, 'web'), { message: /Unknown option sed/ });
});

test('a proportion keeps about the model’s area, in multiples of 8 within its size', () => {
  const size = (ar: string) => {
    const { width, height } = draftOf({ prompt: 'a', ar }, DEFAULTS);
    return [width, height];
  };
  assert.deepEqual(size('1:1'), [256, 256]);
  assert.deepEqual(size('3:2'), [312, 208]);
  assert.deepEqual(size('2:3'), [208, 312]);
  assert.deepEqual(size('4:1'), [512, 128]);
  for (const ar of ['0:1', '9:1', '3', 'wide', '3:0']) {
    assert.throws(() => size(ar), { code: 'bad_request', message: /from 1:4 to 4:1/ });
  }
  assert.throws(() => draftOf({ prompt: 'a', ar: '1:1', size: '8x8' }, DEFAULTS), {
    message: /both set the size/,
  });
  assert.throws(() => draftOf({ prompt: 'a', size: 'big' }, DEFAULTS), { message: /Try --size 256x256/ });
  // An upload larger than the model keeps its proportion; a small one its size.
  assert.deepEqual(draftOf({ prompt: 'a' }, DEFAULTS, { width: 3000, height: 2000 }), {
    prompt: 'a',
    width: 312,
    height: 208,
  });
  assert.deepEqual(draftOf({ prompt: 'a' }, DEFAULTS, { width: 300, height: 200 }), { prompt: 'a' });
});

test('the recipe’s command line makes the same request again', () => {
  const words = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((text) => /\S/.test(text));
  const sometimes = fc.constantFrom('', ' --seed 9', '"', ' "', '\\', ' " --n "', ' — ', '  ', '\n', '--no');
  fc.assert(
    fc.property(words, sometimes, words, fc.boolean(), (start, middle, end, hasNegative) => {
      const prompt = `${start}${middle}${end}`.trim();
      const { request } = freezeRequest(
        { prompt, ...(hasNegative && { negative_prompt: end.trim() }) },
        { model: 'mini', defaults: DEFAULTS },
      );
      const line = splitCommand(commandLine(requestToJson(request)))!;
      const { request: again } = freezeRequest(draftOf(parse(line.rest), DEFAULTS), {
        model: 'mini',
        defaults: DEFAULTS,
      });
      assert.deepEqual(again, request);
    }),
    { numRuns: 3000 },
  );
});
