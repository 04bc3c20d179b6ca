import assert from 'node:assert/strict';
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuDevice, type Device } from '../src/engine/device.ts';
import { createModels } from '../src/installed-models.ts';
import { freezeRequest } from '../src/request.ts';
import { sayWords } from '../src/sentences.ts';
import { CONTROLNETS, MODELS } from './engine/goldens.ts';
import { temporaryFolder } from './models/forge.ts';
import { forgeModel, writeSafetensors } from './models/forge-checkpoint.ts';

test('unread words are told before a job is queued, by the syntax that it will be read with', async () => {
  const models = await createModels([MODELS]);
  const prompt = `${'a '.repeat(75)}(zebra:1.3) \\(crossing\\)`;
  assert.equal(
    sayWords('en', await models.describeUnread('tiny-sd15', prompt, 'plain')),
    'The end of the prompt was not read, from “(zebra:1.3) \\(crossing\\)”.',
  );
  assert.equal(sayWords('en', await models.describeUnread('tiny-sd15', prompt, 'a1111')), '');
  assert.equal(
    sayWords('en', await models.describeUnread('tiny-sd15', 'a '.repeat(1200) + prompt, 'a1111')),
    `The end of the prompt was not read, from “${'a '.repeat(6)}…”.`,
  );
  // Its T5 has the shorter window.
  assert.match(
    sayWords('en', await models.describeUnread('tiny-sd3', 'mug '.repeat(300), 'a1111')),
    /^T5 did not read the end of the prompt/,
  );
});

test('another VAE is refused before a job is queued where it is not here', async () => {
  const models = await createModels([MODELS], { stays: false });
  await assert.rejects(models.requireVae!('tiny-sd15', 'soft'), {
    code: 'not_found',
    message: /no VAE soft/,
  });
});

const sized = (limit: number): Device => ({ ...cpuDevice(), limit });

test('a model whose largest part is larger than the memory of a device, as it holds it, is not run there', async () => {
  const models = await createModels([MODELS]);
  const { names, tooLarge } = await models.fitting(sized(0));
  assert.deepEqual(names, []);
  const { bytes } = tooLarge.find(({ name }) => name === 'tiny-sd15')!;
  assert.ok((await models.fitting(sized(bytes))).names.includes('tiny-sd15'));
  assert.ok(!(await models.fitting(sized(bytes - 1))).names.includes('tiny-sd15'));
  const half = { ...sized(bytes / 2), precision: 'float16' as const };
  assert.ok((await models.fitting(half)).names.includes('tiny-sd15'));
});

test('a request is refused before it is queued where none of the devices has the memory, as the largest would say it', async () => {
  const [small, large] = [sized(2 ** 20), sized(2 ** 28)];
  const models = await createModels([MODELS], { devices: [small, large] });
  const { defaults } = await models.resolve('tiny-sd15');
  const { request } = freezeRequest({ prompt: 'a mug' }, { model: 'tiny-sd15', defaults });
  await models.requireMemory!(request, false);
  assert.equal((await models.plan(request, small)).fits, false);
  await assert.rejects(models.requireMemory!({ ...request, width: 4096, height: 4096 }, false), {
    code: 'too_large',
    message: /^4096x4096 on tiny-sd15 needs [\d.]+ GB; cpu has 0\.2 GB\. (\d+)x\1 fits\.$/,
  });
});

test('the plan of a request counts its ControlNets, and what looks at its pictures', async (t) => {
  const folder = await temporaryFolder(t);
  const model = join(folder, 'checked');
  await cp(join(MODELS, 'tiny-sd15'), model, { recursive: true });
  await cp(join(CONTROLNETS, 'sd15-canny'), join(model, 'controlnets/canny'), { recursive: true });
  for (const part of ['safety_checker', 'feature_extractor'])
    await cp(join(MODELS, '../safety', part), join(model, part), { recursive: true });
  const index = join(model, 'model_index.json');
  const parts = JSON.parse(await readFile(index, 'utf8'));
  parts.safety_checker = ['stable_diffusion', 'StableDiffusionSafetyChecker'];
  await writeFile(index, JSON.stringify(parts));
  const models = await createModels([folder], { stays: false });
  const { defaults } = await models.resolve('checked');
  const { request } = freezeRequest({ prompt: 'a mug' }, { model: 'checked', defaults });
  const controls = [{ kind: 'canny', image: 'a.png', scale: 1, start: 0, end: 1 }] as const;
  const bytesOf = async (more: object, isModerated = false) =>
    (await models.plan({ ...request, ...more }, cpuDevice(), isModerated)).bytes;
  const weightsIn = async (path: string) => (await stat(path)).size;
  const net = await weightsIn(join(model, 'controlnets/canny/diffusion_pytorch_model.safetensors'));
  const checker = await weightsIn(join(model, 'safety_checker/model.safetensors'));
  const plain = await bytesOf({});
  assert.ok((await bytesOf({ controls })) > plain + 0.8 * net);
  assert.ok((await bytesOf({}, true)) > plain + 0.8 * checker);
});

test('the files that lend a model its parts are named with their kinds; a VAE of the request stands in for that one', async (t) => {
  const folder = await temporaryFolder(t);
  const klein = [...forgeModel('klein').single];
  const put = (name: string, prefix: string) =>
    writeSafetensors(
      join(folder, `${name}.safetensors`),
      new Map(
        klein.flatMap(([key, one]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), one]] : [])),
      ),
    );
  await put('drawer', 'model.diffusion_model.');
  await put('qwen', 'text_encoders.qwen3_4b.transformer.');
  await put('drawer.vae', 'vae.');
  const models = await createModels([folder], { stays: false });
  const { defaults } = await models.resolve('drawer');
  const { request } = freezeRequest({ prompt: 'a mug' }, { model: 'drawer', defaults });
  const encoder = { part: 'text_encoder', kind: 'text_encoder', name: 'qwen' };
  assert.deepEqual(await models.lentTo!(request), [
    encoder,
    { part: 'vae', kind: 'vae', name: 'drawer.vae' },
  ]);
  assert.deepEqual(await models.lentTo!({ ...request, vae: 'soft' }), [encoder]);
});

test('detectors are listed with the licence of their JSON file, and looked for in what a request follows', async (t) => {
  const folder = await temporaryFolder(t);
  for (const name of ['depth', 'pose']) await writeFile(join(folder, `${name}.onnx`), 'onnx');
  await writeFile(join(folder, 'depth.json'), '{"licence": "apache-2.0"}');
  const models = await createModels([MODELS], { detectors: folder, stays: false });
  const listed = () =>
    models.files().flatMap(({ kind, name, licence }) => (kind === 'detector' ? [[name, licence]] : []));
  assert.deepEqual(listed(), [
    ['depth', 'apache-2.0'],
    ['pose', undefined],
  ]);
  const keypoints = new TextEncoder().encode('{"people": []}');
  const pictureOf = (name: string) => ({ photo: Uint8Array.of(137, 80), keypoints })[name];
  const { defaults } = await models.resolve('tiny-sd15');
  const { request } = freezeRequest({ prompt: 'a mug' }, { model: 'tiny-sd15', defaults });
  const used = (kind: 'canny' | 'depth' | 'openpose' | 'raw', image: string) =>
    models.detectorsIn!({ ...request, controls: [{ kind, image, scale: 1, start: 0, end: 1 }] }, pictureOf);
  assert.deepEqual(await used('depth', 'photo'), ['depth']);
  assert.deepEqual(await used('openpose', 'photo'), ['pose']);
  for (const image of ['keypoints', 'dancing']) assert.deepEqual(await used('openpose', image), []);
  for (const kind of ['canny', 'raw'] as const) assert.deepEqual(await used(kind, 'photo'), []);
  await writeFile(join(folder, 'pose.json'), '{"licence": "mit"}');
  await rm(join(folder, 'depth.onnx'));
  assert.deepEqual(await used('depth', 'photo'), []);
  assert.deepEqual(listed(), [['pose', 'mit']]);
});

test('a model that is copied in is found, listeners are called, and one that cannot draw is refused', async (t) => {
  const folder = await temporaryFolder(t);
  await cp(join(MODELS, 'tiny-sd15'), join(folder, 'first'), { recursive: true });
  const models = await createModels([folder]);
  assert.deepEqual(models.names(), ['first']);
  let changes = 0;
  const forget = models.onChange(async () => {
    changes++;
  });
  await assert.rejects(models.verify('second'), { code: 'not_found' });
  await cp(join(MODELS, 'tiny-sd15'), join(folder, 'second'), { recursive: true });
  assert.equal((await models.resolve('second')).name, 'second');
  assert.deepEqual([models.names(), changes], [['first', 'second'], 1]);
  assert.ok((await models.fitting(cpuDevice())).names.includes('second'));
  await models.verify('second');

  const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1000\n';
  await writeFile(join(folder, 'second', 'vae', 'diffusion_pytorch_model.safetensors'), pointer);
  await assert.rejects(models.verify('second'), { code: 'bad_model', message: /Git LFS pointer/ });
  forget();
  await rm(join(folder, 'second'), { recursive: true });
  while (models.names().length > 1) await sleep(50);
  assert.deepEqual([models.names(), changes], [['first'], 1]);
});
