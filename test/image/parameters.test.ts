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

test('masks, controls and a second pass are written as A1111 and its extension read them', () => {
  const masked = freezeRequest(
    {
      prompt: 'a mug',
      seed: 1,
      image: 'in.png',
      mask_image: 'mask.png',
      mask_blur: 4,
      only_masked_padding: 32,
      controls: [
        { kind: 'canny', image: 'e.png', controlnet: 'nets/control_v11p', scale: 0.8, start: 0.1, end: 0.6 },
        { kind: 'raw', image: 'd.png' },
      ],
      guess_mode: true,
    },
    { model: 'mini', defaults },
  );
  assert.equal(
    formatParameters(masked.request, { seed: 1, modelName: 'mini' }).split('\n')[1],
    'Steps: 20, Sampler: Euler a, Schedule type: Normal, CFG scale: 7, Seed: 1, Size: 512x512, Model: mini, ' +
      'Denoising strength: 1, Mask blur: 4, Inpaint area: Only masked, Masked area padding: 32, ' +
      'ControlNet 0: "Module: canny, Model: control_v11p, Weight: 0.8, Resize Mode: Just Resize, ' +
      'Guidance Start: 0.1, Guidance End: 0.6, Control Mode: ControlNet is more important", ' +
      'ControlNet 1: "Module: none, Weight: 1, Resize Mode: Just Resize, ' +
      'Guidance Start: 0, Guidance End: 1, Control Mode: ControlNet is more important", RNG: CPU',
  );
  const { request } = freezeRequest(
    { prompt: 'a mug', seed: 1, rng: 'philox', hires: { scale: 2, num_inference_steps: 10, strength: 0.4 } },
    { model: 'mini', defaults },
  );
  assert.match(
    formatParameters(request, facts),
    /Denoising strength: 0\.4, Hires resize: 1024x1024, Hires steps: 10, Hires upscaler: Lanczos, RNG: NV$/,
  );
});
