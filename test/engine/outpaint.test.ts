/** A picture on a larger canvas: what is kept of it, where it lies, and what is drawn around it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { crop, type Raster, resample } from '../../src/image/resample.ts';
import type { FinishedPicture, Job } from '../../src/job.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { freezeRequest, type ModelDefaults } from '../../src/request.ts';
import { inEnglish } from '../english.ts';
import { uniform } from '../graph/forge.ts';
import { MODELS, readPixels } from './goldens.ts';

const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
after(() => engine.close());
const catalogue = new Catalogue([MODELS]);

const noise = (width: number, height: number): Raster => ({
  ...{ width, height, channels: 3 },
  data: Uint8Array.from(uniform('levels', width * height * 3), (v) => Math.round(((v + 1) / 2) * 255)),
});

const DRAFT = { prompt: 'a boat', num_inference_steps: 3, guidance_scale: 3, seed: 5, image: 'source' };

async function freeze(
  picture: { width: number; height: number },
  draft: object,
  { model = 'tiny-sd15', ...more }: Partial<ModelDefaults> & { model?: string } = {},
) {
  const { defaults } = await catalogue.open(model);
  const context = { model, defaults: { ...defaults, ...more }, imageSize: picture };
  return freezeRequest({ ...DRAFT, ...draft }, context);
}

async function make(picture: Raster, request: Job['request']): Promise<FinishedPicture> {
  const { data, width, height } = picture;
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const run = await engine.open({ id: 'one', user: 'test:one', request, inputs: new Map([['source', png]]) });
  try {
    while (!(await run.advance(1, () => {})).done);
    return (await run.decode()).pictures[0]!;
  } finally {
    await run.close();
  }
}

/** How many of the picture's pixels came back as they were, and how many around it are its own edge's. */
function kept(made: Raster, picture: Raster, { left, top }: { left: number; top: number }): number {
  const part = crop(made, { left, top, right: left + picture.width, bottom: top + picture.height });
  return part.data.filter((level, i) => level === picture.data[i]).length / part.data.length;
}

const raster = async ({ png, width, height }: FinishedPicture): Promise<Raster> => ({
  data: await readPixels(png),
  ...{ width, height, channels: 3 },
});

for (const model of ['tiny-sd15', 'tiny-inpaint']) {
  test(`${model}: the picture is kept to the pixel but for its border, and the recipe makes the same request`, async () => {
    const picture = noise(96, 64);
    const { request, notes } = await freeze(picture, { outpaint: { zoom: 1.5 } }, { model });
    assert.deepEqual(request.outpaint, {
      ...{ zoom: 1.5, width: 144, height: 96, left: 24, top: 16, keptWidth: 96, keptHeight: 64 },
    });
    assert.deepEqual(notes, []);
    const made = await make(picture, request);
    assert.deepEqual([made.width, made.height], [144, 96]);
    const all = await raster(made);
    // A border of 8 pixels is blended.
    const inner = crop(picture, { left: 8, top: 8, right: 88, bottom: 56 });
    assert.equal(kept(all, inner, { left: 32, top: 24 }), 1);
    assert.ok(kept(all, picture, { left: 24, top: 16 }) < 0.9);
    const again = JSON.parse(readPngText(made.png).get('darkroom')!).request;
    assert.deepEqual((await freeze(picture, again, { model })).request, request);
  });
}

test('a pan keeps the picture at the other side, to its very edge', async () => {
  const picture = noise(64, 48);
  const places = {
    left: { width: 96, height: 48, left: 32, top: 0 },
    right: { width: 96, height: 48, left: 0, top: 0 },
    up: { width: 64, height: 72, left: 0, top: 24 },
    down: { width: 64, height: 72, left: 0, top: 0 },
  };
  for (const [pan, place] of Object.entries(places)) {
    const { request } = await freeze(picture, { outpaint: { pan } });
    const { width, height, left, top } = request.outpaint!;
    assert.deepEqual({ width, height, left, top }, place);
  }
  const { request } = await freeze(picture, { outpaint: { pan: 'left' } });
  const all = await raster(await make(picture, request));
  const inner = crop(picture, { left: 8, top: 0, right: 64, bottom: 48 });
  assert.equal(kept(all, inner, { left: 40, top: 0 }), 1);
});

test("what is larger than pictures may be is made smaller, which is said; large ones are drawn at about the model's size", async () => {
  const picture = noise(96, 64);
  const { request, notes } = await freeze(picture, { outpaint: { zoom: 2 } }, { largestPicture: 144 });
  const { width, height, keptWidth, keptHeight, left, top } = request.outpaint!;
  assert.deepEqual([width, height, keptWidth, keptHeight], [144, 96, 72, 48]);
  assert.match(inEnglish(notes).join(), /made smaller, from 96x64 to 72x48, .* not larger than 144 pixels/);
  const all = await raster(await make(picture, request));
  const inner = crop(resample(picture, { width: 72, height: 48 }), {
    left: 8,
    top: 8,
    right: 64,
    bottom: 40,
  });
  assert.equal(kept(all, inner, { left: left + 8, top: top + 8 }), 1);

  const large = await freeze({ width: 400, height: 400 }, { outpaint: { zoom: 2 } });
  assert.deepEqual([large.request.outpaint?.width, large.request.width < 200], [800, true]);
});

test('what is too small, or asks for two things at once, is refused with a sentence', async () => {
  const picture = { width: 96, height: 64 };
  const refused = (size: typeof picture, draft: object) => freeze(size, draft);
  await assert.rejects(
    refused({ width: 1, height: 1 }, { outpaint: { zoom: 2 } }),
    /is 1x1; at least 32 pixels/,
  );
  await assert.rejects(refused(picture, { outpaint: { zoom: 1 } }), /adds nothing at zoom 1/);
  await assert.rejects(refused(picture, { outpaint: { zoom: 9 } }), /outside 1 to 3/);
  await assert.rejects(
    refused(picture, { outpaint: { zoom: 2 }, hires: { scale: 2 } }),
    /outpaint and hires do not go together/,
  );
  await assert.rejects(refused(picture, { outpaint: { zoom: 2 }, image: undefined }), /need a picture/);
  await assert.rejects(refused(picture, { outpaint: { zoom: 2, width: 10 } }), /go together/);
});
