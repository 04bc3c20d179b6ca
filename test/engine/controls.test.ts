/** ControlNets: what must hold beyond diffusers' numbers, and what is refused before any model runs. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { DarkroomError } from '../../src/errors.ts';
import type { Job } from '../../src/job.ts';
import { inEnglish } from '../english.ts';
import { CONTROLNETS, jobOf, MODELS, readPixels } from './goldens.ts';

const CONTROL = { kind: 'raw', image: 'inputs/edges-64x64.png', controlnet: 'sd15-canny' };
const DRAFT = {
  model: 'tiny-sd15',
  prompt: 'a red mug on a table',
  num_inference_steps: 3,
  guidance_scale: 5,
  seed: 7,
  sampler: 'euler',
};

// A model that brings its own ControlNet, as the embedded one does.
const models = mkdtempSync(join(tmpdir(), 'darkroom-controls-'));
cpSync(MODELS, models, { recursive: true });
cpSync(join(CONTROLNETS, 'sd15-canny'), join(models, 'tiny-sd15/controlnets/canny'), { recursive: true });
cpSync(join(CONTROLNETS, 'sd15-pose'), join(models, 'tiny-sd15/controlnets/openpose'), { recursive: true });
const engine = await createEngine({ models: [models, CONTROLNETS], device: cpuDevice({ threads: 1 }) });
after(async () => {
  await engine.close();
  rmSync(models, { recursive: true });
});

async function make(job: Job, on = engine) {
  const run = await on.open(job);
  try {
    while (!(await run.advance(100, () => {})).done);
    return { ...(await run.decode()), latents: run.latents()[0]!.data };
  } finally {
    await run.close();
  }
}

async function refusal(work: Promise<unknown>): Promise<DarkroomError> {
  const error = await work.then(
    () => assert.fail('nothing was refused'),
    (e: unknown) => e,
  );
  assert.ok(error instanceof DarkroomError, String(error));
  return error;
}

const withControls = (...controls: Record<string, unknown>[]) =>
  jobOf({ ...DRAFT, controls: controls.map((control) => ({ ...CONTROL, ...control })) });

describe('what controls do', () => {
  test('scale 0 and a window that no call lies in change nothing, bit for bit', async () => {
    const { latents: plain } = await make(await jobOf(DRAFT));
    for (const control of [{ scale: 0 }, { start: 0.99, end: 1 }]) {
      const fresh = await createEngine({ models: [models, CONTROLNETS], device: cpuDevice({ threads: 1 }) });
      const job = await withControls(control);
      // First by zeros in the fused graph, then by the UNet that is open by now.
      const first = await make(job, fresh);
      await make(await jobOf(DRAFT), fresh);
      const second = await make(job, fresh);
      await fresh.close();
      assert.deepEqual(first.latents, plain);
      assert.deepEqual(second.latents, plain);
    }
  });

  test("the model's own net for a kind is taken where none is named", async () => {
    const { controlnet: _net, ...canny } = { ...CONTROL, kind: 'canny', image: 'inputs/hills-64x64.png' };
    const own = await make(await jobOf({ ...DRAFT, controls: [canny] }));
    const named = await make(await jobOf({ ...DRAFT, controls: [{ ...canny, controlnet: 'sd15-canny' }] }));
    assert.deepEqual(own.latents, named.latents);
    const { latents: plain } = await make(await jobOf(DRAFT));
    assert.notDeepEqual(own.latents, plain);
  });

  test('a pose can be had by its name', async () => {
    const job = await withControls({});
    const request = { ...job.request, controls: [control('openpose', 'dancing')] };
    const { pictures } = await make({ ...job, request, inputs: new Map() });
    assert.equal((await readPixels(pictures[0]!.png)).length, 64 * 64 * 3);
    const other = { ...job.request, controls: [control('openpose', 'dacning')] };
    const error = await refusal(engine.open({ ...job, request: other, inputs: new Map() }));
    assert.match(error.message, /dancing/);
  });

  test('a control picture of another size is stretched, and said so', async () => {
    const bars = [{ ...CONTROL, image: 'inputs/bars-100x80.png' }];
    const { notes } = await make(await jobOf({ ...DRAFT, width: 64, height: 72, controls: bars }));
    assert.deepEqual(inEnglish(notes), ['The raw picture of 100x80 was stretched to 64x72.']);
    const { pictures } = await make(await jobOf({ ...DRAFT, controls: bars }));
    assert.deepEqual([pictures[0]!.width, pictures[0]!.height], [100, 80], "the control picture's own size");
  });

  test('a count of 2 gives the same files as two jobs, and more nets than stay open take turns', async () => {
    const controls = [CONTROL, { ...CONTROL, controlnet: 'sd15-pose', end: 0.5 }];
    const together = await make(await jobOf({ ...DRAFT, num_images: 2, controls }));
    for (const net of ['sd15-pose', 'sd15-canny']) await make(await withControls({ controlnet: net }));
    for (const [i, picture] of together.pictures.entries()) {
      const alone = await make(await jobOf({ ...DRAFT, seed: DRAFT.seed + i, controls }));
      assert.deepEqual(picture, alone.pictures[0]);
    }
  });

  test('the second pass is steered too', async () => {
    const hires = { scale: 1.5, num_inference_steps: 4 };
    const { pictures } = await make(await jobOf({ ...DRAFT, hires, controls: [CONTROL] }));
    assert.deepEqual([pictures[0]!.width, pictures[0]!.height], [96, 96]);
  });
});

describe('refused before any model runs', () => {
  test('a net of another family names what differs', async () => {
    const error = await refusal(engine.open(await withControls({ controlnet: 'sdxl-canny' })));
    assert.equal(error.code, 'bad_model');
    assert.match(error.message, /another family/);
  });

  test('a net that is not there, and a path in place of a name', async () => {
    for (const controlnet of [
      'sd15-cany',
      '../models/tiny-sd15/controlnets/canny',
      '/etc',
      '..',
      'tiny-sd15',
    ]) {
      const job = await withControls({});
      const request = { ...job.request, controls: [{ ...job.request.controls[0]!, controlnet }] };
      assert.equal((await refusal(engine.open({ ...job, request }))).code, 'not_found', controlnet);
    }
  });

  test('another kind of network is called what it is', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'darkroom-nets-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const engine = await createEngine({ models: [MODELS, folder], device: cpuDevice({ threads: 1 }) });
    t.after(() => engine.close());
    for (const [className, what] of [
      ['ControlNetUnionModel', 'a ControlNet-Union'],
      ['UNetControlNetXSModel', 'a ControlNet-XS'],
      ['T2IAdapter', 'a T2I-Adapter'],
      ['SD3ControlNetModel', 'a ControlNet of Stable Diffusion 3'],
      ['FluxControlNetModel', 'a ControlNet of another family'],
      ['MotionAdapter', 'no ControlNet'],
    ] as const) {
      mkdirSync(join(folder, 'other'), { recursive: true });
      writeFileSync(join(folder, 'other', 'config.json'), JSON.stringify({ _class_name: className }));
      const job = await withControls({});
      const request = {
        ...job.request,
        controls: [{ ...job.request.controls[0]!, controlnet: 'other' }],
      };
      const error = await refusal(engine.open({ ...job, request }));
      assert.equal(error.code, 'unsupported');
      assert.ok(error.message.includes(`_class_name is "${className}": ${what}`), error.message);
    }
  });

  test('a kind that the model brings no net for', async () => {
    const job = await withControls({});
    const error = await refusal(
      engine.open({ ...job, request: { ...job.request, controls: [control('depth', CONTROL.image)] } }),
    );
    assert.match(error.message, /has no ControlNet for depth of its own\..*canny, openpose/);
  });

  test('depth without a detector says how to add one', async () => {
    const error = await refusal(engine.open(await withControls({ kind: 'depth' })));
    assert.equal(error.code, 'unsupported');
    assert.match(error.message, /no detector is installed/);
  });

  test('a transformer takes none', async () => {
    const sd3 = { model: 'tiny-sd3', sampler: 'flow_euler', width: 64, height: 64, controls: [CONTROL] };
    const error = await refusal(engine.open(await jobOf({ ...DRAFT, ...sd3 })));
    assert.match(error.message, /does not support ControlNets/);
  });

  test('a UNet of a channel count that no pipeline here has', async () => {
    const file = join(models, 'tiny-sd21/unet/config.json');
    const config = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...config, in_channels: 8 }));
    const job = await jobOf({ ...DRAFT, model: 'tiny-sd21' });
    const error = await refusal(engine.open(job));
    assert.equal(error.code, 'unsupported');
    assert.match(error.message, /reads 8 channels; .* 4 channels, or 9 for inpainting/);
  });

  test('an inpainting model without a mask', async () => {
    const error = await refusal(engine.open(await jobOf({ ...DRAFT, model: 'tiny-inpaint' })));
    assert.match(error.message, /picture to start from and a mask/);
  });
});

const control = (kind: 'openpose' | 'depth', image: string) => ({ kind, image, scale: 1, start: 0, end: 1 });
