/** The tiny models of test/golden and the pictures that diffusers made with them (make_pictures.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import sharp from 'sharp';
import type { Job } from '../../src/job.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { freezeRequest } from '../../src/request.ts';

export const FIXTURES = new URL('../golden/fixtures/', import.meta.url).pathname;
export const MODELS = `${FIXTURES}models`;
export const CONTROLNETS = `${FIXTURES}controlnets`;

interface GoldenPicture {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>> & { readonly model: string };
  readonly files: { readonly latents: string; readonly picture: string };
}

export const GOLDEN_PICTURES: readonly GoldenPicture[] = JSON.parse(
  readFileSync(`${FIXTURES}manifest.json`, 'utf8'),
).pictures;

let jobs = 0;

/** Requests that diffusers carried out, with what it made of them (make_pipelines.py). */
export interface GoldenRun {
  readonly name: string;
  readonly request: Draft;
  readonly files: { readonly latents: string; readonly pictures: readonly string[] };
  /** How far the reference's float64 run ends from this one, in standard deviations of the latents. */
  readonly drift?: number;
}

export const GOLDEN_RUNS: readonly GoldenRun[] = JSON.parse(
  readFileSync(`${FIXTURES}pipelines.json`, 'utf8'),
);

type Draft = Readonly<Record<string, unknown>> & {
  readonly model: string;
  readonly image?: string;
  readonly mask_image?: string;
  readonly reference_images?: readonly string[];
  readonly controls?: readonly { readonly image: string; readonly controlnet?: string }[];
};

/** A job from a draft; pictures are files under FIXTURES, models and nets are named. */
export async function jobOf(draft: Draft, { user = 'test:one', models = MODELS } = {}): Promise<Job> {
  const model = basename(draft.model);
  const { defaults } = await new Catalogue([models]).open(model);
  const controls = draft.controls?.map((control) =>
    control.controlnet === undefined ? control : { ...control, controlnet: basename(control.controlnet) },
  );
  const references = [
    draft.image,
    draft.mask_image,
    ...(draft.reference_images ?? []),
    ...(controls ?? []).map(({ image }) => image),
  ];
  const inputs = new Map<string, Uint8Array>();
  for (const reference of references) {
    if (reference !== undefined) inputs.set(reference, readFileSync(`${FIXTURES}${reference}`));
  }
  const first = references.find((reference) => reference !== undefined && reference !== draft.mask_image);
  const imageSize = first === undefined ? undefined : await sharp(inputs.get(first)).metadata();
  const context = { model, defaults, ...(imageSize === undefined ? {} : { imageSize }) };
  const { request } = freezeRequest({ ...draft, model, ...(controls && { controls }) }, context);
  return { id: `job-${jobs++}`, user, request, inputs };
}

/** A float32 .npy file in row-major order. */
export function readNpy(path: string): Float32Array {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  return new Float32Array(Uint8Array.from(bytes.subarray(start)).buffer);
}

/** Bytes of [height, width, 3]. */
export async function readPixels(picture: Uint8Array | string): Promise<Uint8Array> {
  return await sharp(picture).removeAlpha().raw().toBuffer();
}

/** Of the latents' standard deviation; what is seen is about 1e-5. */
const LATENT_TOLERANCE = 1e-3;

export function compareLatents(actual: Float32Array, expected: Float32Array): void {
  const worst = largest(actual, expected) / std(expected);
  assert.ok(worst < LATENT_TOLERANCE, `latents are off by ${worst} of their standard deviation`);
}

/** Within 2 levels of 255 on 99.9 % of the values, and a PSNR of 45 dB or more. */
export function comparePixels(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length);
  let outside = 0;
  let squares = 0;
  for (const [i, value] of expected.entries()) {
    const difference = actual[i]! - value;
    if (Math.abs(difference) > 2) outside++;
    squares += difference ** 2;
  }
  const psnr = 10 * Math.log10(255 ** 2 / (squares / expected.length));
  assert.ok(
    outside / expected.length <= 0.001,
    `${outside} of ${expected.length} values are off by more than 2`,
  );
  assert.ok(psnr >= 45, `PSNR is ${psnr} dB`);
}

function largest(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i]! - value)), 0);
}

function std(values: Float32Array): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}
