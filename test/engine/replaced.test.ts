/** Files of models, LoRAs, embeddings, VAEs and ControlNets that are replaced, deleted or written to while jobs draw or wait. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { EngineProcess } from '../../src/engine/process/process.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { EngineLost, FilesChanged, type Run } from '../../src/job.ts';
import { otherFiles } from '../../src/request.ts';
import { temporaryFolder } from '../models/forge.ts';
import { CONTROLNETS, FIXTURES, jobOf, MODELS, readPixels } from './goldens.ts';

const device = cpuDevice({ threads: 1 });
const REQUEST = { model: 'tiny-sd15', prompt: 'a mug', seed: 1, num_inference_steps: 2 };
const WEIGHTS = 'diffusion_pytorch_model.safetensors';

/** A folder with a copy of a tiny model, and an engine over it. */
async function stage(t: TestContext) {
  const root = await temporaryFolder(t);
  const model = join(root, 'tiny-sd15');
  await cp(join(MODELS, 'tiny-sd15'), model, { recursive: true });
  const engine = await createEngine({ models: [root], device });
  t.after(() => engine.close());
  const begin = async (more: object = {}) => {
    const run = await engine.open(await jobOf({ ...REQUEST, ...more }, { models: root }));
    await run.advance(1, () => {});
    return run;
  };
  return { root, model, begin, draw: async (more?: object) => finish(await begin(more)) };
}

async function finish(run: Run): Promise<{ pixels: string; texts: ReadonlyMap<string, string> }> {
  try {
    while (!(await run.advance(1, () => {})).done);
    const { png } = (await run.decode()).pictures[0]!;
    return {
      pixels: createHash('sha256')
        .update(await readPixels(png))
        .digest('hex'),
      texts: readPngText(png),
    };
  } finally {
    await run.close();
  }
}

/** The same header over other weights: float32 values of which one in three has the other sign. */
async function otherWeights(file: string): Promise<Buffer> {
  const bytes = await readFile(file);
  const start = 8 + Number(bytes.readBigUInt64LE());
  for (let at = start + 3; at < bytes.length; at += 12) bytes[at] = bytes[at]! ^ 0x80;
  return bytes;
}

async function replace(file: string): Promise<void> {
  await writeFile(`${file}.new`, await otherWeights(file));
  await rename(`${file}.new`, file);
}

test('a model that another file replaces, or that is deleted, is drawn to the end; the next job has the new one', async (t) => {
  const { model, begin, draw } = await stage(t);
  const unet = join(model, 'unet', WEIGHTS);
  const before = await draw();
  const running = await begin();
  await replace(unet);
  assert.equal((await finish(running)).pixels, before.pixels);
  const after = await draw();
  assert.notEqual(after.pixels, before.pixels);
  const hashOf = ({ texts }: typeof after) => JSON.parse(texts.get('darkroom')!).model_hash;
  assert.notEqual(hashOf(after), hashOf(before));

  // Replaced before its hash was needed: the recipe names none.
  await replace(unet);
  const unhashed = await begin();
  await replace(unet);
  const { pixels, texts } = await finish(unhashed);
  assert.equal(pixels, before.pixels);
  assert.equal(JSON.parse(texts.get('darkroom')!).model_hash, undefined);
  assert.doesNotMatch(texts.get('parameters')!, /Model hash/);

  const last = await begin();
  await rm(model, { recursive: true });
  assert.equal((await finish(last)).pixels, after.pixels);
  await assert.rejects(begin(), { code: 'not_found' });
});

test('a model that is written to in place spoils what is drawn of it, which is noticed', async (t) => {
  const { model, begin, draw } = await stage(t);
  for (const part of ['unet', 'vae']) {
    const file = join(model, part, WEIGHTS);
    const before = await draw();
    const running = await begin();
    const handle = await open(file, 'r+');
    await handle.write(await otherWeights(file), 0, undefined, 0);
    await handle.close();
    await assert.rejects(finish(running), (error) => {
      assert.ok(error instanceof FilesChanged);
      assert.match(error.message, new RegExp(`^${WEIGHTS} was replaced or changed while a picture`));
      return true;
    });
    assert.notEqual((await draw()).pixels, before.pixels, part);
  }
});

/** What `sha256sum` says of a file, as recipes show it. */
const shortHash = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 10);

test('a job that waits gets the VAE, LoRA, embedding and ControlNet that are there when it begins, and its recipe says which', async (t) => {
  const { root, model, begin, draw } = await stage(t);
  const kinds: [string, string, object][] = [
    [join(root, 'VAE/soft.safetensors'), join(model, 'vae', WEIGHTS), { vae: 'soft' }],
    [
      join(root, 'Lora/ink.safetensors'),
      join(FIXTURES, 'loras/sd15-kohya.safetensors'),
      { loras: [{ file: 'ink', weight: 1 }] },
    ],
    [
      join(root, 'embeddings/squiggle.safetensors'),
      join(FIXTURES, 'embeddings/squiggle.safetensors'),
      { prompt: 'a squiggle' },
    ],
  ];
  for (const [file, from] of kinds) {
    await mkdir(dirname(file), { recursive: true });
    await copyFile(from, file);
  }
  for (const [file, , more] of kinds) {
    const before = await draw(more);
    if ('vae' in more) {
      const hash = await shortHash(file);
      assert.match(before.texts.get('parameters')!, new RegExp(`, VAE hash: ${hash}, VAE: soft`));
      assert.deepEqual(JSON.parse(before.texts.get('darkroom')!).files, [
        { part: 'vae', name: 'soft', hash },
      ]);
    }
    await replace(file);
    const after = await draw(more);
    assert.notEqual(after.pixels, before.pixels, file);
    // A LoRA's hash is part of the request.
    if (!('loras' in more)) assert.equal(otherFiles(before.texts, after.texts).length, 1);
    await truncate(file, 100);
    await assert.rejects(draw(more), { code: 'bad_model', message: /was cut off/ });
    await rm(file);
  }
  await cp(join(CONTROLNETS, 'sd15-canny'), join(root, 'net'), { recursive: true });
  const net = join(root, 'net', WEIGHTS);
  const controls = [{ kind: 'raw', controlnet: 'net', image: 'inputs/edges-64x64.png' }];
  const before = await draw({ controls });
  const running = await begin({ controls });
  await replace(net);
  assert.equal((await finish(running)).pixels, before.pixels);
  const after = await draw({ controls });
  assert.notEqual(after.pixels, before.pixels);
  assert.deepEqual(otherFiles(before.texts, after.texts), ['net']);
  assert.match(after.texts.get('parameters')!, new RegExp(`Model: net \\[${await shortHash(net)}\\]`));
  await truncate(net, 100);
  await assert.rejects(draw({ controls }), { code: 'bad_model', message: /was cut off/ });
});

test('a file that is cut short under a job ends the inference process and nothing else', async (t) => {
  const { root, model } = await stage(t);
  const lines: string[] = [];
  const engine = new EngineProcess({ models: [root], device, log: (line) => lines.push(line) });
  t.after(() => engine.stop());
  const job = await jobOf(REQUEST, { models: root });
  const unet = join(model, 'unet', WEIGHTS);
  const whole = await readFile(unet);
  const running = await engine.open(job);
  await truncate(unet, 4096);
  await assert.rejects(finish(running), EngineLost);
  assert.match(lines.join(), /SIGBUS \(a model file in use was cut short.*Models in use: tiny-sd15/);
  await assert.rejects(engine.open(job), { code: 'bad_model', message: /was cut off: it has 4096 bytes/ });
  await writeFile(unet, whole);
  assert.ok((await finish(await engine.open(job))).pixels.length > 0);
});
