import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatParameters } from '../../src/image/parameters.ts';
import { freezeRequest } from '../../src/request.ts';

const defaults = {
  numInferenceSteps: 20,
  guidanceScale: 7,
  sampler: 'euler_a',
  schedule: 'normal',
  width: 512,
  height: 512,
  strength: 0.75,
  maxSize: 1024,
} as const;
const facts = { seed: 1, modelHash: '0a1b2c3d4e', modelName: 'mini' };

test('text to image', () => {
  const { request } = freezeRequest({ prompt: 'a mug', seed: 1 }, { model: 'mini', defaults });
  assert.equal(
    formatParameters(request, facts),
    'a mug\nSteps: 20, Sampler: Euler a, Schedule type: Normal, CFG scale: 7, Seed: 1, Size: 512x512, ' +
      'Model hash: 0a1b2c3d4e, Model: mini, RNG: CPU',
  );
});

test('image to image, a negative prompt, and a name that needs quotes', () => {
  const { request } = freezeRequest(
    {
      prompt: 'a mug',
      negative_prompt: 'text',
      sampler: 'DPM++ 2M Karras',
      image: 'in.png',
      strength: 0.5,
      clip_skip: 1,
    },
    { model: 'mini', defaults },
  );
  assert.equal(
    formatParameters(request, { seed: 7, modelName: 'mini, first' }),
    'a mug\nNegative prompt: text\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 7, ' +
      'Size: 512x512, Model: "mini, first", Denoising strength: 0.5, Clip skip: 2, RNG: CPU',
  );
});
