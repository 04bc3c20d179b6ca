/** Pictures with a mask: what is kept is kept, and what cannot be used is refused before any model runs. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import sharp from 'sharp';
import { cpuDevice } from '../../src/engine/device.ts';
import { maskOfLatents } from '../../src/engine/picture/inpaint.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { DarkroomError } from '../../src/errors.ts';
import type { Job } from '../../src/job.ts';
import { inEnglish } from '../english.ts';
import { jobOf, MODELS, readPixels } from './goldens.ts';

const DRAFT = {
  model: 'tiny-sd15',
  prompt: 'a red mug on a table',
  image: 'inputs/hills-64x64.png',
  mask_image: 'inputs/mask-64x64.png',
  num_inference_steps: 3,
  guidance_scale: 5,
  seed: 7,
  sampler: 'euler',
  strength: 0.7,
};

const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
after(() => engine.close());

async function make(job: Job) {
  const run = await engine.open(job);
  try {
    while (!(await run.advance(100, () => {})).done);
    return await run.decode();
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

/** The job with another file in place of its mask. */
async function withMask(mask: Uint8Array, draft: Record<string, unknown> = {}): Promise<Job> {
  const job = await jobOf({ ...DRAFT, ...draft });
  return { ...job, inputs: new Map([...job.inputs, [DRAFT.mask_image, mask]]) };
}

const grey = (width: number, height: number, levels: (x: number, y: number) => number) =>
  sharp(
    Uint8Array.from({ length: width * height }, (_, i) => levels(i % width, Math.floor(i / width))),
    { raw: { width, height, channels: 1 } },
  )
    .png()
    .toBuffer();

/** Pixels outside the mask that differ from the picture it started from, and pixels inside that do. */
async function changes(job: Job, mask: Uint8Array) {
  const { pictures } = await make(job);
  const [made, start, levels] = await Promise.all([
    readPixels(pictures[0]!.png),
    readPixels(job.inputs.get(DRAFT.image)!),
    sharp(mask).greyscale().raw().toBuffer(),
  ]);
  const changed = { outside: 0, inside: 0 };
  for (const [i, value] of made.entries()) {
    if (value === start[i]) continue;
    changed[levels[Math.floor(i / 3)]! < 128 ? 'outside' : 'inside']++;
  }
  return changed;
}

const half = await grey(64, 64, (x) => (x < 32 ? 0 : 255));
const island = await grey(64, 64, (x, y) => (x > 20 && x < 40 && y > 10 && y < 30 ? 255 : 0));

describe('what is kept', () => {
  test('keep_unmasked brings every pixel outside the mask back, with or without blur', async () => {
    for (const mask_blur of [0, 4]) {
      const { outside, inside } = await changes(
        await withMask(half, { keep_unmasked: true, mask_blur }),
        half,
      );
      assert.equal(outside, 0);
      assert.ok(inside > 1000, `${inside} values changed`);
    }
  });

  test('without it the kept part goes through the VAE', async () => {
    const { outside } = await changes(await withMask(half), half);
    assert.ok(outside > 1000);
  });

  test('only_masked_padding draws the masked part alone; all else stays', async () => {
    for (const draft of [{ mask_blur: 0 }, { mask_blur: 3, keep_unmasked: true }]) {
      const job = await withMask(island, { only_masked_padding: 6, width: 96, height: 96, ...draft });
      const { outside, inside } = await changes(job, island);
      assert.equal(outside, 0);
      assert.ok(inside > 300, `${inside} values changed`);
    }
  });

  test('a count of 2 gives the same files as two jobs', async () => {
    const together = await make(await jobOf({ ...DRAFT, num_images: 2 }));
    for (const [i, picture] of together.pictures.entries()) {
      const alone = await make(await jobOf({ ...DRAFT, seed: DRAFT.seed + i }));
      assert.deepEqual(picture, alone.pictures[0]);
    }
  });
});

describe('masks that are not as they should be', () => {
  test('one of another size is stretched, and said so', async () => {
    const { notes } = await make(await jobOf({ ...DRAFT, mask_image: 'inputs/mask-100x80.png' }));
    assert.match(inEnglish(notes).join(), /mask of 100x80.*64x64/);
  });

  test('an all white one is allowed, and said so', async () => {
    const { notes } = await make(await withMask(await grey(64, 64, () => 255)));
    assert.match(inEnglish(notes).join(), /all white/);
  });

  test('an all black one is refused', async () => {
    const error = await refusal(engine.open(await withMask(await grey(64, 64, () => 0))));
    assert.equal(error.code, 'bad_request');
    assert.match(error.message, /all black/);
  });

  test('one that moves is refused', async () => {
    const frames = Uint8Array.from({ length: 64 * 128 }, (_, i) => (i < 64 * 64 ? 255 : i % 256));
    const mask = await sharp(frames, { raw: { width: 64, height: 128, channels: 1, pageHeight: 64 } })
      .gif()
      .toBuffer();
    const error = await refusal(engine.open(await withMask(mask)));
    assert.equal(error.code, 'bad_picture');
    assert.match(error.message, /mask.*2 frames/);
  });

  test('one that is none is refused', async () => {
    const error = await refusal(engine.open(await withMask(new TextEncoder().encode('<svg/>'))));
    assert.equal(error.code, 'bad_picture');
  });

  test('one that did not travel is asked for again', async () => {
    const job = await jobOf(DRAFT);
    const error = await refusal(engine.open({ ...job, inputs: new Map([...job.inputs].slice(0, 1)) }));
    assert.match(error.message, /mask is no longer available/);
  });
});

describe('thin masks', () => {
  const size = { width: 64, height: 48 };
  const maskOf = (isMasked: (x: number, y: number) => boolean) =>
    Float32Array.from({ length: 64 * 48 }, (_, i) => (isMasked(i % 64, Math.floor(i / 64)) ? 1 : 0));
  /** Latents as rows of 0 and 1. */
  const rows = (latents: Float32Array) =>
    Array.from({ length: 6 }, (_, y) => [...latents.subarray(y * 8, (y + 1) * 8)].join(''));

  test('a line between the samples of diffusers is drawn in every block that it touches', () => {
    const line = maskOf((x, y) => y >= 17 && y < 24 && x >= 12 && x < 44);
    assert.deepEqual(rows(maskOfLatents(line, size, 8, false)), [
      '00000000',
      '00000000',
      '01111100',
      '00000000',
      '00000000',
      '00000000',
    ]);
    const dot = maskOf((x, y) => x === 63 && y === 47);
    assert.equal(rows(maskOfLatents(dot, size, 8, false)).at(-1), '00000001');
    const diagonal = maskOf((x, y) => Math.abs(x - y) < 3);
    for (const [y, row] of rows(maskOfLatents(diagonal, size, 8, false)).entries()) assert.equal(row[y], '1');
  });

  test('a wide mask is sampled as diffusers samples it, or counts whole where the rest is laid back', () => {
    const square = maskOf((x, y) => x >= 12 && x < 44 && y >= 12 && y < 36);
    const sampled = ['00000000', '00000000', '00111100', '00111100', '00111100', '00000000'];
    assert.deepEqual(rows(maskOfLatents(square, size, 8, false)), sampled);
    const touched = ['00000000', '01111100', '01111100', '01111100', '01111100', '00000000'];
    assert.deepEqual(rows(maskOfLatents(square, size, 8, true)), touched);
  });

  test('such a line changes the picture, also through a blur', async () => {
    const line = await grey(64, 64, (x, y) => (y === 33 && x > 8 && x < 50 ? 255 : 0));
    for (const mask_blur of [0, 6]) {
      const { outside, inside } = await changes(
        await withMask(line, { keep_unmasked: true, mask_blur }),
        line,
      );
      assert.equal(outside, 0);
      assert.ok(inside > 20, `${inside} values changed with a blur of ${mask_blur}`);
    }
  });
});
