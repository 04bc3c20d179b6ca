/** Every sampler of the embedded model's kind runs over its scheduler_config.json as it stands. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SAMPLERS } from '../../src/diffusion/samplers/index.ts';
import { planSampling } from '../../src/diffusion/sampling.ts';
import { requestOf } from './request-of.ts';

const MINI = join(import.meta.dirname, '../../models/mini/scheduler/scheduler_config.json');

test('every sampler of its kind is planned over the embedded model', async () => {
  const base = JSON.parse(await readFile(MINI, 'utf8'));
  const own = SAMPLERS.filter(({ kind }) => kind === 'diffusion');
  assert.ok(own.length > 15);
  for (const { name } of own) {
    const request = requestOf({ sampler: name, num_inference_steps: 8 });
    assert.ok(planSampling(request, base).calls >= 8, name);
  }
});
