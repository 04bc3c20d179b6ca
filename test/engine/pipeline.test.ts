/** What the engine promises beyond the numbers: one seed one picture, however runs are cut and mixed. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import type { PipelineRun } from '../../src/engine/run.ts';
import { DarkroomError } from '../../src/errors.ts';
import { readPngText } from '../../src/image/png-text.ts';
import type { FinishedPicture, Job, Progress } from '../../src/job.ts';
import { requestToJson } from '../../src/request.ts';
import { inEnglish } from '../english.ts';
import { jobOf, MODELS, readPixels } from './goldens.ts';

const DRAFT = {
  model: 'tiny-sd15',
  prompt: 'a red mug on a table',
  width: 64,
  height: 72,
  num_inference_steps: 4,
  guidance_scale: 5,
  seed: 7,
  sampler: 'euler_a',
};
const FROM_PICTURE = { ...DRAFT, width: 64, height: 64, image: 'inputs/hills-64x64.png', strength: 0.75 };

const models = mkdtempSync(join(tmpdir(), 'darkroom-models-'));
cpSync(MODELS, models, { recursive: true });
writeFileSync(
  join(models, 'tiny-sd15', 'darkroom.json'),
  JSON.stringify({ latent_rgb: { factors: Array(4).fill([0.2, 0.1, -0.1]), bias: [0, 0, 0] } }),
);
for (const copy of ['second', 'third']) {
  cpSync(join(MODELS, 'tiny-sd15'), join(models, copy), { recursive: true });
}
const engine = await createEngine({ models: [models], device: cpuDevice({ threads: 1 }) });
after(async () => {
  await engine.close();
  rmSync(models, { recursive: true });
});

async function make(job: Job, slice = 1000): Promise<readonly FinishedPicture[]> {
  const run = await engine.open(job);
  try {
    while (!(await run.advance(slice, () => {})).done);
    return (await run.decode()).pictures;
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

describe('pictures', () => {
  for (const draft of [DRAFT, FROM_PICTURE]) {
    const kind = 'image' in draft ? 'image to image' : 'text to image';
    test(`${kind}: a count of 3 gives the same files as three jobs`, async () => {
      const together = await make(await jobOf({ ...draft, num_images: 3 }));
      for (const [i, picture] of together.entries()) {
        const [alone] = await make(await jobOf({ ...draft, seed: draft.seed + i }));
        assert.equal(picture.seed, draft.seed + i);
        assert.deepEqual(picture, alone);
      }
    });
  }

  test('the seed after the last one is 0', async () => {
    const pictures = await make(await jobOf({ ...DRAFT, seed: 2 ** 32 - 1, num_images: 2 }));
    assert.deepEqual(
      pictures.map(({ seed }) => seed),
      [2 ** 32 - 1, 0],
    );
    assert.deepEqual(pictures[1], (await make(await jobOf({ ...DRAFT, seed: 0 })))[0]);
  });

  test('philox draws another picture from the same seed, and the file says so', async () => {
    const [torch] = await make(await jobOf(DRAFT));
    const [philox] = await make(await jobOf({ ...DRAFT, rng: 'philox' }));
    assert.notDeepEqual(await readPixels(philox!.png), await readPixels(torch!.png));
    assert.match(readPngText(philox!.png).get('parameters')!, /RNG: NV/);
    assert.deepEqual((await make(await jobOf({ ...DRAFT, rng: 'philox' })))[0], philox);
  });

  test('slices of any length give the same picture', async () => {
    const job = await jobOf(DRAFT);
    assert.deepEqual(await make(job, 1), await make(job, 3));
  });

  test('runs of two users, step by step in turn, give what each gives alone', async () => {
    const jobs = [
      await jobOf(DRAFT, { user: 'test:one' }),
      await jobOf({ ...FROM_PICTURE, seed: 9 }, { user: 'test:two' }),
    ];
    const alone = [await make(jobs[0]!), await make(jobs[1]!)];
    const runs: PipelineRun[] = [];
    for (const job of jobs) runs.push(await engine.open(job));
    const open = new Set(runs);
    while (open.size > 0) {
      for (const run of open) if ((await run.advance(1, () => {})).done) open.delete(run);
    }
    for (const [i, run] of runs.entries()) {
      assert.deepEqual((await run.decode()).pictures, alone[i]);
      await run.close();
    }
  });

  test('several pictures can be finished one by one while the others are drawn, and are the same', async () => {
    const job = await jobOf({ ...DRAFT, num_images: 3 });
    const together = await make(job);
    const run = await engine.open(job);
    const finished: unknown[] = [];
    const counts: number[] = [];
    for (let done = false; !done; ) {
      const made = await run.advance(1, () => {});
      done = made.done;
      counts.push(made.drawn!);
      if (finished.length < made.drawn!) finished.push(await run.finish!());
    }
    const perPicture = counts.length / 3;
    assert.deepEqual(
      [0, 1, 2, 3].map((drawn) => counts.filter((count) => count === drawn).length),
      [perPicture - 1, perPicture, perPicture, 1],
    );
    await assert.rejects(run.finish!(), /not drawn/);
    assert.deepEqual((await run.decode()).pictures, []);
    assert.deepEqual(finished, together);
    await run.close();
  });

  test('more models than stay open take turns', async () => {
    const job = await jobOf(DRAFT);
    const jobs = ['tiny-sd15', 'second', 'third'].map((model) => ({
      ...job,
      request: { ...job.request, model },
    }));
    const runs = await Promise.all(jobs.map((each) => engine.open(each)));
    for (const run of runs) await run.advance(2, () => {});
    for (const run of runs) {
      await run.advance(2, () => {});
      const [latents] = run.latents();
      assert.deepEqual(latents, runs[0]!.latents()[0]);
      await run.close();
    }
    assert.equal((await make(jobs[0]!)).length, 1);
  });

  test('a PNG says what makes it again', async () => {
    const [first, second] = await make(
      await jobOf({ ...DRAFT, num_images: 2, negative_prompt: 'text, blurry' }),
    );
    const texts = readPngText(second!.png);
    const { request, model_hash, engine_version } = JSON.parse(texts.get('darkroom')!);
    assert.match(model_hash, /^[0-9a-f]{10}$/);
    assert.match(texts.get('XML:com.adobe.xmp') ?? '', /digitalsourcetype\/trainedAlgorithmicMedia"/);
    assert.match(engine_version, /^\d+\.\d+\.\d+/);
    const again = await jobOf(request);
    assert.deepEqual(requestToJson(again.request), request);
    assert.deepEqual((await make(again))[0], second);
    assert.notDeepEqual(await readPixels(first!.png), await readPixels(second!.png));
    assert.match(
      texts.get('parameters')!,
      new RegExp(
        `^a red mug on a table\nNegative prompt: text, blurry\nSteps: 4, Sampler: Euler a, .*Seed: 8, Size: 64x72, Model hash: ${model_hash}`,
      ),
    );
  });
});

describe('progress', () => {
  test('a preview of several pictures fills place by place: what is drawn stays', async () => {
    const run = await engine.open(await jobOf({ ...DRAFT, num_images: 2 }));
    const placesOf = async (preview: Uint8Array | undefined) => {
      const { data, info } = await sharp(preview!).removeAlpha().raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height], [32, 36]);
      const at = (left: number, top: number) =>
        Array.from({ length: 18 }, (_, y) =>
          data.subarray(3 * ((top + y) * 32 + left), 3 * ((top + y) * 32 + left + 16)),
        ).map((row) => Buffer.from(row));
      const place = (left: number, top: number) => Buffer.concat(at(left, top));
      return [place(0, 0), place(16, 0), place(0, 18), place(16, 18)] as const;
    };
    const next = async (calls: number) => {
      const seen: Progress[] = [];
      await run.advance(calls, (progress) => seen.push(progress));
      await sleep(520);
      return seen.findLast(({ preview }) => preview !== undefined)?.preview;
    };
    const isEmpty = (place: Buffer) => place.every((level) => level === 128);
    const first = await placesOf(await next(1));
    assert.deepEqual(first.map(isEmpty), [false, true, true, true]);
    await next(2);
    const whole = await placesOf(await next(1));
    const [drawn, begun, ...others] = await placesOf(await next(1));
    assert.deepEqual([drawn.equals(first[0]), isEmpty(begun), others.every(isEmpty)], [false, false, true]);
    // The estimate after the last call is the picture itself.
    const change = drawn.reduce((sum, level, i) => sum + Math.abs(level - whole[0][i]!), 0) / drawn.length;
    assert.ok(change < 4, `${change}`);
    assert.ok((await placesOf(await next(3)))[0].equals(drawn));
    await run.close();
  });

  test('counts the calls of all pictures; the first call brings a preview of a pixel for each latent', async () => {
    const run = await engine.open(await jobOf({ ...DRAFT, num_images: 2 }));
    const seen: Progress[] = [];
    assert.equal(run.steps, 8);
    const { done, seconds } = await run.advance(5, (progress) => seen.push(progress));
    assert.equal(done, false);
    assert.ok(seconds > 0);
    assert.deepEqual(
      seen.map(({ step, steps }) => [step, steps]),
      [1, 2, 3, 4, 5].map((step) => [step, 8]),
    );
    const { width, height, format } = await sharp(seen[0]!.preview!).metadata();
    assert.deepEqual({ width, height, format }, { width: 32, height: 36, format: 'png' });
    assert.equal(seen.filter(({ preview }) => preview !== undefined).length, 1, 'two a second at most');
    await run.close();
  });

  test('a preview shows what is kept as it is', async () => {
    const inputs = { image: 'inputs/hills-64x64.png', mask_image: 'inputs/mask-64x64.png' };
    const job = await jobOf({ ...DRAFT, ...inputs, height: 64, keep_unmasked: true });
    const half = Buffer.from(Array.from({ length: 64 * 64 }, (_, i) => (i % 64 < 32 ? 0 : 255)));
    const mask = await sharp(half, { raw: { width: 64, height: 64, channels: 1 } })
      .png()
      .toBuffer();
    const run = await engine.open({ ...job, inputs: new Map([...job.inputs, [inputs.mask_image, mask]]) });
    let preview: Uint8Array | undefined;
    await run.advance(1, (progress) => {
      preview = progress.preview;
    });
    await run.close();
    const { data, info } = await sharp(preview!).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const source = await sharp(job.inputs.get(inputs.image)!)
      .resize(info.width, info.height)
      .removeAlpha()
      .raw()
      .toBuffer();
    const change = { kept: 0, drawn: 0 };
    for (const [i, value] of data.entries()) {
      const side = Math.floor(i / 3) % info.width < info.width * 0.45 ? 'kept' : 'drawn';
      change[side] += Math.abs(value - source[i]!) / data.length;
    }
    assert.ok(change.kept < 2 && change.drawn > 5 * change.kept, JSON.stringify(change));
  });

  test('words beyond the limit are named', async () => {
    const run = await engine.open(
      await jobOf({ ...DRAFT, prompt: `${'a '.repeat(75)}zebra crossing`, prompt_syntax: 'plain' }),
    );
    await run.advance(run.steps, () => {});
    const { notes, seconds } = await run.decode();
    assert.deepEqual(inEnglish(notes), ['The end of the prompt was not read, from “zebra crossing”.']);
    assert.ok(seconds.denoise > 0 && seconds.decode > 0 && seconds.encode > 0);
    await run.close();
  });
});

describe('runs end early', () => {
  test('a closed run makes no further call, and closing twice is fine', async () => {
    const run = await engine.open(await jobOf(DRAFT));
    await run.advance(1, () => {});
    await run.close();
    await run.close();
    assert.equal((await refusal(run.advance(1, () => {}))).code, 'cancelled');
    assert.equal((await refusal(run.decode())).code, 'cancelled');
  });

  test('a run closed between two calls of one slice stops there', async () => {
    const run = await engine.open(await jobOf(DRAFT));
    let calls = 0;
    const work = run.advance(run.steps, () => {
      if (++calls === 2) void run.close();
    });
    assert.equal((await refusal(work)).code, 'cancelled');
    assert.equal(calls, 2);
  });

  test('numbers that are no picture stop the run at their step, with the likely cause', async () => {
    const job = await jobOf(DRAFT);
    const run = await engine.open({ ...job, request: { ...job.request, guidanceScale: 1e60 } });
    let calls = 0;
    const error = await refusal(run.advance(run.steps, () => calls++));
    assert.equal(error.code, 'engine_failed');
    assert.match(error.message, /step 1 of 4\. Guidance 1e\+60 is the likely cause; try 7\.5/);
    assert.equal(calls, 0);
    await run.close();
  });

  test('runs of a closed engine fail at their next step', async () => {
    const other = await createEngine({ models: [models], device: cpuDevice({ threads: 1 }) });
    const run = await other.open(await jobOf(DRAFT));
    await run.advance(1, () => {});
    await other.close();
    assert.equal((await refusal(run.advance(1, () => {}))).code, 'cancelled');
    await run.close();
  });

  test('pictures are developed after the last call only', async () => {
    const run = await engine.open(await jobOf(DRAFT));
    await run.advance(1, () => {});
    await assert.rejects(run.decode());
    await run.close();
  });
});

describe('refused before any model runs', () => {
  const cases: [string, Record<string, unknown>, string, RegExp][] = [
    ['a model that is not there', { model: 'tiny-sd16' }, 'not_found', /tiny-sd15/],
    ['more layers skipped than there are', { clipSkip: 3 }, 'bad_request', /clip_skip 3 .* 2 layers/],
    ['a size beyond the model', { width: 4096 }, 'bad_request', /width 4096 .*Try/],
    ['a size between latents', { height: 66 }, 'bad_request', /height 66 .*multiple of 4.*Try 68/],
    [
      'a scheduler option that is not carried out',
      { schedulerConfig: { lower_order_last: true } },
      'unsupported',
      /lower_order_last/,
    ],
    ['a picture that did not travel', { image: 'gone', strength: 0.5 }, 'bad_request', /Attach it again/],
  ];
  for (const [what, change, code, message] of cases) {
    test(what, async () => {
      const job = await jobOf(DRAFT);
      const error = await refusal(engine.open({ ...job, request: { ...job.request, ...change } }));
      assert.equal(error.code, code);
      assert.match(error.message, message);
    });
  }

  test('a picture that is none', async () => {
    const job = await jobOf(FROM_PICTURE);
    const inputs = new Map([[job.request.image!, new TextEncoder().encode('<html>')]]);
    assert.equal((await refusal(engine.open({ ...job, inputs }))).code, 'bad_picture');
  });
});

test('a model whose files are replaced while it is open draws with the new ones', async () => {
  const job = await jobOf({ ...DRAFT, model: 'second' }, { models });
  const [before] = await make(job);
  const weights = join(models, 'second', 'unet', 'diffusion_pytorch_model.safetensors');
  const bytes = readFileSync(weights);
  writeFileSync(weights, bytes.fill(0, bytes.length - 20_000));
  const [after] = await make(job);
  assert.notDeepEqual(await readPixels(after!.png), await readPixels(before!.png));
  assert.notDeepEqual(recipeOf(after!).model_hash, recipeOf(before!).model_hash);
  rmSync(weights);
  assert.equal((await refusal(make(job))).code, 'bad_model');
});

const recipeOf = ({ png }: FinishedPicture): { model_hash: string } =>
  JSON.parse(readPngText(png).get('darkroom')!);
