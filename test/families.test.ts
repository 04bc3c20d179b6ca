/** Which family a model has is known in src/models/families and nowhere else: everybody else asks the model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAMILIES } from '../src/models/families/index.ts';
import { SOURCES } from './imports.ts';

const HOME = 'src/models/families/';
const NAMES = FAMILIES.map(({ name }) => name).filter((name) => name !== 'lcm');

/** Ways to ask for a family: its name in quotes, a comparison, a flag. (lcm is also the name of a sampler.) */
const QUESTIONS = [
  new RegExp(`'(${NAMES.join('|')})'`),
  /\bfamily\)?\s*[!=]==?(?![=\s]*\d)|[!=]==?\s*[\w.]*\bfamily\b|switch\s*\([^)]*\bfamily\b|\[[\w.]*\bfamily\]/,
  /\b(is|has)(Sd|SD|Sdxl|SDXL|Sd3|SD3|Xl|XL|Flux|Transformer|Unet|UNet|T5|LatentConsistency|Lcm|LCM)\b/,
  /\bkind\s*[!=]==?\s*'(unet|transformer)'/,
];

test('nobody outside of the families asks which one a model has', () => {
  const asked = [...SOURCES]
    .filter(([file]) => !file.startsWith(HOME))
    .flatMap(([file, text]) =>
      text
        .split('\n')
        .map((line, i) => `${file}:${i + 1} ${line.trim()}`)
        .filter((line) => QUESTIONS.some((question) => question.test(line))),
    );
  assert.deepEqual(asked, []);
});

test('the questions would be found', () => {
  const wrong = [
    "if (spec.family === 'sdxl') return;",
    'const rules = RULES[spec.family];',
    'switch (model.family) {',
    'if (index.isLatentConsistency) return;',
    "if (denoiser.kind === 'unet') return;",
    'hasT5 ? third : zeros',
  ];
  assert.deepEqual(
    wrong.filter((line) => !QUESTIONS.some((question) => question.test(line))),
    [],
  );
});

test('each family has a name, a title and pipelines of its own', () => {
  for (const pipeline of [
    'StableDiffusionPipeline',
    'StableDiffusionInpaintPipeline',
    'StableDiffusionXLPipeline',
    'StableDiffusion3Pipeline',
    'LatentConsistencyModelPipeline',
  ]) {
    assert.equal(FAMILIES.filter(({ pipelines }) => pipelines.test(pipeline)).length, 1, pipeline);
  }
  assert.equal(new Set(FAMILIES.map(({ name }) => name)).size, FAMILIES.length);
  assert.equal(new Set(FAMILIES.map(({ title }) => title)).size, FAMILIES.length);
});
