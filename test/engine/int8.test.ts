/** Pictures in int8, and who may ask for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../config/settings.ts';
import { cpuDevice, parseDevices, precisionOf } from '../../src/engine/device.ts';
import { precisionNotes } from '../../src/engine/notes.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { withPrecision } from '../../src/engine/precision.ts';
import { engineOptions } from '../../src/engine-options.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { sayWords } from '../../src/sentences.ts';
import { comparable, precisionNote } from '../../src/shell/remake.ts';
import { jobOf, MODELS, readPixels } from './goldens.ts';
import { skipWithoutInt8 } from './int8.ts';

const models = new URL('../../models', import.meta.url).pathname;

test('the embedded model draws the same picture in int8, PSNR 30 dB or more', async (t) => {
  if (await skipWithoutInt8(t)) return;
  const request = { model: 'mini', prompt: 'a red mug on a table', seed: 3, num_inference_steps: 20 };
  const draw = async (precision: 'float32' | 'int8') => {
    const engine = await createEngine({ models: [models], device: { ...cpuDevice(), precision } });
    const run = await engine.open(await jobOf(request, { models }));
    while (!(await run.advance(run.steps, () => {})).done);
    const [picture] = (await run.decode()).pictures;
    await engine.close();
    const recipe = JSON.parse(readPngText(picture!.png).get('darkroom')!) as { precision?: string };
    return { pixels: await readPixels(picture!.png), recipe: recipe.precision, bytes: run.memory!.bytes };
  };
  const [wide, narrow] = [await draw('float32'), await draw('int8')];
  let squares = 0;
  for (const [i, level] of wide.pixels.entries()) squares += (level - narrow.pixels[i]!) ** 2;
  const psnr = 10 * Math.log10(255 ** 2 / (squares / wide.pixels.length));
  assert.ok(psnr >= 30 && psnr < 60, `${psnr} dB`);
  assert.deepEqual([wide.recipe, narrow.recipe], [undefined, 'int8']);
  assert.ok(narrow.bytes < wide.bytes, 'the plan knows that the weights are smaller');
});

test('only denoisers that keep their quality compute in int8, and a run says where it has no effect', async () => {
  const device = { ...cpuDevice(), precision: 'int8' as const };
  const [unet, transformer] = await Promise.all(
    ['tiny-sd15', 'tiny-sd3'].map((name) => openModelFolder(`${MODELS}/${name}`)),
  );
  assert.equal(precisionOf(device, unet!.denoiser), 'int8');
  assert.deepEqual(precisionNotes(device, unet!), []);
  assert.equal(precisionOf(device, transformer!.denoiser), 'float32');
  assert.match(sayWords('en', precisionNotes(device, transformer!)[0]!), /^int8 has no effect on tiny-sd3/);
});

const works = async () => ({ works: true });
const slow = async () => ({
  works: false,
  reason: 'a product of matrices takes 9 ms in int8 and 8 ms in float32',
});

test('a precision is the CPU’s, and refused by name where it cannot be had', async () => {
  const precisions = async (names: string, precision: string, ask = works) =>
    (await withPrecision(parseDevices(names), precision, '--precision', ask)).map((one) => one.precision);
  assert.deepEqual(await precisions('cpu', 'int8'), ['int8']);
  assert.deepEqual(await precisions('cpu', 'float32', slow), ['float32']);
  assert.deepEqual(await precisions('cuda:0,cpu', 'int8'), ['float16', 'int8']);
  const refused = (names: string, precision: string, message: RegExp) =>
    assert.rejects(precisions(names, precision, slow), { code: 'bad_request', message });
  await refused(
    'cpu',
    'int8',
    /int8 is not used on this CPU: .* 9 ms in int8 and 8 ms in float32\. Use float32/,
  );
  await refused('cuda:0', 'int8', /is for the CPU: cuda:0 computes in float16/);
  await refused('cpu', 'float16', /is for GPUs: cpu computes in float32\. .* the device webgpu/);
  await refused('webgpu', 'float16', /float16 cannot be used: webgpu lacks it/);
  const inexact = async () => ({ works: true, precision: 'float32' as const, addsInFloat16: true });
  assert.deepEqual(await precisions('webgpu,cpu', 'float16', inexact), ['float16', 'float32']);
  assert.deepEqual(await precisions('webgpu', 'float32', slow), ['float32']);
  await refused('cpu', 'int4', /"int4" is not known\. Use float32, float16, or int8/);
  await refused('cpu', 'constructor', /not known/);
});

test('the setting is a CPU’s; one run on another device goes on without it', async () => {
  const { settings } = loadSettings({ DARKROOM_DEVICES: 'cuda:0', DARKROOM_PRECISION: 'int8' });
  await assert.rejects(engineOptions(settings), { code: 'misconfigured', message: /^DARKROOM_PRECISION/ });
  const [{ device }] = await engineOptions(settings, { device: 'cuda:1' });
  assert.equal(device.precision, 'float16');
  assert.throws(() => loadSettings({ DARKROOM_PRECISION: 'int4' }), /float32, float16 or int8/);
});

test('a picture is made again in the precision that it was made in', async (t) => {
  const task = (isInt8: boolean) => ({ line: 1, model: 'mini', draft: {}, base: '', isInt8 });
  const int8 = { ...cpuDevice(), precision: 'int8' as const };
  assert.equal((await comparable(int8, [task(false)])).precision, 'float32');
  assert.equal(await comparable(int8, [task(false)], 'int8'), int8);
  const [card] = parseDevices('cuda:0');
  assert.equal(await comparable(card!, [task(true)]), card);
  assert.deepEqual(precisionNote(task(true), 'int8'), []);
  assert.match(precisionNote(task(true), 'float16')[0]!, /made in int8, and now in float16/);
  assert.match(precisionNote(task(false), 'int8')[0]!, /made without int8/);
  if (await skipWithoutInt8(t)) return;
  assert.equal((await comparable(cpuDevice(), [task(true)])).precision, 'int8');
});
