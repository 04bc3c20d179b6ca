import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../config/settings.ts';
import { nameOf, parseDevices } from '../../src/engine/device.ts';
import { engineOptions } from '../../src/engine-options.ts';

const names = (text: string) => parseDevices(text).map(nameOf);

test('devices are named by provider, and cards by number', () => {
  assert.deepEqual(names('cpu'), ['cpu']);
  assert.deepEqual(names('webgpu'), ['webgpu']);
  assert.deepEqual(names('cuda'), ['cuda:0']);
  assert.deepEqual(names('cuda:1, cuda:0,cpu'), ['cuda:1', 'cuda:0', 'cpu']);
});

test('only CUDA computes in float16 here; the CPU has no kernels for it', () => {
  const precisions = parseDevices('cpu,cuda:3').map(({ precision }) => precision);
  assert.deepEqual(precisions, ['float32', 'float16']);
});

test('an unknown device is refused with what can be used', () => {
  for (const text of ['gpu', 'cuda:', 'cuda:-1', 'cuda:64', 'CUDA', '', 'cuda:0,', 'constructor']) {
    assert.throws(() => parseDevices(text), { code: 'bad_request', message: /not known.*cuda:N/ }, text);
  }
  assert.throws(() => parseDevices('webgpu:1'), { code: 'bad_request', message: /Use webgpu/ });
  assert.throws(() => parseDevices('cuda,cuda:0'), { code: 'bad_request', message: /cuda:0 is given twice/ });
});

test('an engine is made for each device of the settings, with all of their folders', async () => {
  const { settings } = loadSettings({
    DARKROOM_DEVICES: 'cuda:0,cuda:1',
    DARKROOM_MODELS: '/models',
    DARKROOM_DETECTORS: '/detectors',
    DARKROOM_CACHE_GB: '2',
  });
  const engines = await engineOptions(settings, { threads: 3 });
  assert.deepEqual(
    engines.map(({ device }) => nameOf(device)),
    ['cuda:0', 'cuda:1'],
  );
  for (const { models, detectors, device, sideFiles } of engines) {
    assert.equal(models[0], '/models');
    assert.equal(detectors, '/detectors');
    assert.equal(device.threads, 3);
    assert.deepEqual(sideFiles, { folder: resolve('data/weights'), limit: 2e9 });
  }
});

test('--device wins over the setting; a setting that names no device is the operator’s mistake', async () => {
  const { settings } = loadSettings({ DARKROOM_DEVICES: 'graphics' });
  assert.equal(nameOf((await engineOptions(settings, { device: 'webgpu' }))[0].device), 'webgpu');
  await assert.rejects(engineOptions(settings), {
    code: 'misconfigured',
    message: /DARKROOM_DEVICES.*"graphics"/,
  });
  await assert.rejects(engineOptions(settings, { device: 'cpu,webgpu' }), { code: 'bad_request' });
});
