import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError, nearestNames } from '../src/errors.ts';
import {
  freezeRequest,
  type ModelDefaults,
  parseDraft,
  parseSampler,
  requestToJson,
} from '../src/request.ts';

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
const freeze = (draft: object, extra = {}) => freezeRequest(draft, { ...context, ...extra }).request;

function refusal(code: string, ...words: string[]) {
  return (error: unknown) => {
    assert.ok(error instanceof DarkroomError, String(error));
    assert.equal(error.code, code);
    for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" lacks "${word}"`);
    return true;
  };
}

test('a prompt alone is enough: the model fills the rest and the seed is drawn', () => {
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

test('a picture to start from keeps its own size, rounded down; a larger one takes the model size', () => {
  const own = freeze({ prompt: 'x', image: 'a.png' }, { imageSize: { width: 100, height: 70 } });
  assert.deepEqual([own.width, own.height, own.strength], [96, 64, 0.75]);
  const large = freeze({ prompt: 'x', image: 'a.png' }, { imageSize: { width: 4000, height: 3000 } });
  assert.deepEqual([large.width, large.height], [256, 256]);
});

test('samplers are known by our names and by those of A1111', () => {
  assert.deepEqual(parseSampler('DPM++ 2M Karras'), { sampler: 'dpmpp_2m', schedule: 'karras' });
  assert.deepEqual(parseSampler('Euler a'), { sampler: 'euler_a' });
  assert.equal(freeze({ prompt: 'x', sampler: 'euler' }).schedule, 'normal');
});

test('scheduler_config may pick the sampler by its diffusers class; two that disagree are refused', () => {
  const picked = freeze({ prompt: 'x', scheduler_config: { _class_name: 'EulerDiscreteScheduler' } });
  assert.deepEqual([picked.sampler, picked.schedule], ['euler', 'normal']);
  const both = { prompt: 'x', sampler: 'ddim', scheduler_config: { _class_name: 'EulerDiscreteScheduler' } };
  assert.throws(() => freeze(both), refusal('bad_request', 'ddim', 'EulerDiscreteScheduler'));
});

test('guidance above 15 is a warning, not a refusal', () => {
  const { request, notes } = freezeRequest({ prompt: 'x', guidance_scale: 18 }, context);
  assert.equal(request.guidanceScale, 18);
  assert.match(notes.join(), /Guidance 18.*artefacts/);
});

test('a refusal names the value, the limit and the way out', () => {
  const cases: [object, string, ...string[]][] = [
    [{ prompt: '   ' }, 'bad_request', 'empty'],
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
    [{ prompt: 'x', loras: [] }, 'unsupported', 'loras'],
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
