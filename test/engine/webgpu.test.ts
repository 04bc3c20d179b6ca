/** WebGPU through the software Vulkan of Debian's chromium; skipped where it is not installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseDevice } from '../../src/engine/device.ts';
import { probe } from '../../src/engine/probe.ts';

const CHROMIUM = '/usr/lib/chromium';
const DRIVER = `${CHROMIUM}/vk_swiftshader_icd.json`;
const skip = existsSync(DRIVER) ? false : `${DRIVER} is missing: install chromium`;
// It brings Vulkan's loader, too, which a machine without a graphics driver lacks.
const env = { VK_ICD_FILENAMES: DRIVER, VK_DRIVER_FILES: DRIVER, LD_LIBRARY_PATH: CHROMIUM };

test('a software Vulkan passes the probe in float32, and is known for what it is', { skip }, async (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'darkroom-webgpu-'));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  Object.assign(process.env, env, { XDG_CACHE_HOME: cache });
  const found = await probe(parseDevice('webgpu'));
  assert.deepEqual(found, { works: true, precision: 'float32', isSoftware: true });
});

/** One of each kind of part: together they have every operator that the families are made of, and the others take long. */
const PARTS = [
  'mini',
  'inpainting unet with a ControlNet',
  'vae as in SD 1.5',
  'clip with projection',
  'transformer as in SD3.5 medium',
  'T5 1.1',
  "Real-ESRGAN's",
  'flow',
];
/** Of the values' root of summed squares: a PSNR of 60 dB or more. */
const TOLERANCE = 1e-3;

test('WebGPU gives the CPU’s numbers for every part of every family, and leaves nothing to the CPU', {
  skip,
}, () => {
  const child = fileURLToPath(new URL('device-child.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [child, 'webgpu', ...PARTS], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.notEqual(stdout, '', stderr);
  for (const [part, error] of Object.entries(JSON.parse(stdout) as Record<string, number>))
    assert.ok(error < TOLERANCE, `${part}: ${error}`);
});
