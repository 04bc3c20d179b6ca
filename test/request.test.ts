import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError, nearestNames } from '../src/errors.ts';
import {
  draftOfParameters,
  freezeRequest,
  type ModelDefaults,
  parseDraft,
  parseSampler,
  requestToJson,
} from '../src/request.ts';
import { inEnglish } from './english.ts';

const defaults: ModelDefaults = {
  numInferenceSteps: 20,
  guidanceScale: 5,
  sampler: 'dpmpp_2m',
  schedule: 'karras',
  width: 256,
  height: 256,
  strength: 0.75,
  maxSize: 512,
};
const context = { model: 'mini', defaults };
const size = { imageSize: { width: 100, height: 70 } };
const freeze = (draft: object, extra = {}) => freezeRequest(draft, { ...context, ...extra }).request;

function refusal(code: string, ...words: string[]) {
  return (error: unknown) => {
    assert.ok(error instanceof DarkroomError, String(error));
    assert.equal(error.code, code);
    for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" lacks "${word}"`);
    return true;
  };
}

test('only a prompt is needed: the model fills the rest and the seed is drawn', () => {
  const request = freeze({ prompt: 'a red mug' });
  assert.equal(request.numInferenceSteps, 20);
  assert.equal(request.sampler, 'dpmpp_2m');
  assert.equal(request.schedule, 'karras');
  assert.equal(request.width, 256);
  assert.ok(Number.isInteger(request.seed));
  assert.ok(Object.isFrozen(request));
  const seeds = new Set(Array.from({ length: 8 }, () => freeze({ prompt: 'x' }).seed));
  assert.ok(seeds.size > 1);
});

test('guidance 0, eta 0 and seed 0 are choices, not gaps', () => {
  const request = freeze({ prompt: 'x', guidance_scale: 0, seed: 0, eta: 0 });
  assert.equal(request.guidanceScale, 0);
  assert.equal(request.seed, 0);
});

test('the JSON of a request makes the same request again', () => {
  const first = freeze(
    { prompt: 'x', image: 'a.png', strength: 0.5, sampler: 'Euler a' },
    { imageSize: { width: 100, height: 70 } },
  );
  assert.deepEqual(freeze(requestToJson(first), { imageSize: { width: 100, height: 70 } }), first);
});

test('every field of the contract passes through JSON and back', () => {
  const draft = {
    prompt: 'x',
    prompt_2: 'y',
    prompt_3: 'z',
    negative_prompt: '',
    negative_prompt_2: 'n',
    negative_prompt_3: 'm',
    prompt_syntax: 'plain',
    rng: 'philox',
    max_sequence_length: 77,
    original_size: [1024, 768],
    crops_coords_top_left: [0, 16],
    target_size: [512, 512],
    image: 'a.png',
    mask_image: 'm.png',
    mask_blur: 2.5,
    keep_unmasked: true,
    only_masked_padding: 0,
    controls: [
      { kind: 'canny', image: 'edges.png' },
      { kind: 'raw', controlnet: 'nets/one', image: 'b.png', scale: 0, start: 0.2, end: 0.6 },
    ],
    guess_mode: true,
  };
  const first = freeze(draft, size);
  assert.deepEqual(first.controls[0], { kind: 'canny', image: 'edges.png', scale: 1, start: 0, end: 1 });
  assert.deepEqual([first.onlyMaskedPadding, first.maskBlur, first.strength], [0, 2.5, 1]);
  const json = JSON.parse(JSON.stringify(requestToJson(first)));
  assert.deepEqual(freeze(json, size), first);
  for (const [key, value] of Object.entries(draft)) {
    if (key !== 'controls') assert.deepEqual(json[key], value, key);
  }
});

test('a negative prompt left out is not an empty one', () => {
  assert.equal('negativePrompt' in freeze({ prompt: 'x' }), false);
  assert.equal(freeze({ prompt: 'x', negative_prompt: '' }).negativePrompt, '');
  assert.equal('negative_prompt' in requestToJson(freeze({ prompt: 'x' })), false);
});

test('a second pass is named by its scale or by its size', () => {
  const scaled = freeze({ prompt: 'x', hires: { scale: 1.5 } });
  assert.deepEqual(scaled.hires, {
    width: 384,
    height: 384,
    upscaler: 'lanczos',
    strength: 0.5,
    numInferenceSteps: 20,
  });
  const sized = freeze({ prompt: 'x', hires: { width: 512, height: 256, num_inference_steps: 8 } });
  assert.deepEqual([sized.hires?.width, sized.hires?.numInferenceSteps], [512, 8]);
  assert.deepEqual(freeze(requestToJson(sized)), sized);
});

test('a picture to start from keeps its own size, rounded down; a larger one takes the model size', () => {
  const own = freeze({ prompt: 'x', image: 'a.png' }, { imageSize: { width: 100, height: 70 } });
  assert.deepEqual([own.width, own.height, own.strength], [96, 64, 0.75]);
  const large = freeze({ prompt: 'x', image: 'a.png' }, { imageSize: { width: 4000, height: 3000 } });
  assert.deepEqual([large.width, large.height], [256, 256]);
});

test('samplers are known by our names and by those of A1111', () => {
  assert.deepEqual(parseSampler('DPM++ 2M Karras'), { sampler: 'dpmpp_2m', schedule: 'karras' });
  assert.deepEqual(parseSampler('Euler a'), { sampler: 'euler_a' });
  // The model's own curve, where the sampler's class knows it.
  assert.equal(freeze({ prompt: 'x', sampler: 'euler' }).schedule, 'karras');
  assert.equal(freeze({ prompt: 'x', sampler: 'euler_a' }).schedule, 'normal');
});

test('scheduler_config may pick the sampler by its diffusers class; two that disagree are refused', () => {
  const picked = freeze({ prompt: 'x', scheduler_config: { _class_name: 'EulerDiscreteScheduler' } });
  assert.deepEqual([picked.sampler, picked.schedule], ['euler', 'karras']);
  const plain = { _class_name: 'EulerDiscreteScheduler', use_karras_sigmas: false };
  assert.equal(freeze({ prompt: 'x', scheduler_config: plain }).schedule, 'normal');
  const both = { prompt: 'x', sampler: 'ddim', scheduler_config: { _class_name: 'EulerDiscreteScheduler' } };
  assert.throws(() => freeze(both), refusal('bad_request', 'ddim', 'EulerDiscreteScheduler'));
});

test('guidance above 15 is a warning, not a refusal', () => {
  const { request, notes } = freezeRequest({ prompt: 'x', guidance_scale: 18 }, context);
  assert.equal(request.guidanceScale, 18);
  assert.match(inEnglish(notes).join(), /Guidance 18.*artefacts/);
});

test('a refusal names the value, the limit and the way out', () => {
  const cases: [object, string, ...string[]][] = [
    [{}, 'bad_request', 'prompt'],
    [{ prompt: 'x'.repeat(10_001) }, 'bad_request', '10001', '10000'],
    [{ prompt: 'x', width: 250 }, 'bad_request', 'width 250', 'multiple of 8', '248'],
    [{ prompt: 'x', height: 1024 }, 'bad_request', 'height 1024', '512', '256x256'],
    [{ prompt: 'x', num_inference_steps: 0 }, 'bad_request', 'steps 0', '1 to 150'],
    [{ prompt: 'x', num_inference_steps: 2.5 }, 'bad_request', 'steps 2.5', 'whole'],
    [{ prompt: 'x', guidance_scale: Number.NaN }, 'bad_request', 'guidance'],
    [{ prompt: 'x', seed: 2 ** 32 }, 'bad_request', 'seed'],
    [{ prompt: 'x', sampler: 'eulr' }, 'bad_request', 'eulr', 'euler'],
    [{ prompt: 'x', schedule: 'kerras' }, 'bad_request', 'kerras', 'karras'],
    [{ prompt: 'x', strength: 0.5 }, 'bad_request', 'picture'],
    [{ prompt: 'x', image: 'a.png', strength: 0.01 }, 'bad_request', '0.01', '0.05'],
    [{ prompt: 'x', mask_image: 'm.png' }, 'bad_request', 'mask_image', 'picture'],
    [{ prompt: 'x', image: 'a.png', mask_blur: 3 }, 'bad_request', 'mask_blur', 'mask_image'],
    [{ prompt: 'x', image: 'a.png', mask_image: 'm', mask_blur: 99 }, 'bad_request', 'mask_blur 99', '64'],
    [
      { prompt: 'x', image: 'a.png', mask_image: 'm', hires: { scale: 2 } },
      'bad_request',
      'hires',
      'mask_image',
    ],
    [{ prompt: 'x', hires: {} }, 'bad_request', 'hires', 'scale'],
    [{ prompt: 'x', hires: { scale: 3 } }, 'bad_request', 'hires width 768', '512'],
    [{ prompt: 'x', hires: { scale: 2, upscalr: 'x' } }, 'bad_request', 'upscalr', 'hires', 'upscaler'],
    [{ prompt: 'x', original_size: [1] }, 'bad_request', 'original_size', 'height, width'],
    [{ prompt: 'x', rng: 'mt' }, 'bad_request', 'rng', 'torch'],
    [{ prompt: 'x', prompt_syntax: 'plane' }, 'bad_request', 'plane', 'plain'],
    [{ prompt: 'x', controls: [{ kind: 'cany', image: 'a' }] }, 'bad_request', 'cany', 'canny'],
    [{ prompt: 'x', controls: [{ kind: 'canny' }] }, 'bad_request', 'control image'],
    [
      { prompt: 'x', controls: [{ kind: 'raw', image: 'a', weight: 1 }] },
      'bad_request',
      'weight',
      'controls',
    ],
    [
      { prompt: 'x', controls: [{ kind: 'raw', image: 'a', start: 0.5, end: 0.5 }] },
      'bad_request',
      '0.5',
      'end',
    ],
    [{ prompt: 'x', controls: Array(6).fill({ kind: 'raw', image: 'a' }) }, 'bad_request', '5 controls'],
    [{ prompt: 'x', stepz: 3 }, 'bad_request', 'stepz'],
    [{ prompt: 3 }, 'bad_request', 'prompt'],
  ];
  for (const [draft, code, ...words] of cases) {
    assert.throws(() => freeze(draft), refusal(code, ...words), JSON.stringify(draft).slice(0, 80));
  }
  assert.throws(() => parseDraft('x'), DarkroomError);
});

test('nearest names come best first', () => {
  assert.equal(nearestNames('eular', ['ddim', 'euler', 'euler_a'])[0], 'euler');
  assert.deepEqual(nearestNames('zzzzzzzz', ['ddim', 'euler']), []);
});

test('a model with an upscaler of its own enlarges what it draws up to its own area', () => {
  const upscaling = { defaults: { ...defaults, enlarges: 2 } };
  assert.equal(freeze({ prompt: 'x' }, upscaling).enlarge, true);
  assert.equal(freeze({ prompt: 'x', width: 320, height: 192 }, upscaling).enlarge, true);
  assert.equal(freeze({ prompt: 'x', width: 512, height: 512 }, upscaling).enlarge, false);
  assert.equal(freeze({ prompt: 'x', width: 512, height: 512, enlarge: true }, upscaling).enlarge, true);
  assert.equal(freeze({ prompt: 'x', enlarge: false }, upscaling).enlarge, false);
  assert.equal(requestToJson(freeze({ prompt: 'x', enlarge: false }, upscaling)).enlarge, false);
});

test('a picture that was enlarged is drawn over at the size it was drawn at', () => {
  const sized = (width: number, height: number) => {
    const context = { defaults: { ...defaults, enlarges: 2 }, imageSize: { width, height } };
    const request = freeze({ prompt: 'x', image: 'a.png' }, context);
    return [request.width, request.height, request.enlarge];
  };
  assert.deepEqual(sized(512, 512), [256, 256, true]);
  assert.deepEqual(sized(512, 256), [360, 184, true]);
  assert.deepEqual(sized(200, 104), [200, 104, true]);
});

test('enlarge is refused for a model without an upscaler; leaving it off asks for nothing', () => {
  assert.throws(() => freeze({ prompt: 'x', enlarge: true }), refusal('bad_request', 'enlarge', 'mini'));
  assert.equal('enlarge' in freeze({ prompt: 'x', enlarge: false }), false);
  assert.equal('enlarge' in freeze({ prompt: 'x' }), false);
});

test('a model that edits by instruction sees its pictures; others redraw one', () => {
  const editor = { ...defaults, editsByInstruction: true, sizeMultiple: 16, maxSize: 2048 };
  const context = { defaults: editor, imageSize: { width: 2000, height: 1000 } };
  const edited = freeze({ prompt: 'x', image: 'a.png', reference_images: ['b.png'] }, context);
  assert.deepEqual([edited.image, edited.referenceImages], [undefined, ['a.png', 'b.png']]);
  // The size at which the first is seen: at most 1024 x 1024 pixels, in multiples of 16.
  assert.deepEqual([edited.width, edited.height], [1440, 720]);
  assert.deepEqual(freeze(requestToJson(edited), context), edited);
  const masked = freeze({ prompt: 'x', image: 'a.png', mask_image: 'm.png', strength: 0.5 }, context);
  assert.deepEqual([masked.image, masked.strength, masked.referenceImages], ['a.png', 0.5, undefined]);
  const refused = (draft: object, words: RegExp, more: object = context) =>
    assert.throws(() => freeze({ prompt: 'x', ...draft }, more), { message: words });
  refused({ reference_images: Array(5).fill('a.png') }, /5 pictures; the limit is 4/);
  refused({ image: 'z.png', reference_images: Array(4).fill('a.png') }, /5 pictures are too many/);
  refused({ image: 'a.png' }, /64 pixels or more/, { ...context, imageSize: { width: 40, height: 400 } });
  refused({ image: 'a.png' }, /8 times as long/, { ...context, imageSize: { width: 1000, height: 100 } });
  refused({ reference_images: ['a.png'] }, /cannot edit by reference pictures/, { ...context, defaults });
});

test("the hashes of A1111's recipe go to the LoRAs that its tags call; those of another kind are passed over", () => {
  const read = (hashes: string) =>
    draftOfParameters(
      `a mug <lora:ink, wash:0.8> <lora:dots:1>\nSteps: 9, Size: 64x64, Lora hashes: ${hashes}`,
    )!;
  const { prompt, loras } = read('"ink wash: 0f1e2d3c4b, dots: 0123456789ab"');
  assert.equal(prompt, 'a mug');
  assert.deepEqual(loras, [
    { file: 'ink, wash', weight: 0.8, hash: '0f1e2d3c4b' },
    { file: 'dots', weight: 1 },
  ]);
  assert.equal(read('"dots: 0123456789ab"').prompt, 'a mug <lora:ink, wash:0.8> <lora:dots:1>');
});
