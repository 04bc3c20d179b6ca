/** Finished pictures are looked at where a job asks for it: without previews, and nothing is drawn that cannot be checked. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { openCheck, requireClassifier } from '../../src/engine/safety/safety.ts';
import { pixelKey } from '../../src/image/pixel-key.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { freezeRequest } from '../../src/request.ts';
import { MODELS } from './goldens.ts';

const folder = await mkdtemp(join(tmpdir(), 'darkroom-safety-'));
after(() => rm(folder, { recursive: true, force: true }));
const safety = new URL('../golden/fixtures/safety/', import.meta.url);
await cp(`${MODELS}/tiny-sd15`, join(folder, 'plain'), { recursive: true });
await cp(`${MODELS}/tiny-sd15`, join(folder, 'checked'), { recursive: true });
for (const part of ['safety_checker', 'feature_extractor'])
  await cp(new URL(part, safety), join(folder, 'checked', part), { recursive: true });
const index = join(folder, 'checked/model_index.json');
const parts = JSON.parse(await readFile(index, 'utf8'));
parts.safety_checker = ['stable_diffusion', 'StableDiffusionSafetyChecker'];
parts.feature_extractor = ['transformers', 'CLIPImageProcessor'];
await writeFile(index, JSON.stringify(parts));

/** Bytes, by model and whether its pictures are looked at. */
const planned = new Map<string, number>();

async function draw(
  model: string,
  isModerated: boolean,
  { classifier, source }: { readonly classifier?: string; readonly source?: Uint8Array } = {},
) {
  const engine = await createEngine({
    ...{ models: [folder], device: cpuDevice({ threads: 1 }) },
    ...(classifier !== undefined && { classifier }),
  });
  try {
    const { defaults } = await new Catalogue([folder]).open(model);
    const size = { width: 64, height: 64 };
    const plain = { prompt: 'a mug', seed: 1 };
    const draft =
      source === undefined
        ? { ...plain, ...size, num_inference_steps: 2 }
        : { ...plain, image: 'source', upscale_image: { scale: 2, upscaler: 'lanczos' } };
    const { request } = freezeRequest(draft, { model, defaults, imageSize: size });
    const inputs = new Map(source === undefined ? [] : [['source', source] as const]);
    const run = await engine.open({ id: 'j', user: 'u', request, inputs, isModerated });
    if (source === undefined) planned.set(`${model} ${isModerated}`, run.memory!.bytes);
    await run.advance(run.steps, (progress) => assert.ok(!isModerated || !('preview' in progress)));
    const { pictures } = await run.decode();
    await run.close();
    return pictures;
  } finally {
    await engine.close();
  }
}

test('a job that is checked comes with what was found; another one, and a model without a checker, do not', async () => {
  const [found] = await draw('checked', true);
  assert.match(found!.finding!.label, /^concept \d+$/);
  assert.equal(typeof found!.finding!.isFlagged, 'boolean');
  const [unchecked] = await draw('checked', false);
  assert.equal(unchecked!.finding, undefined);
  assert.deepEqual(unchecked!.png, found!.png);
  const [large] = await draw('checked', true, { source: found!.png });
  assert.equal(large!.width, 128);
  assert.match(large!.finding!.label, /^concept/, 'so does one that is made larger');
  assert.ok(planned.get('checked true')! > planned.get('checked false')!, 'the checker takes memory');
  await assert.rejects(draw('plain', true), { code: 'unsupported', message: /plain has no safety checker/ });
});

/** A classifier of fixtures/classifier with its JSON beside it. @returns its path */
async function classifierWith(layout: 'nchw' | 'nhwc', card: object): Promise<string> {
  const file = join(folder, `red-${layout}.onnx`);
  await cp(new URL(`../golden/fixtures/classifier/red-${layout}.onnx`, import.meta.url), file);
  const whole = {
    width: 8,
    height: 8,
    layout,
    gives: 'logits',
    classes: ['calm', 'red'],
    flag: { red: 0.7 },
  };
  await writeFile(file.replace('.onnx', '.json'), JSON.stringify({ ...whole, ...card }));
  return file;
}

test('a classifier of the operator looks at real pictures in either layout, for models without a checker too', async () => {
  const paint = (colour: readonly number[]) => ({
    ...{ width: 20, height: 12, channels: 3 as const },
    data: Uint8Array.from({ length: 20 * 12 * 3 }, (_, i) => colour[i % 3]!),
  });
  for (const layout of ['nchw', 'nhwc'] as const) {
    const check = await openCheck(await classifierWith(layout, {}), cpuDevice({ threads: 1 }));
    // Logits 0 and 8 (red - (green + blue) / 2), of levels of 0 to 1.
    assert.deepEqual(await check.look(paint([255, 0, 0])), { isFlagged: true, label: 'red', score: 1 });
    assert.deepEqual(await check.look(paint([153, 102, 102])), {
      isFlagged: true,
      label: 'red',
      score: 0.832,
    });
    assert.deepEqual(await check.look(paint([0, 0, 255])), { isFlagged: false, label: 'red', score: 0.018 });
    await check.close();
  }
  const [found] = await draw('plain', true, {
    classifier: await classifierWith('nchw', { flag: { red: 0.0001 } }),
  });
  const { label, isFlagged, key } = found!.finding!;
  assert.deepEqual([label, isFlagged], ['red', true]);
  assert.equal(key, pixelKey(found!.png), 'a copy of what is flagged is recognised');
});

test('a classifier whose JSON says something else than its file is refused before a picture is looked at', async () => {
  const cases: readonly (readonly [card: object, message: RegExp])[] = [
    [{ width: 16 }, /does not run as the JSON beside it says \(16x8, nchw, 2 classes\)/],
    [{ classes: ['calm', 'red', 'blue'] }, /does not run as the JSON beside it says/],
    [{ output: 'scores' }, /names the output scores; the model has logits/],
    [{ input: 'image' }, /names the input image; the model has picture/],
  ];
  for (const [card, message] of cases) {
    const file = await classifierWith('nchw', card);
    await assert.rejects(openCheck(file, cpuDevice({ threads: 1 })), { code: 'misconfigured', message });
  }
  const file = await classifierWith('nchw', {});
  await writeFile(file, 'no model');
  await assert.rejects(
    openCheck(file, cpuDevice({ threads: 1 })),
    /could not be loaded: it is no ONNX model/,
  );
});

test('a classifier that cannot be used is refused at the start in one sentence', async () => {
  const file = join(folder, 'nsfw.onnx');
  const card = { width: 8, height: 8, classes: ['safe', 'nsfw'], flag: { nsfw: 0.7 } };
  const cases: readonly (readonly [content: string | undefined, sentence: RegExp])[] = [
    [undefined, /nsfw\.json is missing/],
    ['{', /nsfw\.json is not JSON/],
    [JSON.stringify({ ...card, width: 4 }), /has a wrong width/],
    [JSON.stringify({ ...card, flag: { porn: 0.7 } }), /flags porn, which is none of its classes/],
    [JSON.stringify({ ...card, flag: {} }), /flags no class/],
    [JSON.stringify({ ...card, extra: 1 }), /cannot be used|extra/],
  ];
  for (const [content, message] of cases) {
    if (content !== undefined) await writeFile(join(folder, 'nsfw.json'), content);
    await assert.rejects(requireClassifier(file), { code: 'misconfigured', message }, String(content));
  }
  await writeFile(join(folder, 'nsfw.json'), JSON.stringify(card));
  await requireClassifier(file);
  await assert.rejects(requireClassifier(join(folder, 'nothing')), {
    message: /neither a file that ends in \.onnx/,
  });
});
