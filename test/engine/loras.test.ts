/** Pictures with LoRAs, beside the weights and folded into them: diffusers' numbers (make_loras.py, make_flow_loras.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { copyFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import ort from 'onnxruntime-node';
import { cpuDevice } from '../../src/engine/device.ts';
import { AdaptedModels, readLoras } from '../../src/engine/lora/loras.ts';
import { ModelCache } from '../../src/engine/model/model-cache.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { sideFilesSettled } from '../../src/models/side-files.ts';
import { temporaryFolder } from '../models/forge.ts';
import { random, writeLora } from '../models/lora-files.ts';
import { compareLatents, FIXTURES, jobOf, MODELS, readNpy } from './goldens.ts';

interface Case {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>> & { readonly model: string };
}
const casesOf = (file: string): readonly Case[] => JSON.parse(readFileSync(`${FIXTURES}${file}`, 'utf8'));
const cases = [...casesOf('loras.json'), ...casesOf('flow-loras.json')];

const engine = await createEngine({
  models: [MODELS, `${FIXTURES}loras`],
  device: cpuDevice({ threads: 1 }),
});
after(() => engine.close());

async function latentsOf(request: Case['request'], of = engine): Promise<Float32Array> {
  const run = await of.open(await jobOf(request));
  try {
    while (!(await run.advance(run.steps, () => {})).done);
    return run.latents()[0]!.data;
  } finally {
    await run.close();
  }
}

for (const { name, request } of cases) {
  test(`diffusers agrees: ${name}`, async () => {
    compareLatents(await latentsOf(request), readNpy(`${FIXTURES}loras/${name}.npy`));
  });
}

test('LoRAs that alternate share one model with places for both, and each has its own factors', async (t) => {
  const spec = await openModelFolder(`${MODELS}/tiny-sd15`);
  const folder = join(await temporaryFolder(t), 'weights');
  const models = new AdaptedModels({
    ...cpuDevice({ threads: 1 }),
    sideFiles: { folder, limit: 1e9 },
  });
  t.after(() => models.close());
  const adapt = async (file: string, weight = 1) => {
    const { request } = await jobOf({ model: 'tiny-sd15', prompt: 'a mug', loras: [{ file, weight }] });
    return models.adapt(spec, await readLoras(request, spec, new Inventory([`${FIXTURES}loras`])));
  };
  await adapt('sd15-kohya');
  const conv = await adapt('sd15-conv');
  const kohya = await adapt('sd15-kohya');
  assert.equal(kohya.spec.denoiser.component, conv.spec.denoiser.component);
  assert.equal(conv.spec.vae, spec.vae);
  assert.notEqual(kohya.feeds.get('denoiser'), conv.feeds.get('denoiser'));
  const again = await adapt('sd15-kohya');
  assert.equal(again.spec, kohya.spec);
  assert.equal(again.feeds.get('denoiser'), kohya.feeds.get('denoiser'));
  assert.equal((await adapt('sd15-kohya', 0)).spec, spec);

  const dora = await adapt('sd15-dora');
  assert.notEqual(dora.spec, conv.spec);
  assert.equal((await adapt('sd15-dora')).spec, dora.spec);
  const kept = (await readdir(folder)).filter((name) => name.endsWith('.weights'));
  assert.equal(kept.length, 1, 'folded weights lie among the side files');
  await sideFilesSettled();
  await rm(folder, { recursive: true });
  const remade = await adapt('sd15-dora');
  assert.equal(
    (await readdir(folder)).includes(kept[0]!),
    true,
    'and are made again where those were deleted',
  );
  assert.notEqual(remade.spec, dora.spec);
  await sideFilesSettled();
});

/** Sessions that onnxruntime opened and has not released. */
function watchSessions(t: TestContext) {
  const { InferenceSession } = ort;
  const create = InferenceSession.create as (...given: unknown[]) => Promise<ort.InferenceSession>;
  const seen = { opened: 0, open: 0 };
  t.mock.method(InferenceSession, 'create', async (...given: unknown[]) => {
    const session = await create.apply(InferenceSession, given);
    seen.opened++;
    seen.open++;
    const release = session.release.bind(session);
    session.release = () => {
      seen.open--;
      return release();
    };
    return session;
  });
  return seen;
}

test('two users who alternate LoRAs, another VAE and nothing reload no part of the model', async (t) => {
  const vaes = await temporaryFolder(t);
  const vae = `${MODELS}/tiny-sd15/vae/diffusion_pytorch_model.safetensors`;
  await copyFile(vae, join(vaes, 'other.safetensors'));
  const seen = watchSessions(t);
  const own = await createEngine({
    models: [MODELS, `${FIXTURES}loras`, vaes],
    device: cpuDevice({ threads: 1 }),
  });
  t.after(() => own.close());
  const opened = async (given: object = {}) => {
    const before = seen.opened;
    const run = await own.open(
      await jobOf({ model: 'tiny-sd15', prompt: 'a mug', num_inference_steps: 1, ...given }),
    );
    while (!(await run.advance(run.steps, () => {})).done);
    await run.decode();
    await run.close();
    return seen.opened - before;
  };
  const [ada, bob] = [{ loras: [{ file: 'sd15-kohya' }] }, { loras: [{ file: 'sd15-conv' }] }];
  assert.equal(await opened(), 3, 'text encoder, UNet, VAE');
  assert.equal(await opened(ada), 2, 'text encoder and UNet with places for factors');
  assert.equal(await opened(bob), 1, 'a UNet with more places');
  assert.equal(await opened({ vae: 'other' }), 1, 'the VAE');
  // The model that had fewer places is closed: no job asks for it again.
  assert.equal(await opened(ada), 1, 'its text encoder');
  for (const given of [ada, bob, {}, ada, { ...bob, vae: 'other' }, { vae: 'other' }, bob]) {
    assert.equal(await opened(given), 0);
  }
  assert.equal(seen.open, 6);
  await own.close();
  assert.equal(seen.open, 0);
});

test('what models share counts once, and is closed with the last of them', async (t) => {
  const seen = watchSessions(t);
  const spec = await openModelFolder(`${MODELS}/tiny-sd15`);
  const other = { ...spec, vae: { ...spec.vae } };
  const cache = new ModelCache(cpuDevice({ threads: 1 }));
  t.after(() => cache.close());
  const parts = new Map([['denoiser', 100] as const, ['vaeDecoder', 10] as const]);
  const room = { kept: { parts, own: 1 }, spare: undefined, asStored: false };
  const one = await cache.lease(spec, { ...room, bytes: 111, budget: 1000 });
  await one.components.openAll({ isTiled: false, spare: undefined });
  assert.deepEqual(cache.held(), { inUse: 111, all: 111 });
  const two = await cache.lease(other, { ...room, bytes: 111, budget: 122 });
  await two.components.openAll({ isTiled: false, spare: undefined });
  assert.equal(seen.open, 4);
  assert.deepEqual(cache.held(), { inUse: 122, all: 122 });
  assert.deepEqual(cache.held(other), { inUse: 11, all: 122 }, 'what it shares is not another one');
  await one.release();
  const third = await openModelFolder(`${MODELS}/tiny-sd15`);
  const last = await cache.lease(third, { ...room, bytes: 111, budget: 222 });
  assert.equal(seen.open, 3, 'the idle one had a VAE of its own');
  await two.release();
  await last.release();
  await (await cache.lease(third, { ...room, bytes: 200, budget: 222 })).release();
  assert.equal(seen.open, 0);
});

test('a name in the prompt, in the option and in JSON draw the same picture', async () => {
  const base = { ...cases[0]!.request, prompt_syntax: 'a1111', num_inference_steps: 2 };
  const tagged = { ...base, loras: undefined, prompt: 'a red mug <lora:SD15-kohya:0.5:0.8> on a table' };
  const given = { ...base, loras: [{ file: 'sd15-kohya', weight: 0.8, text_encoder_weight: 0.5 }] };
  assert.deepEqual(await latentsOf(tagged), await latentsOf(given));
});

test('a file that was replaced after the request, and one that is gone, are refused by name', async () => {
  const refused = async (lora: object, pattern: RegExp) =>
    assert.rejects(latentsOf({ ...cases[0]!.request, loras: [lora] }), (error) =>
      pattern.test(String(error)),
    );
  await refused(
    { file: 'sd15-kohya', weight: 1, hash: '0123456789' },
    /replaced by another file after this was requested/,
  );
  await refused({ file: 'sd15-kohia', weight: 1 }, /There is no LoRA sd15-kohia. Did you mean sd15-kohya/);
  await refused({ file: 'sdxl-sgm', weight: 1 }, /sdxl-sgm is a LoRA for Stable Diffusion XL/);
});

test('factors of a table of tokens draw what their product draws: rows of it are looked up, not multiplied', async (t) => {
  const folder = await temporaryFolder(t);
  const name = 'text_encoder.text_model.embeddings.token_embedding';
  const spec = await openModelFolder(`${MODELS}/tiny-sd15`);
  const [words, width] = spec.textEncoders[0]!.component.tensors.entries().find(([tensor]) =>
    tensor.endsWith('token_embedding.weight'),
  )![1].shape as [number, number];
  const [up, down] = [random(1, words, 1), random(2, 1, width)];
  const whole = Float32Array.from(
    { length: words * width },
    (_, i) => up.data[Math.floor(i / width)]! * down.data[i % width]!,
  );
  await writeLora(folder, 'factors', { [`${name}.lora_A.weight`]: down, [`${name}.lora_B.weight`]: up });
  await writeLora(folder, 'whole', { [`${name}.diff`]: { shape: [words, width], data: whole } });
  const own = await createEngine({ models: [MODELS, folder], device: cpuDevice({ threads: 1 }) });
  t.after(() => own.close());
  const drawn = await Promise.all(
    ['factors', 'whole'].map((file) =>
      latentsOf({ ...cases[0]!.request, loras: [{ file, weight: 0.5 }] }, own),
    ),
  );
  compareLatents(drawn[0]!, drawn[1]!);
});
