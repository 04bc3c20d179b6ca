/** The VAE where its numbers are extreme. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { DarkroomError } from '../../src/errors.ts';
import { jobOf, MODELS, readPixels } from './goldens.ts';

const DRAFT = { model: 'tiny-sd15', prompt: 'x', num_inference_steps: 2, seed: 7, sampler: 'euler' };

/** An engine over a copy of tiny-sd15 whose VAE has other numbers in one tensor. */
async function engineWith(tensor: string, change: (value: number) => number) {
  const models = mkdtempSync(join(tmpdir(), 'darkroom-vae-'));
  cpSync(join(MODELS, 'tiny-sd15'), join(models, 'tiny-sd15'), { recursive: true });
  const file = join(models, 'tiny-sd15/vae/diffusion_pytorch_model.safetensors');
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const [from, to] = header[tensor].data_offsets;
  for (let at = 8 + length + from; at < 8 + length + to; at += 4) {
    bytes.writeFloatLE(change(bytes.readFloatLE(at)), at);
  }
  writeFileSync(file, bytes);
  const engine = await createEngine({ models: [models], device: cpuDevice({ threads: 1 }) });
  after(async () => {
    await engine.close();
    rmSync(models, { recursive: true });
  });
  const run = await engine.open(await jobOf(DRAFT));
  while (!(await run.advance(10, () => {})).done);
  return { decode: () => run.decode(), close: () => run.close() };
}

test('activations beyond the range of float16 are decoded: the VAE runs in float32', async () => {
  // The decoder's first layer gives some 1e6 here; each later block normalises its own input.
  const run = await engineWith('decoder.conv_in.weight', (value) => value * 1e6);
  const { pictures } = await run.decode();
  const pixels = await readPixels(pictures[0]!.png);
  assert.ok(new Set(pixels).size > 50, 'a picture, not a flat field');
  await run.close();
});

test('a VAE whose numbers are no picture is named', async () => {
  const run = await engineWith('decoder.conv_out.bias', () => Number.NaN);
  await assert.rejects(run.decode(), (error: unknown) => {
    assert.ok(error instanceof DarkroomError);
    assert.equal(error.code, 'engine_failed');
    assert.match(error.message, /VAE.*NaN.*damaged/);
    return true;
  });
  await run.close();
});
