/** Recipes of other programs give a draft as far as they go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOtherRecipe } from '../src/request.ts';

const read = (texts: Record<string, unknown>) =>
  readOtherRecipe(
    new Map(
      Object.entries(texts).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ),
  );

test("A1111's parameters", () => {
  const text =
    'a red mug, (watercolor:1.2)\non a table\nNegative prompt: text,\nframe\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, ' +
    'CFG scale: 7, Seed: 5, Size: 512x768, Model hash: abc, Model: "a, b", Clip skip: 2, ENSD: 31337, Version: v1.9';
  assert.deepEqual(read({ parameters: text }), {
    program: 'A1111',
    draft: {
      prompt: 'a red mug, (watercolor:1.2)\non a table',
      negative_prompt: 'text,\nframe',
      num_inference_steps: 20,
      sampler: 'euler_a',
      guidance_scale: 7,
      seed: 5,
      width: 512,
      height: 768,
      model: 'a, b',
      clip_skip: 1,
    },
  });
  const unknown = read({ parameters: 'a\nSteps: 20, Sampler: Restart, CFG scale: 7, Seed: 5, Size: 9x9' });
  assert.equal(unknown?.draft.sampler, undefined);
});

test("ComfyUI's graph", () => {
  const graph = {
    3: {
      class_type: 'KSampler',
      inputs: {
        seed: 1102676403634909,
        steps: 20,
        cfg: 8,
        sampler_name: 'dpmpp_2m',
        scheduler: 'karras',
        positive: ['10', 0],
        negative: ['7', 0],
        latent_image: ['5', 0],
      },
    },
    4: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd15.safetensors' } },
    5: { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 768 } },
    6: { class_type: 'CLIPTextEncode', inputs: { text: 'a red mug' } },
    7: { class_type: 'CLIPTextEncode', inputs: { text: 'text' } },
    10: { class_type: 'ConditioningCombine', inputs: { conditioning_1: ['6', 0], conditioning_2: ['7', 0] } },
  };
  assert.deepEqual(read({ prompt: graph }), {
    program: 'ComfyUI',
    draft: {
      prompt: 'a red mug',
      negative_prompt: 'text',
      num_inference_steps: 20,
      guidance_scale: 8,
      seed: 1102676403634909 % 2 ** 32,
      sampler: 'dpmpp_2m',
      schedule: 'karras',
      width: 512,
      height: 768,
      model: 'sd15.safetensors',
    },
  });
  // A graph that turns in a circle ends.
  const circle = {
    1: { class_type: 'KSampler', inputs: { positive: ['2', 0] } },
    2: { inputs: { conditioning: ['2', 0] } },
  };
  assert.equal(read({ prompt: circle }), undefined);
});

test('InvokeAI, NovelAI and Fooocus', () => {
  const invoke = read({
    invokeai_metadata: {
      positive_prompt: 'a',
      negative_prompt: 'b',
      steps: 30,
      cfg_scale: 7.5,
      seed: 1,
      width: 512,
      height: 512,
      scheduler: 'dpmpp_2m_k',
      model: { name: 'm' },
    },
  });
  assert.deepEqual(
    [invoke?.program, invoke?.draft.sampler, invoke?.draft.schedule],
    ['InvokeAI', 'dpmpp_2m', 'karras'],
  );
  const novel = read({
    Comment: {
      prompt: 'a',
      uc: 'b',
      steps: 28,
      scale: 5,
      seed: 1,
      sampler: 'k_euler_ancestral',
      noise_schedule: 'karras',
      width: 512,
      height: 512,
    },
  });
  assert.deepEqual([novel?.program, novel?.draft.sampler], ['NovelAI', 'euler_a']);
  const fooocus = read({
    parameters: {
      prompt: 'a',
      negative_prompt: '',
      steps: 30,
      guidance_scale: 4,
      seed: '12',
      resolution: '(1152, 896)',
      sampler: 'dpmpp_2m_sde_gpu',
      scheduler: 'karras',
    },
  });
  assert.deepEqual(
    [fooocus?.program, fooocus?.draft.width, fooocus?.draft.seed, fooocus?.draft.sampler],
    ['Fooocus', 1152, 12, 'dpmpp_2m_sde'],
  );
  assert.equal(read({ prompt: '{"a":' }), undefined);
  assert.equal(read({ Comment: 'Created with GIMP' }), undefined);
});
