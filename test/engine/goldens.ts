/** The tiny models of test/golden and the pictures that diffusers made with them (make_pictures.py). */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import sharp from 'sharp';
import type { Job } from '../../src/job.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { freezeRequest, type GenerationRequest } from '../../src/request.ts';

export const FIXTURES = new URL('../golden/fixtures/', import.meta.url).pathname;
export const MODELS = `${FIXTURES}models`;

export interface GoldenPicture {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>> & { readonly model: string };
  readonly files: { readonly latents: string; readonly picture: string };
}

export const GOLDEN_PICTURES: readonly GoldenPicture[] = JSON.parse(
  readFileSync(`${FIXTURES}manifest.json`, 'utf8'),
).pictures;

let jobs = 0;

/** A job from a draft of contract.md's fields; `image` names a file under FIXTURES. */
export async function jobOf(
  draft: Readonly<Record<string, unknown>> & { readonly model: string },
  user = 'test:one',
): Promise<Job> {
  const model = basename(draft.model);
  const { defaults } = await new Catalogue([MODELS]).open(model);
  const image = draft['image'] as string | undefined;
  const bytes = image === undefined ? undefined : readFileSync(`${FIXTURES}${image}`);
  const size = bytes === undefined ? undefined : await sharp(bytes).metadata();
  const context = { model, defaults, ...(size === undefined ? {} : { imageSize: size }) };
  const { request } = freezeRequest({ ...draft, model }, context);
  return { id: `job-${jobs++}`, user, request, inputs: inputsOf(request, bytes) };
}

function inputsOf({ image }: GenerationRequest, bytes: Uint8Array | undefined): Job['inputs'] {
  return new Map(image === undefined || bytes === undefined ? [] : [[image, bytes]]);
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
