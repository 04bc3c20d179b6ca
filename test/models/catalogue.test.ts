import assert from 'node:assert/strict';
import { cp, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Catalogue } from '../../src/models/catalogue.ts';
import { FIXTURES, temporaryFolder, write } from './forge.ts';

test('models are found by name in the given folders', async (t) => {
  const catalogue = new Catalogue([await temporaryFolder(t), '/nowhere', FIXTURES]);
  const names = (await catalogue.list()).map(({ name }) => name);
  assert.ok(names.includes('tiny-sd15') && names.includes('tiny-sd21'));
  assert.equal((await catalogue.open('tiny-sd21')).name, 'tiny-sd21');
});

test('a folder that is a model itself is one', async () => {
  const catalogue = new Catalogue([join(FIXTURES, 'tiny-sd15')]);
  assert.deepEqual(
    (await catalogue.list()).map(({ name }) => name),
    ['tiny-sd15'],
  );
});

test('a folder that is copied in later is found, and one whose files change is opened again', async (t) => {
  const models = await temporaryFolder(t);
  const catalogue = new Catalogue([models]);
  await assert.rejects(catalogue.open('later'), { code: 'not_found' });
  await cp(join(FIXTURES, 'tiny-sd15'), join(models, 'later'), { recursive: true });
  const first = await catalogue.open('later');
  assert.equal(await catalogue.open('later'), first);
  await write(join(models, 'later', 'darkroom.json'), '{"defaults": {"num_inference_steps": 9}}');
  const second = await catalogue.open('later');
  assert.equal(second.defaults.numInferenceSteps, 9);
  const weights = join(models, 'later', 'unet', 'diffusion_pytorch_model.safetensors');
  await truncate(weights, 1000);
  await assert.rejects(catalogue.open('later'), { code: 'bad_model', message: /was cut off/ });
  await cp(join(FIXTURES, 'tiny-sd15', 'unet'), join(models, 'later', 'unet'), { recursive: true });
  assert.notEqual(await catalogue.open('later'), second);
});

test('a name of a file of another kind is called what it is', async (t) => {
  const folder = await temporaryFolder(t);
  const vae = join(FIXTURES, 'tiny-sd15', 'vae', 'diffusion_pytorch_model.safetensors');
  await cp(vae, join(folder, 'fix.safetensors'));
  await assert.rejects(new Catalogue([folder]).open('fix'), {
    code: 'not_found',
    message: 'There is no model fix: the file of that name is of another kind (VAE).',
  });
});

test('an unknown name offers the nearest; a path is for the shell alone', async () => {
  const catalogue = new Catalogue([FIXTURES]);
  await assert.rejects(catalogue.open('tiny-sd155'), {
    code: 'not_found',
    message: /no model tiny-sd155\. Did you mean tiny-sd15/,
  });
  const path = join(FIXTURES, 'tiny-sd15');
  await assert.rejects(catalogue.open(path), { code: 'not_found' });
  assert.equal((await catalogue.openNameOrFolder(path)).name, 'tiny-sd15');
  await assert.rejects(new Catalogue([]).open('any'), {
    code: 'not_found',
    message: /No models are installed/,
  });
});
