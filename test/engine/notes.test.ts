/** What has no effect is said once, and what has one is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notesOf } from '../../src/engine/notes.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { sayWords } from '../../src/sentences.ts';
import { jobOf, MODELS } from './goldens.ts';

async function notes(model: string, fields: Record<string, unknown>): Promise<string[]> {
  const { request } = await jobOf({ prompt: 'a red mug', guidance_scale: 4, ...fields, model });
  return notesOf(request, await new Catalogue([MODELS]).open(model)).map((note) => sayWords('en', note));
}

test('a negative prompt without guidance', async () => {
  const negative = { negative_prompt: 'blue, cat' };
  assert.deepEqual(await notes('tiny-sd15', negative), []);
  assert.deepEqual(await notes('tiny-sd15', { ...negative, guidance_scale: 1 }), [
    'The negative prompt has no effect at guidance 1; choose a value above 1.',
  ]);
  assert.deepEqual(await notes('tiny-sd15', { negative_prompt: '', guidance_scale: 1 }), []);
  assert.deepEqual(await notes('tiny-lcm', { ...negative, guidance_rescale: 0.5 }), [
    'The negative prompt has no effect on tiny-lcm, which draws without classifier-free guidance.',
    'guidance_rescale has no effect on tiny-lcm, which draws without classifier-free guidance.',
  ]);
});

test('guidance that a model was trained without, and layers that it does not read', async () => {
  assert.deepEqual(await notes('tiny-flux-dev', { max_sequence_length: 300 }), []);
  assert.deepEqual(await notes('tiny-flux-schnell', { clip_skip: 1, negative_prompt: 'blue' }), [
    'The negative prompt has no effect on tiny-flux-schnell, which draws without classifier-free guidance.',
    'Guidance 4 has no effect: tiny-flux-schnell was trained without guidance.',
    "clip_skip has no effect: tiny-flux-schnell takes no states of a CLIP's layers.",
  ]);
  assert.deepEqual(await notes('tiny-flux-schnell', { guidance_scale: 0 }), []);
});

test('a distilled FLUX.2 klein: guidance has no effect, in words', async () => {
  assert.deepEqual(await notes('tiny-klein', { guidance_scale: 4 }), [
    'Guidance 4 has no effect: tiny-klein was trained without guidance.',
  ]);
  assert.deepEqual(await notes('tiny-klein-base', { guidance_scale: 4 }), []);
});

test('Z-Image: guidance above 0 guides', async () => {
  assert.deepEqual(await notes('tiny-z-image', { guidance_scale: 0.5, negative_prompt: 'blue' }), []);
  assert.deepEqual(await notes('tiny-z-image', { guidance_scale: 0, negative_prompt: 'blue' }), [
    'The negative prompt has no effect at guidance 0; choose a value above 0.',
  ]);
});

test('fields that only other families read', async () => {
  const sizes = { original_size: [64, 64], crops_coords_top_left: [0, 8], target_size: [64, 64] };
  const sequence = { max_sequence_length: 77 };
  assert.deepEqual(await notes('tiny-sdxl', sizes), []);
  assert.deepEqual(await notes('tiny-sd3', sequence), []);
  assert.deepEqual(await notes('tiny-sdxl', sequence), [
    'max_sequence_length has no effect: tiny-sdxl does not read it.',
  ]);
  assert.deepEqual(
    (await notes('tiny-sd3', sizes)).map((note) => note.split(' ')[0]),
    ['original_size', 'crops_coords_top_left', 'target_size'],
  );
});

test('prompts of text encoders that the model lacks', async () => {
  const prompts = { prompt_2: 'a lamp', prompt_3: 'a lamp', negative_prompt_2: '' };
  assert.deepEqual(await notes('tiny-sd3', prompts), []);
  assert.deepEqual(await notes('tiny-sd3-no-t5', prompts), [
    'prompt_3 has no effect: tiny-sd3-no-t5 has no third text encoder.',
  ]);
  assert.deepEqual(await notes('tiny-sd15', prompts), [
    'prompt_2 has no effect: tiny-sd15 has no second text encoder.',
    'prompt_3 has no effect: tiny-sd15 has no third text encoder.',
  ]);
});

test('guess_mode without a control', async () => {
  assert.deepEqual(await notes('tiny-sd15', { guess_mode: true }), [
    'guess_mode has no effect without a control.',
  ]);
});
