/** A recipe's command, sent again, makes the same request, or the card says what it cannot carry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseValues } from '../../commands/command.ts';
import { type DraftValues, draftOf } from '../../commands/draft.ts';
import { imagine } from '../../commands/imagine.ts';
import { readLine, splitCommand } from '../../commands/line.ts';
import { draftOfPictures, type Pictures } from '../../commands/pictures.ts';
import type { ModelInfo } from '../../commands/ports.ts';
import { commandLine } from '../../commands/recipe.ts';
import {
  CONTROL_KINDS,
  freezeRequest,
  type GenerationRequest,
  notCarried,
  POSES,
  type RequestDraft,
  ROWS,
  requestToJson,
  SAMPLER_NAMES,
  SCHEDULES,
} from '../../src/request.ts';
import { sayWords } from '../../src/sentences.ts';
import { startCommands } from './harness.ts';

const model: ModelInfo = {
  name: 'mini',
  defaults: {
    numInferenceSteps: 20,
    guidanceScale: 5,
    sampler: 'ddim',
    schedule: 'normal',
    width: 256,
    height: 256,
    strength: 0.7,
    enlarges: 2,
    maxSize: 2048,
  },
  gallery: [],
  words: [],
  vocabulary: [],
  controls: CONTROL_KINDS,
};
const context = { model: 'mini', defaults: model.defaults, imageSize: { width: 512, height: 256 } };
const freeze = (draft: RequestDraft): GenerationRequest => freezeRequest(draft, context).request;

/** What a chat makes of the command with the same pictures attached. */
function sendAgain(line: string, { image, maskImage, controls }: GenerationRequest): GenerationRequest {
  const { rest } = splitCommand(line)!;
  const values: DraftValues = parseValues(imagine, readLine(imagine, rest).values, 'web');
  const picture = { bytes: new Uint8Array(), ...context.imageSize, from: { name: 'a.png' }, notes: [] };
  const pictures: Pictures = {
    ...(image !== undefined && { source: picture }),
    ...(maskImage !== undefined && { mask: picture }),
    ...(controls.some((control) => control.image === 'control') && { control: picture }),
  };
  return freeze({
    ...draftOfPictures(pictures, values, model),
    ...draftOf(values, model.defaults, image === undefined ? undefined : context.imageSize),
  });
}

const words = fc
  .tuple(
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.constantFrom('', ' --seed 9', '"', ' "', '\\', ' " --n "', ' — ', '  ', '\n', '--no', ' on', "'"),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
  )
  .map((parts) => parts.join('').trim());
const prompt = words.filter((text) => text !== '');
const side = fc.integer({ min: 8, max: 32 }).map((n) => n * 8);
const weight = fc.integer({ min: -1000, max: 1000 }).map((n) => n / 100);
const decimals = (max: number) => fc.integer({ min: 0, max: max * 100 }).map((n) => n / 100);
const pair = fc.tuple(fc.nat(2000), fc.nat(2000));
const json = fc.constantFrom({}, { timestep_spacing: 'trailing' }, { beta_schedule: 'a "b" \\', n: null });
const control = fc.oneof(
  fc.record({ kind: fc.constant('openpose' as const), image: fc.constantFrom(...POSES) }),
  fc.record({ kind: fc.constantFrom(...CONTROL_KINDS), image: fc.constant('control') }),
);
const hires = fc.oneof(
  fc.record({ scale: fc.constantFrom(1.5, 2, 3.75) }),
  fc.record({ width: side, height: side }),
);

/** Of every field; a test below holds the list against the rows. */
const FIELDS = {
  prompt_2: words,
  prompt_3: words,
  negative_prompt: words,
  negative_prompt_2: words,
  negative_prompt_3: words,
  prompt_syntax: fc.constantFrom('a1111' as const, 'plain' as const),
  num_inference_steps: fc.integer({ min: 20, max: 150 }),
  sampler: fc.constantFrom(...SAMPLER_NAMES),
  schedule: fc.constantFrom(...SCHEDULES),
  guidance_scale: decimals(30),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  width: side,
  height: side,
  num_images: fc.integer({ min: 1, max: 8 }),
  guess_mode: fc.boolean(),
  loras: fc.array(
    fc
      .tuple(
        fc.constantFrom('pixel-art', 'My Style v2', 'a.b'),
        weight,
        fc.option(weight, { nil: undefined }),
      )
      .map(([file, main, text]) => ({
        file,
        weight: main,
        ...(text !== undefined && { text_encoder_weight: text }),
      })),
    { maxLength: 3 },
  ),
  vae: fc.constantFrom('Soft', 'vae ft mse', 'a.b'),
  clip_skip: fc.nat(12),
  guidance_rescale: decimals(1),
  eta: decimals(1),
  enlarge: fc.boolean(),
  rng: fc.constantFrom('torch' as const, 'philox' as const),
  scheduler_config: json,
  max_sequence_length: fc.integer({ min: 1, max: 512 }),
  original_size: pair,
  crops_coords_top_left: pair,
  target_size: pair,
  controls: fc.array(
    fc
      .tuple(control, decimals(5), fc.nat(49), fc.integer({ min: 50, max: 100 }))
      .map(([one, scale, start, end]) => ({ ...one, scale, start: start / 100, end: end / 100 })),
    { maxLength: 2 },
  ),
};
const WITH_IMAGE = {
  image: fc.constant('source'),
  strength: fc.integer({ min: 5, max: 100 }).map((n) => n / 100),
};
const WITH_MASK = {
  mask_image: fc.constant('mask'),
  mask_blur: decimals(64),
  keep_unmasked: fc.boolean(),
  only_masked_padding: fc.nat(512),
};
const WITH_HIRES = {
  hires: fc
    .tuple(
      hires,
      fc.constantFrom(
        {},
        { upscaler: '4x Sharp' },
        { upscaler: 'latent', strength: 0.3, num_inference_steps: 33 },
      ),
    )
    .map(([size, rest]) => ({ ...size, ...rest })),
};
const WITH_UPSCALE = {
  ...WITH_IMAGE,
  strength: fc.constantFrom(0, 0.1, 0.2),
  upscaler: fc.constantFrom('lanczos', '4x Sharp'),
  upscale_image: fc.oneof(
    fc.record({ scale: fc.constantFrom(1.5, 2) }),
    fc.record({ width: fc.constantFrom(700, 1024), height: fc.constantFrom(700, 801) }),
  ),
};
const WITH_OUTPAINT = {
  ...WITH_IMAGE,
  outpaint: fc.oneof(
    fc.record({ zoom: fc.constantFrom(1.5, 2) }),
    fc.record({ zoom: fc.constantFrom(1, 1.2), pan: fc.constantFrom('left' as const, 'down' as const) }),
  ),
};
const some = <T>(fields: T, required: readonly (keyof T & string)[] = []) =>
  fc.record(fields as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [...required] });
const drafts: fc.Arbitrary<RequestDraft> = fc
  .tuple(
    prompt,
    some(FIELDS),
    fc.oneof(
      fc.constant({}),
      some(WITH_HIRES),
      some(WITH_IMAGE, ['image']),
      some({ ...WITH_IMAGE, ...WITH_HIRES }, ['image']),
      some({ ...WITH_IMAGE, ...WITH_MASK }, ['image', 'mask_image']),
      some(WITH_UPSCALE, ['image', 'upscale_image']),
      some(WITH_OUTPAINT, ['image', 'outpaint']),
    ),
  )
  .map(([text, plain, rest]) => {
    const { controls: _controls, num_images: _count, ...single } = plain;
    if ('upscale_image' in rest) return { prompt: text, ...single, ...rest } as RequestDraft;
    const { width: _w, height: _h, ...sizeless } = plain;
    const { controls: _c, ...uncontrolled } = sizeless;
    return { prompt: text, ...('outpaint' in rest ? uncontrolled : plain), ...rest } as RequestDraft;
  });

/** Words that are drawn (choices.test.ts) are in the prompt; pictures that a model looks at have to be attached again. */
const SAID_OTHERWISE = ['templates', 'picture_words', 'reference_images'];

test('the drafts below have every field', () => {
  const drawn = {
    prompt,
    model: 'mini',
    ...FIELDS,
    ...WITH_IMAGE,
    ...WITH_MASK,
    ...WITH_HIRES,
    ...WITH_UPSCALE,
    ...WITH_OUTPAINT,
  };
  const known = [...Object.keys(drawn), ...SAID_OTHERWISE];
  assert.deepEqual(known.sort(), ROWS.map(([, { name }]) => name).sort());
});

test("the recipe's command with the same pictures makes the same request again", () => {
  const property = (draft: RequestDraft) => {
    const request = freeze(draft);
    const json = requestToJson(request);
    const missing = notCarried(json)
      .map((words) => sayWords('en', words))
      .join(' ');
    if (request.image !== undefined) assert.match(missing, /picture that it started from/);
    if (request.maskImage !== undefined) assert.match(missing, /The mask/);
    if (request.controls.some(({ image }) => image === 'control'))
      assert.match(missing, /--control|controls/);
    const again = sendAgain(commandLine(json), request);
    if (request.controls.length < 2) return assert.deepEqual(again, request);
    assert.match(missing, /2 controls/);
    assert.deepEqual({ ...again, controls: [] }, { ...request, controls: [] });
  };
  fc.assert(fc.property(drafts, property), { numRuns: 500 });
});

test('the command says that pictures which the model looks at have to come again', () => {
  const [words] = notCarried({ prompt: 'a', reference_images: ['one', 'two'] });
  assert.match(sayWords('en', words!), /pictures.*attach/i);
});

test('the command names the ControlNet', () => {
  const controls = [{ kind: 'canny' as const, image: 'control', controlnet: 'nets/own' }];
  assert.match(commandLine({ prompt: 'a', controls }), /--control canny --controlnet own$/);
});

test('where files carry no prompt, a recipe is for whoever asked and for admins', async () => {
  const chat = startCommands();
  await chat.say('/imagine a mug');
  const [job] = chat.jobs.keys();
  chat.set('prompt_in_files', false);
  const bo = { user: 'discord:bo' };
  const hidden = await chat.press(`recipe:${job}`, {}, bo);
  assert.match(hidden.ephemeral[0]!.text, /only discord:ada and admins/);
  for (const said of [{}, { ...bo, where: { isAdmin: true } }]) {
    const shown = await chat.press(`recipe:${job}`, {}, said);
    assert.match(shown.ephemeral[0]!.text, /What made this picture/);
  }
});
