import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../config/settings.ts';
import { bestDevice, devicesOf, type Machine } from '../../src/engine/choose-device.ts';
import { nameOf, onCard, parseDevice, parseDevices } from '../../src/engine/device.ts';
import { deviceFailure } from '../../src/engine/device-failure.ts';
import { withPrecision } from '../../src/engine/precision.ts';
import { engineOptions } from '../../src/engine-options.ts';
import { type Card, listCards } from '../../src/gpu/cards.ts';
import { isSoftware, listGraphics } from '../../src/gpu/graphics.ts';

const names = (text: string) => parseDevices(text).map(nameOf);

test('devices are named by provider, and cards by number', () => {
  assert.deepEqual(names('cpu'), ['cpu']);
  assert.deepEqual(names('webgpu,webgpu:1'), ['webgpu', 'webgpu:1']);
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
  assert.throws(() => parseDevices('cpu:1'), { code: 'bad_request', message: /Use cpu/ });
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
  for (const { models, detectors, device } of engines) {
    assert.equal(models[0], '/models');
    assert.equal(detectors, '/detectors');
    assert.equal(device.threads, 3);
    assert.deepEqual(device.sideFiles, { folder: resolve('data/weights'), limit: 2e9 });
  }
});

test('--device wins over the setting; a setting that names no device is the operator’s mistake', async () => {
  const { settings } = loadSettings({ DARKROOM_DEVICES: 'graphics' });
  assert.equal(nameOf((await engineOptions(settings, { device: 'cuda:3' }))[0].device), 'cuda:3');
  await assert.rejects(engineOptions(settings), {
    code: 'misconfigured',
    message: /DARKROOM_DEVICES.*"graphics"/,
  });
  await assert.rejects(engineOptions(settings, { device: 'cpu,webgpu' }), {
    code: 'bad_request',
    message: /^One device is used here, and "cpu,webgpu" names several/,
  });
  await assert.rejects(engineOptions({ ...settings, DARKROOM_DEVICES: 'auto,cpu' }), {
    message: /auto stands by itself/,
  });
});

test('a failure of the device is told from one of the model, and by what the user can do', () => {
  const gpu = parseDevice('cuda:1');
  const codeOf = (reason: string, device = gpu) => deviceFailure(device, new Error(reason))?.code;
  const wordsOf = (reason: string) => deviceFailure(gpu, new Error(reason))!.message;
  assert.match(
    wordsOf('CUDA failure 2: out of memory'),
    /^cuda:1 has not enough free memory .* another program may have taken it\. Try a smaller size/,
  );
  assert.match(
    wordsOf('VK_ERROR_DEVICE_LOST'),
    /^cuda:1 stopped working, as after sleep .* Ask again; .* restart the machine\.$/,
  );
  for (const reason of [
    'BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 512',
    'CUDA failure 2: out of memory ; GPU=1',
    'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED',
    'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY',
  ])
    assert.equal(codeOf(reason), 'too_large', reason);
  for (const reason of [
    'CUDA failure 999: unknown error ; GPU=1',
    'CUDNN failure 5003: CUDNN_STATUS_EXECUTION_FAILED_CUDART',
    'Failed to download data from buffer: A valid external Instance reference no longer exists.',
    'vkQueueSubmit failed with VK_ERROR_DEVICE_LOST',
    'DXGI_ERROR_DEVICE_REMOVED',
  ])
    assert.equal(codeOf(reason), 'engine_failed', reason);
  assert.equal(codeOf('Got invalid dimensions for input: sample'), undefined);
  assert.equal(codeOf('Failed to allocate memory', parseDevice('cpu')), undefined);
});

const GIB = 2 ** 30;
const card = (index: number, gib: number, generation = 8): Card => ({
  ...{ index, name: `Card ${gib}`, memory: gib * GIB, free: gib * GIB, generation },
});
const INTEL = { vendor: '8086', model: '9a49', isIntegrated: true };
const AMD = { vendor: '1002', model: '744c', isIntegrated: false };

/** A machine with nothing but its CPU, and what is added to it. */
const machine = (change: Partial<Machine> = {}): Machine => ({
  system: 'linux x64',
  cuda: async () => ({ isReady: false, text: 'no NVIDIA card' }),
  cards: async () => [],
  graphics: async () => [],
  probe: async () => ({ works: false, reason: 'nothing is there' }),
  ...change,
});
const ready = {
  cuda: async () => ({ isReady: true, text: 'ready' }),
  cards: async () => [card(0, 2), card(1, 24)],
};
const fast = { works: true, precision: 'float16', seconds: 0.01, cpuSeconds: 0.1 } as const;

test('auto takes the largest card that works, then graphics that beat the CPU, then the CPU', async () => {
  const chosen = async (change: Partial<Machine>) => {
    const { device, reason } = await bestDevice({}, machine(change));
    return [nameOf(device), device.precision, reason];
  };
  const graphics = async () => [AMD, INTEL];
  assert.deepEqual(await chosen({ ...ready, probe: async () => ({ works: true }) }), [
    'cuda:1',
    'float16',
    undefined,
  ]);
  assert.deepEqual(
    await chosen({
      ...ready,
      graphics,
      probe: async ({ provider }) =>
        provider === 'cuda' ? { works: false, reason: 'it crashed (SIGSEGV)' } : fast,
    }),
    [
      'webgpu',
      'float16',
      'cuda:1 is not used: it crashed (SIGSEGV); cuda:0 is not used: it crashed (SIGSEGV)',
    ],
  );
  const inexact = { ...fast, precision: 'float32' as const, addsInFloat16: true };
  const [name, precision, why] = await chosen({ graphics, probe: async () => inexact });
  assert.deepEqual([name, precision], ['webgpu', 'float32']);
  assert.match(why!, /not used in float16: .* DARKROOM_PRECISION=float16/);
  for (const [answer, reason] of [
    [{ ...fast, seconds: 0.2 }, /its probe took 200 ms, the CPU 100 ms/],
    [{ ...fast, isSoftware: true }, /in software/],
    [{ works: false, reason: 'it did not answer within 90 s' }, /did not answer/],
  ] as const) {
    const [name, , why] = await chosen({ graphics, probe: async () => answer });
    assert.equal(name, 'cpu');
    assert.match(why!, reason);
  }
  // Where no graphics device is, nothing is tried, and nothing is said.
  assert.deepEqual(await chosen({ probe: async () => fast }), ['cpu', 'float32', undefined]);
  assert.deepEqual(await chosen({ system: 'linux arm64', graphics, probe: async () => fast }), [
    ...['cpu', 'float32', undefined],
  ]);
});

test('a number without a device is refused with those that are there', async () => {
  const cards = async () => [card(0, 2), card(1, 24, 12)];
  await assert.rejects(devicesOf('cuda:7', {}, machine({ cards })), {
    code: 'misconfigured',
    message:
      'There is no cuda:7: this machine has cuda:0 (Card 2), cuda:1 (Card 24). Use one of them, or auto.',
  });
  const graphics = async () => [AMD, INTEL];
  await assert.rejects(devicesOf('cpu', { device: 'webgpu:2' }, machine({ graphics })), {
    message:
      'There is no webgpu:2: this machine has webgpu:0 (AMD), webgpu:1 (Intel (integrated)). Use one of them, or auto.',
  });
  await assert.rejects(devicesOf('webgpu:1', {}, machine({ system: 'win32 x64' })), {
    message: /use webgpu/,
  });
  const [first, second] = await devicesOf(
    'webgpu,webgpu:1',
    {},
    machine({ graphics, probe: async () => fast }),
  );
  assert.deepEqual([first!.environment, first!.precision], [{}, 'float16']);
  assert.equal(second!.environment['MESA_VK_DEVICE_SELECT'], '8086:9a49');
});

test('a chat goes on with the devices that are there, and says which are not', async () => {
  const chosen = async (setting: string, change: Partial<Machine>) => {
    const left: string[] = [];
    const onLeftOut = (why: string) => void left.push(why);
    const found = await devicesOf(setting, { onLeftOut }, machine(change));
    return [found.map(nameOf).join(), ...left];
  };
  const one = { cuda: ready.cuda, cards: async () => [card(0, 24)] };
  const seven = 'There is no cuda:7: this machine has cuda:0 (Card 24). Use one of them, or auto.';
  assert.deepEqual(await chosen('cuda:0,cuda:7', one), ['cuda:0', seven]);
  const none = 'cuda:0 cannot be used: no NVIDIA card. auto takes a device that works.';
  assert.deepEqual(await chosen('cuda:0,cpu', {}), ['cpu', none]);
  // Nothing else is there: each job says so, and the card may come back.
  assert.deepEqual(await chosen('cuda:7', one), ['cuda:7', seven]);
  assert.deepEqual(await chosen('cuda:0', {}), ['cuda:0', none]);
  const wrong = 'webgpu cannot be used: nothing is there. auto takes a device that works.';
  assert.deepEqual(await chosen('webgpu,cpu', {}), ['cpu', wrong]);
  const lacks = async () => ({ works: false, isUnopened: true, reason: 'webgpu lacks a driver.' });
  assert.deepEqual(await chosen('webgpu', { probe: lacks }), ['webgpu', 'webgpu lacks a driver.']);
  await assert.rejects(chosen('webgpu:3', {}), { code: 'misconfigured', message: /Use auto/ });
  await assert.rejects(chosen('cuda:0,graphics', one), { code: 'misconfigured' });
});

test('of several devices that are not there, or have names that are none, each is said', async () => {
  const cards = async () => [card(0, 2)];
  const gone = (index: number) =>
    `There is no cuda:${index}: this machine has cuda:0 (Card 2). Use one of them, or auto.`;
  await assert.rejects(devicesOf('cuda:6,cpu,cuda:7', {}, machine({ cards })), {
    code: 'misconfigured',
    message: `${gone(6)} ${gone(7)}`,
  });
  const missing: string[] = [];
  const onMissing = (why: string) => void missing.push(why);
  const there = await devicesOf('cuda:6,cpu,cuda:7', { onMissing }, machine({ cards }));
  assert.deepEqual([there.map(nameOf), missing], [['cpu'], [gone(6), gone(7)]]);
  await assert.rejects(devicesOf('cuda:6,cuda:7', { onMissing }, machine({ cards })), {
    message: `${gone(6)} ${gone(7)}`,
  });
  await assert.rejects(devicesOf('webgpu:3,webgpu:4', { onLeftOut: onMissing }, machine()), {
    message: /no webgpu:3.*no webgpu:4/,
  });
  assert.throws(() => parseDevices('cpu,gpu,npu'), { code: 'bad_request', message: /"gpu".*"npu"/ });
  const exact = async () => ({ works: true, precision: 'float32' as const });
  const graphics = ['webgpu:1', 'webgpu:2'].map((name) => parseDevice(name));
  await assert.rejects(withPrecision(graphics, 'float16', 'DARKROOM_PRECISION', exact), {
    message: /webgpu:1.*webgpu:2/,
  });
});

test('two cards of different size keep their own memory, and only Blackwell goes without cuDNN’s attention', async () => {
  const cards = async () => [card(0, 2, 9), card(1, 24, 12)];
  const [small, large] = await devicesOf('cuda:0,cuda:1', {}, machine({ cards }));
  assert.deepEqual([small!.memory, large!.memory], [2 * GIB, 24 * GIB]);
  assert.equal(small!.environment['ORT_ENABLE_CUDNN_FLASH_ATTENTION'], undefined);
  assert.equal(large!.environment['ORT_ENABLE_CUDNN_FLASH_ATTENTION'], '0');
  assert.equal(onCard(parseDevice('cuda:0'), card(0, 2)).environment['CUDA_DEVICE_ORDER'], 'PCI_BUS_ID');
});

test('cards are numbered as CUDA numbers them, and graphics devices with the integrated one last', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'darkroom-devices-'));
  const { PATH, CUDA_VISIBLE_DEVICES } = process.env;
  t.after(() => {
    Object.assign(process.env, { PATH });
    if (CUDA_VISIBLE_DEVICES === undefined) delete process.env['CUDA_VISIBLE_DEVICES'];
    else process.env['CUDA_VISIBLE_DEVICES'] = CUDA_VISIBLE_DEVICES;
    rmSync(root, { recursive: true, force: true });
  });
  delete process.env['CUDA_VISIBLE_DEVICES'];
  process.env['PATH'] = root;
  assert.deepEqual(await listCards(), [], 'no driver');
  const lines = ['0, GPU-aa11, RTX 3050, 2048, 100, 8.6', '1, GPU-bb22, RTX 5090, 32768, 32000, 12.0'];
  writeFileSync(
    join(root, 'nvidia-smi'),
    `#!/bin/sh\nprintf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')}\n`,
  );
  chmodSync(join(root, 'nvidia-smi'), 0o755);
  const order = async () =>
    (await listCards()).map(({ index, name, generation }) => [index, name, generation]);
  assert.deepEqual(await order(), [
    [0, 'RTX 3050', 8],
    [1, 'RTX 5090', 12],
  ]);
  process.env['CUDA_VISIBLE_DEVICES'] = 'GPU-bb';
  assert.deepEqual(await order(), [[0, 'RTX 5090', 12]]);

  const bus = {
    '0000:00:02.0': INTEL,
    '0000:03:00.0': AMD,
    '0000:04:00.0': { vendor: '1a03', model: '2000' },
  };
  for (const [place, { vendor, model }] of Object.entries(bus)) {
    const folder = join(root, 'sys/bus/pci/devices', place);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of [
      ['class', '0x030000'],
      ['vendor', `0x${vendor}`],
      ['device', `0x${model}`],
      ['mem_info_vram_total', `${16 * GIB}`],
    ] as const)
      writeFileSync(join(folder, name), `${text}\n`);
  }
  assert.deepEqual(await listGraphics(root), [AMD, INTEL]);
});

test('a Vulkan driver in software is known by its library', () => {
  assert.ok(isSoftware('/usr/lib/chromium/libvk_swiftshader.so', [AMD]));
  assert.ok(isSoftware('/usr/lib/libvulkan_lvp.so /usr/lib/libvulkan_radeon.so', []));
  assert.ok(!isSoftware('/usr/lib/libvulkan_lvp.so /usr/lib/libvulkan_radeon.so', [AMD]));
  assert.ok(!isSoftware('/usr/lib/libvulkan_intel.so', [INTEL]));
});
