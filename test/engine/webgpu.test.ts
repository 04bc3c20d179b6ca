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

const DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const skip = existsSync(DRIVER) ? false : `${DRIVER} is missing: install chromium and libvulkan1`;
const env = { VK_ICD_FILENAMES: DRIVER, VK_DRIVER_FILES: DRIVER };

test('a software Vulkan passes the probe', { skip }, async (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'darkroom-webgpu-'));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  Object.assign(process.env, env, { XDG_CACHE_HOME: cache });
  assert.deepEqual(await probe(parseDevice('webgpu')), { works: true });
});

test('WebGPU gives the CPU’s numbers for every part of a model', { skip }, () => {
  const child = fileURLToPath(new URL('webgpu-child.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [child], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.notEqual(stdout, '', stderr);
  for (const [part, error] of Object.entries(JSON.parse(stdout) as Record<string, number>))
    assert.ok(error < 1e-3, `${part}: ${error}`);
});
